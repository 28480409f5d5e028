"""The request to inspect one part, as PLCs, gateways and buttons write it.

A payload ends at its first NUL, since PLCs send fixed buffers; a byte order mark and blanks around
the rest do not count. What is left is a JSON object, or a plain number or word, or nothing at all.
Whatever is not understood is a problem, and the id that it claims is looked for, so that it can be
answered under that.
"""

import hashlib
import math
import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from schemas.base import (
    MAX_NUMBER,
    TRIGGER_ID,
    ProgramId,
    Shape,
    TriggerId,
    canonical,
    digits,
    explain,
    read_json,
    readable,
    unpadded,
)
from schemas.errors import Problem
from schemas.result import Evaluation, Verdict

MAX_TRIGGER_BYTES = 64 * 1024
MAX_META_BYTES = 4096

Plain = Literal["part_id", "trigger_id"]
PartId = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")
]
SENT_AT = r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-5][0-9])$"  # noqa: E501


def seconds(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time. Raises ValueError."""
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def _real(text: str) -> str:
    seconds(text)
    return text


SentAt = Annotated[str, StringConstraints(pattern=SENT_AT), AfterValidator(_real)]


GivenId = Annotated[TriggerId | None, BeforeValidator(digits)]


def _allow_unused(schema: dict[str, Any]) -> None:
    """What the validators take besides, in the words of JSON Schema."""
    for name, one in schema["properties"].items():
        if name == "trigger_id":
            one["anyOf"].insert(1, {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER})
        one["anyOf"].append({"const": ""})


class Trigger(Shape):
    """The payload of `trigger/{station}`; every key is optional, and null and "" mean that it is
    not given."""

    model_config = ConfigDict(json_schema_extra=_allow_unused)

    trigger_id: GivenId = Field(
        default=None,
        description=(
            "Id of the trigger, or a number, which is its digits; assigned by the node if missing."
        ),
    )
    program: ProgramId | None = Field(
        default=None, description="Program for this part; the active one if missing."
    )
    part_id: PartId | None = Field(
        default=None, description="Serial number of the part, returned in the result."
    )
    sent_at: SentAt | None = Field(
        default=None, description="When the trigger was sent: RFC 3339 with a time zone."
    )
    max_age_ms: Annotated[int, Field(ge=1, le=3_600_000)] | None = Field(
        default=None,
        description="Older than this, the part is not inspected; the station's setting if missing.",
    )
    meta: dict[str, Any] | None = Field(
        default=None, description="Anything to be returned in the result, up to 4 KiB."
    )

    ack: bool | None = Field(
        default=None,
        description=(
            "Whether accepted/{station} is to tell that the trigger is in the ledger; see the"
            " station's ack."
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _unused(cls, value: Any) -> Any:
        """A serialised struct has its unused fields as empty strings."""
        return (
            {key: None if item == "" else item for key, item in value.items()}
            if isinstance(value, dict)
            else value
        )

    @field_validator("meta")
    @classmethod
    def _small(cls, meta: dict[str, Any] | None) -> dict[str, Any] | None:
        if meta is not None and len(canonical(meta)) > MAX_META_BYTES:
            raise ValueError(f"meta is larger than {MAX_META_BYTES} bytes")
        return meta


class AcceptedTrigger(Shape):
    """Payload of `accepted/{station}`: a trigger is in the ledger, or its id was known already."""

    trigger_id: str = Field(description="Id of the trigger.")
    known: bool = Field(description="Whether the id was known: nothing is inspected again.")
    state: Literal["waiting", "answered"] = Field(description="Whether it has its result.")
    result_id: str | None = Field(default=None, description="Id of the result; only if answered.")
    seq: int | None = Field(
        default=None, description="Number of the result in its station; only if answered."
    )
    verdict: Verdict | None = Field(
        default=None, description="Verdict of the result; only if answered."
    )
    evaluation: Evaluation | None = Field(
        default=None, description="The verdict as in OPC 40001-101; only if answered."
    )


EMPTY = Trigger()
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
NO_NUMBER = ("NaN", "Infinity", "-Infinity")  # json of Python and JavaScript writes them
# three letters in a row with NULs in between: two or four bytes per letter, not a buffer with old
# content beyond its end
WIDE = re.compile(rb"(?:[^\0]\0){3}|(?:\0[^\0]){3}|(?:[^\0]\0\0\0){3}|(?:\0\0\0[^\0]){3}")


def parse_trigger(payload: bytes, plain: Plain = "part_id") -> Trigger | None:
    """The trigger in a payload; None for `false` and `null`, which is a button that was released.

    Nothing and `true` are a trigger without an id; a plain number or word is what `plain` says.
    Raises Problem BAD_TRIGGER.
    """
    if len(payload) > MAX_TRIGGER_BYTES:
        raise Problem(
            "BAD_TRIGGER", f"payload of {len(payload)} bytes is larger than {MAX_TRIGGER_BYTES}"
        )
    if WIDE.match(payload):
        raise Problem("BAD_TRIGGER", "payload is UTF-16 or UTF-32, not UTF-8")
    said = unpadded(payload)
    # as JSON, IEC 61131-3 and Python write them
    if said.lower() in (b"", b"true", b"false", b"null"):
        return EMPTY if said.lower() in (b"", b"true") else None
    if said[:1] == b"[":
        raise Problem("BAD_TRIGGER", "an array is not a trigger")
    if said[:1] == b"{":
        value: dict[str, Any] = read_json(said, limit=MAX_TRIGGER_BYTES, code="BAD_TRIGGER")
        return as_trigger(value)
    return as_trigger({plain: _word(said)})


def as_trigger(value: dict[str, Any]) -> Trigger:
    """The trigger in an object. Raises Problem BAD_TRIGGER."""
    try:
        return Trigger.model_validate(value)
    except ValidationError as error:
        raise Problem("BAD_TRIGGER", explain(error)) from None


def _word(said: bytes) -> str:
    """A plain number, or a word that could be an id, quoted or not. Raises Problem BAD_TRIGGER."""
    text = (
        read_json(said, limit=MAX_TRIGGER_BYTES, code="BAD_TRIGGER")
        if said[:1] == b'"'
        else said.decode("latin-1")
    )
    number = NUMBER.fullmatch(text)
    if text in NO_NUMBER or (number and math.isinf(float(text))):
        raise Problem("BAD_TRIGGER", f"{text[:32]} is no number")
    if not (text == "" or number or re.fullmatch(TRIGGER_ID, text)):
        raise Problem(
            "BAD_TRIGGER",
            "payload is neither a JSON object, nor a number, nor a word that could be an id",
        )
    return text


class Claim(NamedTuple):
    """What a payload that is not a trigger says of itself nevertheless."""

    trigger_id: str | None
    ack: bool


def claim(payload: bytes) -> Claim:
    """The id, and the wish for an acknowledgement, of a payload that is not a trigger.

    See `readable`; if the id is there twice, or is only found where nothing can be read any more,
    it says nothing.
    """
    document, rest = readable(unpadded(payload[:MAX_TRIGGER_BYTES]))
    trigger_id = digits(document.get("trigger_id"))
    if (
        not isinstance(trigger_id, str)
        or not re.fullmatch(TRIGGER_ID, trigger_id)
        or '"trigger_id"' in rest
    ):
        trigger_id = None
    return Claim(trigger_id, ack=document.get("ack") is True)


def bad_id(payload: bytes) -> str:
    """What the ids under which a payload that is not a trigger is answered begin with; a number
    follows."""
    return "bad-" + hashlib.sha256(payload).hexdigest()[:32] + "-"
