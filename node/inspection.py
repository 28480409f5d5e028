"""READ FIRST. What happens to one part: trigger, acquire, locate, measure, judge, output, publish,
in this order. The first and the last two are the node's, those between are its worker's.

Whatever is unclear on the way is an ERROR with a code: a verdict that nobody has set is ERROR, and
so is one that comes too late. Outputs come before storing, because the actuator has a deadline;
storing comes before publishing, because what was published must be there after a power cut. Once a
part is claimed every way ends in its result.
"""

import logging
import time

from node.acquire import acquire
from node.cameras import Request
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.output import output
from node.part import Inspection, Part
from node.publish import compose, give_up, publish
from node.record import Record
from node.station import Station
from node.trigger import LOADING_S, trigger
from node.worker.bench import Bench
from node.worker.seam import Found, Job, Settle
from schemas import Problem

log = logging.getLogger(__name__)


def inspect(part: Part, station: Station) -> None:
    """Give one part its one result, whatever happens on the way."""
    record = Record(part)
    try:
        job = trigger(part, station, record)
        record.trigger_ns = time.monotonic_ns()
        record.found = station.worker.look(job)
    except Problem as problem:
        record.fail(problem)
    except Exception as error:
        log.exception("station %s: inspection of %s failed", part.station, part.trigger_id)
        record.fail(Problem("INTERNAL", f"{type(error).__name__}: {error}"))
    if not part.claim():  # too late: the watch has answered for us
        station.worker.settle(Settle(part.id))
        return
    try:
        # before the lines are driven: what cannot be told must not be shown
        compose(record, station)
        assert record.result is not None
        verdict, program = record.result.verdict, record.found.program
        if program is not None:  # a newer version judged, or another program was selected meanwhile
            station.assign(program)
        tools = {tool.name: tool.verdict for tool in record.found.tools}
        record.outputs = output(verdict, tools, program, station.driver, station.id)
        record.output_ended()
        publish(record, station)
    except Exception as error:
        give_up(record, station, error)


def look(job: Job, bench: Bench) -> Found:
    """What the worker does of it, at the bench of the station. Never raises."""
    found = Inspection(job)
    try:
        found.program = program = bench.shelf.get(job.program, LOADING_S)
        bench.doing("acquire")
        asked = program.program.camera
        request = Request(job.after_ns, job.deadline_ns, job.trigger.part_id, asked)
        limits = bench.settings.camera.quality
        found.frame, _ = acquire(bench.camera, request, limits, program.size)
        found.step("acquire")
        bench.doing("locator")
        found.pose, found.placement = locate(found.frame, program.program.locator, program.locator)
        found.step("locate")
        found.findings = measure(
            found.frame, found.placement, program, job.trigger, doing=bench.doing
        )
        found.step("measure")
        found.verdict, found.fault = judge(found, program)
        found.step("judge")
    except Problem as problem:
        found.fail(problem)
    except Exception as error:
        log.exception("station %s: inspection of %s failed", bench.id, job.trigger_id)
        found.fail(Problem("INTERNAL", f"{type(error).__name__}: {error}"))
    bench.doing("")
    bench.saw(job.row, found)
    return found.told()
