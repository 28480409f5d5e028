"""Looking at a part while its trigger is committed, which takes about as long as the picture.

The look changes nothing but the time: it drives no line, and what it finds is nobody's until the
part is there, with its row in the ledger. A trigger that is refused, or known, ends it unseen.
"""

import os
import time

from node.part import Part
from node.station import Station
from node.worker.seam import PartJob, ReadyProgram

CORES = len(os.sched_getaffinity(0))
LAMPS = {"busy", "always_on"}  # outputs that begin with a part, and may light it


def as_job(part: Part, station: Station, program: ReadyProgram, began_ns: int) -> PartJob:
    """What is asked of the worker; began_ns: when its time began to run."""
    after_ns = part.received_ns + station.settings.trigger_delay_ms * 1_000_000
    deadline_ns = min(
        began_ns + program.limits_ms * 1_000_000,
        max(after_ns, began_ns) + station.settings.camera.timeout_ms * 1_000_000,
    )
    return PartJob(
        part.id,
        part.trigger_id,
        part.trigger,
        program.id,
        part.received_ns,
        began_ns,
        after_ns,
        deadline_ns,
        _crowded(station),
        station.thread.waiting > 0,
    )


def _crowded(station: Station) -> bool:
    """Whether as many other stations have parts as there are other cores."""
    busy = sum(each() for each in station.busy)
    return busy + station.thread.idle >= CORES  # an idle one is about to have this part


def early(part: Part, station: Station) -> ReadyProgram | None:
    """Let the worker begin to look at a part while its trigger is committed: with which program,
    None if it does not. Never waits.

    The look changes nothing but the time: it drives no line, and what it finds is nobody's until
    the part is there, with its row. So it is for a station that has nothing to do, and a camera
    whose next pictures are the same, whether this one is judged or not; and not where a line that
    the part's beginning drives may be a lamp.
    """
    settings = station.settings
    program_id = part.trigger.program or station.program_id
    real = settings.lines.kind != "memory"
    if (
        program_id is None
        or not settings.camera.lasting(part.trigger.part_id)
        or settings.trigger_delay_ms
        or (real and settings.lines.busy is not None)
        or station.unrecorded is not None
        or not station.thread.idle
    ):
        return None

    def asked(program: ReadyProgram) -> PartJob | None:
        if real and LAMPS & set(program.outputs.values()):
            return None
        return as_job(part, station, program, time.monotonic_ns())

    return station.worker.look_early(program_id, asked)
