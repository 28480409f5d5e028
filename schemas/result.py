"""What one trigger becomes: flat where a PLC looks, at most 16 KiB of JSON."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Float, Shape
from schemas.geometry import Pose

MAX_RESULT_BYTES = 16 * 1024
MAX_SHORT_BYTES = 200

Verdict = Literal["OK", "NG", "ERROR"]
Source = Literal["mqtt", "gpio", "timer", "http", "command"]
Evaluation = Literal[1, 2, 3]
# OPC 40001-101 ResultEvaluation
EVALUATION: dict[Verdict, Evaluation] = {"OK": 1, "NG": 2, "ERROR": 3}


class Fault(Shape):
    """Why a part or a tool could not be judged."""

    code: str = Field(description="Code of the catalogue.")
    message: str = Field(description="One sentence for a person.")


class ToolResult(Shape):
    """What one tool measured."""

    name: str = Field(description="Name of the tool.")
    kind: str = Field(description="Kind of the tool.")
    verdict: Verdict = Field(description="Verdict of this tool.")
    value: Float | None = Field(description="What it measured; null if it could not.")
    unit: str = Field(description="Unit of the value and the limits.")
    low: Float | None = Field(description="Lower limit.")
    high: Float | None = Field(description="Upper limit.")
    ms: Float = Field(description="Time the tool took.")
    text: str | None = Field(default=None, description="What it read, if it reads.")
    error: Fault | None = Field(description="Why there is no value.")


class Images(Shape):
    """Names of the kept pictures; null if they are not kept."""

    raw: str | None = Field(description="File name of the picture as taken.")
    annotated: str | None = Field(
        description="File name of the picture with what was found drawn in."
    )


class Result(Shape):
    """One stored and published result."""

    schema_: Literal["result/1"] = Field(
        default="result/1", alias="schema", description="Version of this shape."
    )
    result_id: str = Field(description="Id of the result (UUID version 7).")
    trigger_id: str = Field(description="Id of the trigger.")
    assigned: bool = Field(description="Whether the node assigned the trigger's id.")
    node: str = Field(description="The node.")
    station: str = Field(description="The station.")
    seq: Annotated[int, Field(ge=1)] = Field(
        description="Number of the result in its station, without gaps."
    )
    verdict: Verdict = Field(description="OK good part, NG bad part, ERROR could not be judged.")
    evaluation: Evaluation = Field(
        description="The verdict as in OPC 40001-101: 1 OK, 2 NotOK, 3 NotDecidable."
    )
    program: str | None = Field(description="The program that judged.")
    program_version: int | None = Field(description="Its version.")
    program_hash: str | None = Field(description="Its hash.")
    part_id: str | None = Field(description="From the trigger.")
    meta: dict[str, Any] | None = Field(description="From the trigger.")
    source: Source = Field(description="Where the trigger came from.")
    received_at: str = Field(description="When the trigger was received, UTC.")
    captured_at: str | None = Field(description="When the frame was exposed, UTC.")
    finished_at: str = Field(description="When the verdict was there, UTC.")
    duration_ms: Float = Field(description="From received to finished, by the monotonic clock.")
    timings_ms: dict[str, Float] = Field(description="Time of each step.")
    pose: Pose | None = Field(description="Where the part was found.")
    tools: tuple[ToolResult, ...] = Field(strict=False, description="What each tool measured.")
    outputs: Literal["ok", "error", "none"] = Field(
        default="none", description="Whether the output lines were driven."
    )
    error: Fault | None = Field(description="Why the part could not be judged.")
    images: Images = Field(description="The kept pictures.")
    simulated: bool = Field(description="Whether camera or lines are simulated.")


class ShortResult(Shape):
    """Payload of `short/{station}`: a result in at most 200 bytes, for the fixed buffers of
    PLCs."""

    trigger_id: str = Field(description="Id of the trigger, always whole.")
    seq: Annotated[int, Field(ge=1)] = Field(
        description="Number of the result in its station, without gaps."
    )
    verdict: Verdict = Field(description="OK good part, NG bad part, ERROR could not be judged.")
    evaluation: Evaluation = Field(
        description="The verdict as in OPC 40001-101: 1 OK, 2 NotOK, 3 NotDecidable."
    )
    code: str | None = Field(description="Why the part could not be judged.")
    part_id: str | None = Field(
        description="From the trigger; its beginning and ... if it is too long."
    )


def shorten(payload: bytes) -> bytes:
    """The short form of a result as published."""
    result = json.loads(payload)
    taken = {name: result[name] for name in ("trigger_id", "seq", "verdict", "evaluation")}
    part_id: str | None = result["part_id"]
    short = ShortResult(**taken, code=result["error"] and result["error"]["code"], part_id=part_id)
    while len(written := short.model_dump_json().encode()) > MAX_SHORT_BYTES and part_id:
        # ids of triggers and codes are bounded: without the part it always fits
        part_id = part_id[:-1]
        short = short.model_copy(update={"part_id": f"{part_id}..." if part_id else None})
    return written
