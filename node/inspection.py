"""READ FIRST. What happens to one part: trigger, acquire, locate, measure, judge, output, publish,
in this order.

Whatever is unclear on the way is an ERROR with a code: a verdict that nobody has set is ERROR, and
so is one that comes too late. Outputs come before storing, because the actuator has a deadline;
storing comes before publishing, because what was published must be there after a power cut. Once a
part is claimed every way ends in its result.
"""

import logging
import time

from node.acquire import acquire
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.output import output
from node.part import Inspection, Part
from node.publish import compose, give_up, publish
from node.station import Station
from node.trigger import trigger
from schemas import Problem

log = logging.getLogger(__name__)


def inspect(part: Part, station: Station) -> None:
    """Give one part its one result, whatever happens on the way."""
    found = Inspection(part)
    try:
        program, request = trigger(part, station, found)
        found.trigger_ns = time.monotonic_ns()
        frame, _ = acquire(station.camera, request, station.settings.camera.quality, program.size)
        found.frame = frame
        found.step("acquire")
        found.pose, found.placement = locate(frame, program.program.locator, program.locator)
        found.step("locate")
        found.findings = measure(frame, found.placement, program, part.trigger)
        found.step("measure")
        found.verdict, found.fault = judge(found, program)
        found.step("judge")
    except Problem as problem:
        found.fail(problem)
    except Exception as error:
        log.exception("station %s: inspection of %s failed", part.station, part.trigger_id)
        found.fail(Problem("INTERNAL", f"{type(error).__name__}: {error}"))
    if not part.claim():
        return  # too late: the watch has answered for us
    try:
        # before the lines are driven: what cannot be told must not be shown
        compose(found, station)
        tools = {finding.result.name: finding.result.verdict for finding in found.findings}
        program_of = found.program.program if found.program else None
        found.outputs = output(found.verdict, tools, program_of, station.driver, station.id)
        found.step("output")
        publish(found, station)
    except Exception as error:
        give_up(found, station, error)
