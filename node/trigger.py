"""First step: whether this trigger is still worth an inspection, with which program, and what is
asked of the worker."""

import time

from node.arrival import Received, stale
from node.early import as_job
from node.part import Part
from node.record import Record
from node.station import Station, none_chosen
from node.worker.seam import LOADING_S, PartJob
from schemas import Problem

STEP_S = 0.5  # of a wait for the delay of a trigger


def trigger(part: Part, station: Station, record: Record) -> PartJob:
    """What the worker is asked for; the time limit is noted for the watch.

    Raises Problem TRIGGER_STALE, PROGRAM_NOT_FOUND, PROGRAM_INVALID, ...
    """
    received = Received(part.received_at, station.thread.received_ns(part))
    too_old = stale(
        part.trigger, station.settings, received, older_ms=part.older_ms, now_ns=record.began_ns
    )
    if too_old is not None:
        raise too_old
    if station.crash is not None and part.early is None:  # that one may have been the last straw
        raise Problem("STATION_PAUSED", station.crash)
    program_id = part.trigger.program or station.program_id
    if program_id is None:
        raise none_chosen()
    program = part.early
    if program is None or program.id != program_id:  # or another was selected meanwhile
        program = station.worker.program(program_id, LOADING_S)
    record.outcome = record.outcome._replace(program=program)
    station.assign(program)
    station.driver.begin(station.id)
    limit_ns = program.limits_ms * 1_000_000
    station.thread.limit(record.began_ns + limit_ns)
    job = as_job(part, station, program, record.began_ns)
    while (left_ns := job.after_ns - time.monotonic_ns()) > 0:
        time.sleep(min(left_ns / 1e9, STEP_S))
    return job
