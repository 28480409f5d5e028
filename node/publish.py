"""Seventh step: store the result with its outbox row; publishing follows the commit, pictures
follow both.

The result is composed before the lines are driven, since what cannot be reported must not be shown,
and handed to the ledger after that. From there on it does not change: if it cannot be stored now,
its station keeps it until the disk allows.
"""

import logging
import time
from typing import TYPE_CHECKING

from node.record import Record
from node.told import build, smallest
from node.worker.seam import NO_IMAGES, Settle
from schemas import Problem, Result, new_id, utc
from schemas.store.ledger import AlreadyAnswered

if TYPE_CHECKING:
    from node.station import Station

log = logging.getLogger(__name__)


def compose(record: Record, station: "Station") -> None:
    """Make the result as it will be reported. A part whose result cannot be made could not be
    judged, and gets a smaller one."""
    images = NO_IMAGES
    result_id = new_id()
    try:
        images = station.pictures.names(record, result_id) or NO_IMAGES
        record.result = build(record, station, result_id, 0, images)
    except Exception as error:
        log.exception(
            "station %s: the result of %s cannot be made", station.id, record.part.trigger_id
        )
        station.pictures.forget(images)
        record.fail(
            Problem("INTERNAL", f"the result cannot be made: {type(error).__name__}: {error}")
        )
        record.result = smallest(record, station, result_id)
    if record.outcome.fault is not None and record.outcome.fault.code == "INTERNAL":
        station.faulty(record.outcome.fault.message)


def publish(record: Record, station: "Station") -> None:
    """Store the result and let it go out: with the next commit, which is at once or about to be
    made by the broker's thread.

    A part that has its result already keeps it. What cannot be stored now stays with the station
    until it can.
    """
    if record.result is None:
        compose(record, station)
    assert record.result is not None
    duration_ms = (time.monotonic_ns() - record.part.received_ns) // 1000 / 1000
    last = {
        "outputs": record.outputs,
        "timings_ms": record.outcome.timings_ms,
        "finished_at": utc(),
        "duration_ms": duration_ms,
    }
    record.result = record.result.model_copy(update=last)
    store(record, station)


def store(record: Record, station: "Station") -> None:
    """Hand a result that no longer changes to the ledger."""
    result = record.result
    assert result is not None

    def settled(stored: Result | None, error: BaseException | None) -> None:
        station.unsettled.popleft()
        if stored is not None and error is None:
            station.answered(stored)
            station.worker.settle(station.pictures.settle(record, stored))
            if station.tracing is not None:
                station.tracing.ended(record, stored)
        elif isinstance(error, AlreadyAnswered):
            station.pictures.forget(result.images)
            station.worker.settle(Settle(record.part.id))
        elif isinstance(error, Problem):
            station.keep(record, error)
        else:  # whatever it is that cannot be written, the part still gets an answer
            log.error(
                "station %s: the result of %s cannot be written",
                station.id,
                record.part.trigger_id,
                exc_info=error,
            )
            station.pictures.forget(result.images)
            record.fail(
                Problem("INTERNAL", f"the result cannot be written: {type(error).__name__}")
            )
            record.result = smallest(record, station, result.result_id)
            station.faulty(f"a result cannot be written: {type(error).__name__}: {error}")
            station.keep(record, Problem("INTERNAL"))

    if station.tracing is not None and record.part.trace is not None:
        station.tracing.begun(result.result_id, record.part.trace)
    station.unsettled.append(result.result_id)
    station.ledger.answer_soon(
        record.part.id,
        record.part.station,
        lambda seq: result.model_copy(update={"seq": seq}),
        settled,
    )


def give_up(record: Record, station: "Station", error: Exception) -> None:
    """A fault of ours came between a part and its result: it gets the smallest that there is."""
    log.error(
        "station %s: %s could not be answered", station.id, record.part.trigger_id, exc_info=error
    )
    station.driver.safe(station.id)
    if record.result is not None:
        station.pictures.forget(record.result.images)
    record.fail(Problem("INTERNAL", f"{type(error).__name__}: {error}"))
    record.outputs = "error" if station.driver.status(station.id) != "none" else "none"
    record.result = smallest(record, station, new_id())
    station.faulty(f"{type(error).__name__}: {error}")
    store(record, station)
