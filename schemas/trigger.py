"""The request to inspect one part."""

import hashlib
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, field_validator

from schemas.base import ProgramId, Shape, TriggerId, canonical, explain, read_json
from schemas.errors import Problem

MAX_TRIGGER_BYTES = 64 * 1024
MAX_META_BYTES = 4096

PartId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
SENT_AT = r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-5][0-9])$"


class Trigger(Shape):
    """The payload of `trigger/{station}`; every key is optional."""

    trigger_id: TriggerId | None = Field(default=None, description="Id of the trigger; assigned by the node if missing.")
    program: ProgramId | None = Field(default=None, description="Program for this part; the active one if missing.")
    part_id: PartId | None = Field(default=None, description="Serial number of the part, returned in the result.")
    sent_at: Annotated[str, StringConstraints(pattern=SENT_AT)] | None = Field(
        default=None, description="When the trigger was sent: RFC 3339 with a time zone."
    )
    max_age_ms: Annotated[int, Field(ge=1, le=3_600_000)] | None = Field(
        default=None, description="Older than this, the part is not inspected; the station's setting if missing."
    )
    meta: dict[str, Any] | None = Field(default=None, description="Anything to be returned in the result, up to 4 KiB.")

    @field_validator("sent_at")
    @classmethod
    def _real_time(cls, text: str | None) -> str | None:
        if text is not None:
            seconds(text)
        return text

    @field_validator("meta")
    @classmethod
    def _small(cls, meta: dict[str, Any] | None) -> dict[str, Any] | None:
        if meta is not None and len(canonical(meta)) > MAX_META_BYTES:
            raise ValueError(f"meta is larger than {MAX_META_BYTES} bytes")
        return meta


EMPTY = Trigger()


def seconds(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time. Raises ValueError."""
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def parse_trigger(payload: bytes) -> Trigger:
    """The trigger in a payload; empty and JSON scalars are a trigger without an id. Raises Problem BAD_TRIGGER."""
    if not payload.strip(b" \t\r\n"):
        return EMPTY
    value = read_json(payload, limit=MAX_TRIGGER_BYTES, code="BAD_TRIGGER")
    if isinstance(value, list):
        raise Problem("BAD_TRIGGER", "an array is not a trigger")
    if not isinstance(value, dict):
        return EMPTY
    return as_trigger(value)


def as_trigger(value: dict[str, Any]) -> Trigger:
    """The trigger in an object. Raises Problem BAD_TRIGGER."""
    try:
        return Trigger.model_validate(value)
    except ValidationError as error:
        raise Problem("BAD_TRIGGER", explain(error)) from None


def bad_id(payload: bytes) -> str:
    """The id under which a payload that is no trigger is answered, the same for the same payload."""
    return "bad-" + hashlib.sha256(payload).hexdigest()[:32]
