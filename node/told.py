"""The result of a part as it is reported: made from what was found, and small enough."""

import time
from typing import Any, Protocol

from node.record import Record
from node.worker.seam import NO_IMAGES, PartOutcome
from schemas import EVALUATION, Images, Result, utc
from schemas.result import MAX_RESULT_BYTES, Fault

FEW = 16  # tools: without texts and errors each takes less than 300 bytes
LATER_BYTES = 64  # by how much a result can grow after it was fitted: seq, times and outputs
NO_VERDICT = Fault(code="INTERNAL", message="no verdict was reached")


class ResultOwner(Protocol):
    """Whose a result is: a station's, or its bench's for what an editor tries."""

    node_id: str
    program_id: str | None

    @property
    def simulated(self) -> bool:
        """Whether camera or lines are simulated."""


def build(
    record: Record,
    station: ResultOwner,
    result_id: str,
    seq: int,
    images: Images = NO_IMAGES,
) -> Result:
    """The result of an inspection as it will be stored and published, except for what is known only
    then."""
    part, outcome = record.part, record.outcome
    verdict, fault = outcome.verdict, outcome.fault
    if fault is not None:
        verdict = "ERROR"
    elif verdict == "ERROR":
        fault = NO_VERDICT
    program = outcome.program.id if outcome.program else part.trigger.program or station.program_id
    outcome = outcome._replace(verdict=verdict, fault=fault)
    made = _made(record, outcome, station, result_id, seq, program, part.trigger.meta, images)
    return _fit(made)


def smallest(record: Record, station: ResultOwner, result_id: str) -> Result:
    """The ERROR of a part of which nothing is said but which part it is, and why."""
    fault = record.outcome.fault or NO_VERDICT
    fault = Fault(code=fault.code, message=fault.message.encode("ascii", "replace").decode())
    nothing = PartOutcome(record.outcome.row, "ERROR", fault, None, (), None, {}, None, 0)
    return _made(record, nothing, station, result_id)


def _made(
    record: Record,
    outcome: PartOutcome,
    station: ResultOwner,
    result_id: str,
    seq: int = 0,
    program: str | None = None,
    meta: Any = None,
    images: Images = NO_IMAGES,
) -> Result:
    """All values are our own and typed, so the model is not validated again in the inspection path;
    a test does."""
    part = record.part
    return Result.made(
        schema_="result/1",
        result_id=result_id,
        trigger_id=part.trigger_id,
        assigned=part.assigned,
        node=station.node_id,
        station=part.station,
        seq=seq,
        verdict=outcome.verdict,
        evaluation=EVALUATION[outcome.verdict],
        program=program,
        program_version=outcome.program.version if outcome.program else None,
        program_hash=outcome.program.hash if outcome.program else None,
        part_id=part.trigger.part_id,
        meta=meta,
        source=part.source,
        received_at=utc(part.received_at),
        captured_at=None if outcome.taken_at_s is None else utc(outcome.taken_at_s),
        finished_at=utc(),
        duration_ms=(time.monotonic_ns() - part.received_ns) // 1000 / 1000,
        timings_ms=outcome.timings_ms,
        pose=outcome.pose,
        tools=outcome.tools,
        outputs=record.outputs,
        error=outcome.fault,
        images=images,
        simulated=station.simulated,
    )


def _fit(result: Result) -> Result:
    """The result in at most 16 KiB: error texts of tools go first, then the tools that are OK, then
    meta."""
    few = len(result.tools) <= FEW and not any(tool.text or tool.error for tool in result.tools)
    if few and result.meta is None:
        return result  # everything else has bounds of its own
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
