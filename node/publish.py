"""Seventh step: store the result with its outbox row; publishing follows the commit, pictures
follow both.

The result is composed before the lines are driven, since what cannot be told must not be shown, and
handed to the ledger after that. From there on it does not change: if it cannot be stored now, its
station keeps it until the disk allows.
"""

import logging
import time
from typing import TYPE_CHECKING, Protocol

from node.record import Record
from node.worker.seam import NO_IMAGES, Settle
from schemas import EVALUATION, Images, Problem, Result, new_id, utc
from schemas.result import MAX_RESULT_BYTES, Fault
from schemas.store.ledger import AlreadyAnswered

if TYPE_CHECKING:
    from node.station import Station

FEW = 16  # tools: without texts and errors each takes less than 300 bytes
LATER_BYTES = 64  # by so much a result can grow after it was fitted: seq, times and outputs

log = logging.getLogger(__name__)


class Whose(Protocol):
    """Whose a result is: a station's, or its bench's for what an editor tries."""

    node_id: str
    program_id: str | None

    @property
    def simulated(self) -> bool:
        """Whether camera or lines are simulated."""


def compose(record: Record, station: "Station") -> None:
    """Make the result as it will be told. A part whose result cannot be made could not be judged,
    and gets a smaller one."""
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
    if record.found.fault is not None and record.found.fault.code == "INTERNAL":
        station.faulty(record.found.fault.message)


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
        "timings_ms": record.found.timings_ms,
        "finished_at": utc(),
        "duration_ms": duration_ms,
    }
    record.result = record.result.model_copy(update=last)
    store(record, station)


def store(record: Record, station: "Station") -> None:
    """Hand a result that does not change any more to the ledger."""
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
        else:  # whatever it is that cannot be written, the part has an answer
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


def build(
    record: Record,
    station: Whose,
    result_id: str,
    seq: int,
    images: Images = NO_IMAGES,
) -> Result:
    """The result of an inspection as it will be stored and published, but for what is known only
    then."""
    part, found = record.part, record.found
    program, fault = found.program, found.fault
    finished_ns = time.monotonic_ns()
    verdict = found.verdict if fault is None else "ERROR"
    if verdict == "ERROR" and fault is None:
        fault = Fault(code="INTERNAL", message="no verdict was reached")
    # all values are our own and typed, so the model is not validated again in the inspection path;
    # a test does
    result = Result.made(
        schema_="result/1",
        result_id=result_id,
        trigger_id=part.trigger_id,
        assigned=part.assigned,
        node=station.node_id,
        station=part.station,
        seq=seq,
        verdict=verdict,
        evaluation=EVALUATION[verdict],
        program=program.id if program else part.trigger.program or station.program_id,
        program_version=program.version if program else None,
        program_hash=program.hash if program else None,
        part_id=part.trigger.part_id,
        meta=part.trigger.meta,
        source=part.source,
        received_at=utc(part.received_at),
        captured_at=None if found.taken_at_s is None else utc(found.taken_at_s),
        finished_at=utc(),
        duration_ms=(finished_ns - part.received_ns) // 1000 / 1000,
        timings_ms=found.timings_ms,
        pose=found.pose,
        tools=found.tools,
        outputs=record.outputs,
        error=fault,
        images=images,
        simulated=station.simulated,
    )
    return _fit(result)


def smallest(record: Record, station: "Station", result_id: str) -> Result:
    """The ERROR of a part of which nothing is told but which it is, and why."""
    part, fault = (
        record.part,
        record.found.fault or Fault(code="INTERNAL", message="no verdict was reached"),
    )
    return Result.made(
        schema_="result/1",
        result_id=result_id,
        trigger_id=part.trigger_id,
        assigned=part.assigned,
        node=station.node_id,
        station=part.station,
        seq=0,
        verdict="ERROR",
        evaluation=EVALUATION["ERROR"],
        program=None,
        program_version=None,
        program_hash=None,
        part_id=part.trigger.part_id,
        meta=None,
        source=part.source,
        received_at=utc(part.received_at),
        captured_at=None,
        finished_at=utc(),
        duration_ms=(time.monotonic_ns() - part.received_ns) // 1000 / 1000,
        timings_ms={},
        pose=None,
        tools=(),
        outputs=record.outputs,
        error=Fault(code=fault.code, message=fault.message.encode("ascii", "replace").decode()),
        images=NO_IMAGES,
        simulated=station.simulated,
    )


def _fit(result: Result) -> Result:
    """The result in at most 16 KiB: error texts of tools go first, then the tools that are OK, then
    meta."""
    few = len(result.tools) <= FEW and not any(tool.text or tool.error for tool in result.tools)
    if few and result.meta is None:
        return result  # what else there is has bounds of its own
    limit = MAX_RESULT_BYTES - LATER_BYTES
    if len(result.model_dump_json(by_alias=True)) <= limit:
        return result
    short = tuple(
        tool.model_copy(update={"error": tool.error and Fault(code=tool.error.code, message="")})
        for tool in result.tools
    )
    result = result.model_copy(update={"tools": short})
    if len(result.model_dump_json(by_alias=True)) > limit:
        result = result.model_copy(
            update={"tools": tuple(tool for tool in short if tool.verdict != "OK")[:32]}
        )
    if len(result.model_dump_json(by_alias=True)) > limit:
        result = result.model_copy(update={"meta": None})
    return result
