"""Seventh step: build the result, commit it with its outbox row; publishing follows the commit, pictures follow both."""

import logging
import time

from node.part import Inspection
from node.station import Station
from schemas import EVALUATION, Images, Problem, Result, new_id, utc
from schemas.result import MAX_RESULT_BYTES, Fault
from schemas.store.ledger import AlreadyAnswered

NO_IMAGES = Images(raw=None, annotated=None)
UNSETTLED = 4  # results of a station that may wait for their commit while the next part is inspected

log = logging.getLogger(__name__)


def publish(found: Inspection, station: Station) -> None:
    """Store the result and let it go out: with the next commit, which is at once or about to be made by the broker's thread.

    A part that has its result already keeps it. Raises Problem STORE_FAILED, or tells the station of it later.
    """
    result_id = new_id()
    images = station.pictures.names(found, result_id) or NO_IMAGES

    def settled(result: Result | None, error: BaseException | None) -> None:
        station.unsettled.popleft()
        if result is not None and error is None:
            station.answered(result)
            station.pictures.keep(found, result)
            return
        station.pictures.forget(images)
        if isinstance(error, Problem):
            station.store_failed(error)
        elif not isinstance(error, AlreadyAnswered):
            log.error("a result could not be built", exc_info=error)
            station.store_failed(Problem("INTERNAL", "a result could not be built: its trigger is answered at the next start"))

    station.unsettled.append(result_id)
    ledger = station.ledger
    ledger.answer_soon(found.part.id, found.part.station, lambda seq: build(found, station, result_id, seq, images), settled)
    if len(station.unsettled) >= UNSETTLED:
        ledger.flush()


def build(found: Inspection, station: Station, result_id: str, seq: int, images: Images = NO_IMAGES) -> Result:
    """The result of an inspection as it will be stored and published."""
    part, program, frame = found.part, found.program, found.frame
    finished_ns = time.monotonic_ns()
    verdict = found.verdict if found.fault is None else "ERROR"
    fault = found.fault
    if verdict == "ERROR" and fault is None:
        fault = Fault(code="INTERNAL", message="no verdict was reached")
    # all values are our own and typed, so the model is not validated again in the inspection path; a test does
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
        program=program.program.id if program else part.trigger.program or station.program_id,
        program_version=program.version if program else None,
        program_hash=program.hash if program else None,
        part_id=part.trigger.part_id,
        meta=part.trigger.meta,
        source=part.source,
        received_at=utc(part.received_at),
        captured_at=utc(frame.taken_at_s) if frame else None,
        finished_at=utc(),
        duration_ms=(finished_ns - part.received_ns) // 1000 / 1000,
        timings_ms=found.timings_ms,
        pose=found.pose,
        tools=tuple(finding.result for finding in found.findings),
        outputs=found.outputs,
        error=fault,
        images=images,
        simulated=station.simulated,
    )
    if len(found.findings) > 32 or part.trigger.meta or fault:  # only these can be large
        return _fit(result)
    return result


def _fit(result: Result) -> Result:
    """The result in at most 16 KiB: error texts of tools go first, then the tools that are OK, then meta."""
    if len(result.model_dump_json(by_alias=True)) <= MAX_RESULT_BYTES:
        return result
    short = tuple(
        tool.model_copy(update={"error": tool.error and Fault(code=tool.error.code, message="")}) for tool in result.tools
    )
    result = result.model_copy(update={"tools": short})
    if len(result.model_dump_json(by_alias=True)) > MAX_RESULT_BYTES:
        result = result.model_copy(update={"tools": tuple(tool for tool in short if tool.verdict != "OK")[:32]})
    if len(result.model_dump_json(by_alias=True)) > MAX_RESULT_BYTES:
        result = result.model_copy(update={"meta": None})
    return result
