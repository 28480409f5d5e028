"""What every shape shares: strict frozen models, strict JSON, UTC times and time-ordered ids.

The standard `json` and pydantic accept what a line must not (duplicate keys, NaN, 1e999, lone
surrogates), so bytes from outside come in through `read_json`, and only its answer is validated by
a model.
"""

import codecs
import json
import os
import re
import threading
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, NoReturn, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from schemas.errors import Problem

NODE_ID = r"^[a-z0-9][a-z0-9-]{0,31}$"
TRIGGER_ID = r"^[A-Za-z0-9._:-]{1,64}$"
MAX_DEPTH = 16

NodeId = Annotated[str, StringConstraints(pattern=NODE_ID)]
StationId = Annotated[str, StringConstraints(pattern=NODE_ID)]
ProgramId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,31}$")]
TriggerId = Annotated[str, StringConstraints(pattern=TRIGGER_ID)]
Name = Annotated[  # no control characters, and none that turn the reading direction or end a line
    str,
    StringConstraints(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$",
    ),
]
Float = Annotated[float, BeforeValidator(lambda v: float(v) if type(v) is int else v)]


class Shape(BaseModel):
    """A frozen, strict value that refuses unknown keys, NaN and infinity.

    What validates and writes it is made when it is needed first: a process needs few of the shapes,
    and those within others not by themselves. See ready().
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=False,
        defer_build=True,
    )

    def __init_subclass__(cls, **options: Any) -> None:
        """Its docstring is what schemas and pages show: a paragraph is one line there."""
        super().__init_subclass__(**options)
        if cls.__doc__:
            cls.__doc__ = "\n\n".join(" ".join(each.split()) for each in cls.__doc__.split("\n\n"))

    @classmethod
    def made(cls, **values: Any) -> Self:
        """A value from all of its fields, by name, that are already known to be right:
        model_construct, without its loops."""
        new = cls.__new__(cls)
        object.__setattr__(new, "__dict__", values)
        object.__setattr__(new, "__pydantic_fields_set__", set(values))
        object.__setattr__(new, "__pydantic_extra__", None)
        object.__setattr__(new, "__pydantic_private__", None)
        return new


def ready(*shapes: type[BaseModel]) -> None:
    """Build what validates and writes these now, which takes milliseconds each, and not while
    somebody waits."""
    for shape in shapes:
        shape.model_rebuild()


def read_json(data: bytes, *, limit: int, code: str = "BAD_JSON") -> Any:
    """Decode one strict JSON document of at most `limit` bytes.

    Refuses with `Problem(code)`: larger payloads, BOM, invalid UTF-8, NUL, lone surrogates,
    duplicate keys, NaN and infinities (also 1e999), integers beyond 64 bits, nesting deeper than
    16, trailing bytes.
    """

    def refuse(reason: str) -> NoReturn:
        raise Problem(code, reason)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for key, value in items:
            if key in answer:
                refuse(f"key {key[:64]!r} is given twice")
            answer[key] = value
        return answer

    def number(text: str) -> float:
        value = float(text)
        if value in (float("inf"), float("-inf")):
            refuse("a number is too large")
        return value

    def integer(text: str) -> int:
        if len(text) > 20 or not -(2**63) <= (value := int(text)) < 2**63:
            refuse("an integer is larger than 64 bits")
        return value

    if len(data) > limit:
        refuse(f"payload of {len(data)} bytes is larger than {limit}")
    if data.startswith(b"\xef\xbb\xbf"):
        refuse("payload begins with a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        refuse("payload is not UTF-8")
    if _depth(text) > MAX_DEPTH:
        refuse(f"payload is nested deeper than {MAX_DEPTH}")
    try:
        value = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_float=number,
            parse_int=integer,
            parse_constant=lambda c: refuse(f"{c} is not JSON"),
        )
    except json.JSONDecodeError as error:
        refuse(f"payload is not JSON: {error.msg} at {error.pos}")
    if "\\u" in text:
        try:
            plain = json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            refuse("payload holds a lone surrogate")
        if b"\\u0000" in plain:
            refuse("payload holds a NUL")
    return value


MAX_NUMBER = 2**63 - 1
BLANKS = b" \t\r\n"
BOM = b"\xef\xbb\xbf"
READABLE_BYTES = 64 * 1024
KEY = re.compile(r'\s*("(?:[^"\\]|\\.)*+")\s*:\s*')
COMMA = re.compile(r"\s*,")
DECODER = json.JSONDecoder(strict=False)


def digits(value: Any) -> Any:
    """An integer id, as a counter of a PLC gives, becomes its digits. Anything else is left to the
    model."""
    return str(value) if type(value) is int and 0 <= value <= MAX_NUMBER else value


def unpadded(payload: bytes) -> bytes:
    """The text in a fixed buffer of a PLC: up to its first NUL, without a byte order mark and
    without blanks around it."""
    return payload.partition(b"\0")[0].strip(BLANKS).removeprefix(BOM).strip(BLANKS)


def readable(data: bytes) -> tuple[dict[str, Any], str]:
    """What can be read of a JSON object that is perhaps none, and the rest; for the id under which
    to answer it.

    The keys of the outermost object, in the first 64 KiB, up to where it can no longer be read (cut
    off, a comma too many, garbage behind it). A key that is there twice is None; texts can be
    written as UTF-8.
    """
    try:  # the end may be cut off within a letter
        text, _ = codecs.utf_8_decode(data[:READABLE_BYTES], "strict", False)
    except UnicodeDecodeError:
        return {}, ""
    document: dict[str, Any] = {}
    at = 1 if text[:1] == "{" else len(text)
    while (key := KEY.match(text, at)) is not None:
        try:
            name = json.loads(key[1])
            value, end = DECODER.raw_decode(text, key.end())
        except (ValueError, RecursionError):
            break
        if type(value) in (int, float) and text[end : end + 1] not in tuple(" \t\r\n,}"):
            break  # nobody knows how it would have gone on
        if isinstance(value, str):  # half of a letter can be neither stored nor answered
            value = value.encode("utf-8", "replace").decode()
        document[name] = None if name in document else value
        at = end
        if (comma := COMMA.match(text, at)) is None:
            break
        at = comma.end()
    return document, text[at:]


def _depth(text: str) -> int:
    """Upper bound of the nesting: brackets inside strings count too, unless the plain count is
    already small."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    quoted = escaped = False
    for c in text:
        if quoted:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c in "{[":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif c in "}]":
            depth -= 1
    return deepest


