"""READ FIRST. What happens to one part: trigger, acquire, locate, measure, judge, output, publish,
in this order. The first and the last two are here, those between are its worker's, in look.py: a
node whose workers are processes knows no pixels.

Whatever is unclear on the way is an ERROR with a code: a verdict that nobody has set is ERROR, and
so is one that comes too late. Outputs come before storing, because the actuator has a deadline;
storing comes before publishing, because what was published must be there after a power cut. Once a
part is claimed every way ends in its result.
"""

import logging
import time

from node.output import output
from node.part import Part
from node.publish import compose, give_up, publish
from node.record import Record
from node.station import Station
from node.trigger import trigger
from node.worker.seam import Settle
from schemas import Problem

log = logging.getLogger(__name__)


def inspect(part: Part, station: Station) -> None:
    """Give one part its one result, whatever happens on the way."""
    record = Record(part)
    try:
        job = trigger(part, station, record)
        record.trigger_ns = time.monotonic_ns()
        record.outcome = station.worker.look(job)
    except Problem as problem:
        record.fail(problem)
    except Exception as error:
        log.exception("station %s: inspection of %s failed", part.station, part.trigger_id)
        record.fail(Problem("INTERNAL", f"{type(error).__name__}: {error}"))
    if not part.claim():  # too late: the watch has answered for us
        station.worker.settle(Settle(part.id))
        return
    try:
        # before the lines are driven: what cannot be reported must not be shown
        compose(record, station)
        assert record.result is not None
        verdict, program = record.result.verdict, record.outcome.program
        if program is not None:  # a newer version judged, or another program was selected meanwhile
            station.assign(program)
        tools = {tool.name: tool.verdict for tool in record.outcome.tools}
        record.outputs = output(verdict, tools, program, station.driver, station.id)
        record.output_ended()
        publish(record, station)
    except Exception as error:
        give_up(record, station, error)