def utc(at_s: float | None = None) -> str:
    """The time as `2026-11-22T01:02:03.456Z`; `at_s` is seconds since 1970, now if None."""
    at_s = time.time() if at_s is None else at_s
    whole = int(at_s // 1)
    return f"{_second(whole)}.{int((at_s - whole) * 1000):03d}Z"


@lru_cache(maxsize=16)
def _second(whole: int) -> str:
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}"


_uuid_lock = threading.Lock()
_uuid_last = 0


def new_id() -> str:
    """A UUID version 7 (RFC 9562, 6.2 method 2): sorts by time, strictly rising within this
    process."""
    global _uuid_last
    with _uuid_lock:
        stamp = time.time_ns() * 4096 // 1_000_000  # milliseconds and 12 bits of their fraction
        _uuid_last = stamp = max(stamp, _uuid_last + 1)
    tail = int.from_bytes(os.urandom(8), "big") & (2**62 - 1) | 2**63
    hexed = f"{(stamp >> 12) & (2**48 - 1):012x}7{stamp & 0xFFF:03x}{tail:016x}"
    return f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}"


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: what is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def explain(error: Any) -> str:
    """A pydantic ValidationError as one line: `key: what is wrong (got ...)`, at most five of
    them."""
    lines = []
    for item in error.errors(include_url=False, include_context=False)[:5]:
        where = ".".join(str(part) for part in item["loc"]) or "(top)"
        got = repr(item.get("input"))
        got = f" (got {got})" if len(got) <= 60 and item["type"] != "missing" else ""
        lines.append(f"{plain(where, 100)}: {plain(item['msg'], 300)}{got}")
    return "; ".join(lines)


def plain(text: str, limit: int) -> str:
    """Text from outside for a message: at most `limit` characters, what cannot be printed is
    escaped."""
    text = text if len(text) <= limit else text[: limit - 3] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
