"""Every bad payload of a trigger is refused with BAD_TRIGGER, in little time and with a short,
harmless message."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Problem, Trigger, canonical, parse_trigger, read_json
from schemas.command import COMMANDS
from schemas.trigger import as_trigger, bad_id

pytestmark = pytest.mark.slow

BAD: dict[str, bytes] = {
    "not JSON": b"{trigger_id:1}",
    "half": b'{"trigger_id":"a"',
    "single quotes": b"{'trigger_id':'a'}",
    "array": b"[]",
    "array of triggers": b'[{"trigger_id":"a"}]',
    "latin-1": '{"part_id":"Größe"}'.encode("latin-1"),
    "UTF-16": '{"trigger_id":"a"}'.encode("utf-16"),
    "UTF-16 without mark": '{"trigger_id":"a"}'.encode("utf-16-le"),
    "UTF-32": '{"trigger_id":"a"}'.encode("utf-32-be"),
    "overlong UTF-8": b'{"part_id":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"part_id":"\xed\xa0\x80"}',
    "trailing bytes": b'{"trigger_id":"a"} x',
    "two documents": b'{"trigger_id":"a"}{"trigger_id":"b"}',
    "trailing comma": b'{"trigger_id":"a",}',
    "comment": b'{"trigger_id":"a"} // x',
    "duplicate keys": b'{"trigger_id":"a","trigger_id":"b"}',
    "duplicate keys inside": b'{"meta":{"a":1,"a":2}}',
    "duplicate keys by escape": b'{"trigger_id":"a","trigger_i\\u0064":"b"}',
    "NaN": b'{"meta":{"a":NaN}}',
    "minus NaN at the top": b"-Infinity",
    "1e999 at the top": b"1e999",
    "5000 digits at the top": b"9" * 5000,
    "plus sign at the top": b"+5",
    "comma in a number at the top": b"3,5",
    "two words": b"PRESS NOW",
    "word with a slash": b"4711/12",
    "quoted words": b'"PRESS NOW"',
    "half a quoted word": b'"PRESS',
    "word of 65": b"a" * 65,
    "look-alike letters as a word": "РRESS".encode(),
    "byte order mark twice": b'\xef\xbb\xbf\xef\xbb\xbf{"trigger_id":"a"}',
    "byte order mark behind": b'{"trigger_id":"a"}\xef\xbb\xbf',
    "UTF-16 of a word": "PRESS".encode("utf-16-le"),
    "UTF-16, big end first, of a word": "PRESS".encode("utf-16-be"),
    "UTF-32 of a word": "PRESS".encode("utf-32-le"),
    "header of an S7 STRING": bytes([254, 18]) + b'{"trigger_id":"a"}',
    "header of a short S7 STRING": bytes([80, 18]) + b'{"trigger_id":"a"}',
    "Infinity": b'{"meta":{"a":Infinity}}',
    "-Infinity": b'{"meta":{"a":-Infinity}}',
    "NaN at the top": b"NaN",
    "1e999": b'{"meta":{"a":1e999}}',
    "-1e999": b'{"meta":{"a":-1e999}}',
    "5000 digits": b'{"max_age_ms":' + b"9" * 5000 + b"}",
    "5000 digits in meta": b'{"meta":{"a":' + b"9" * 5000 + b"}}",
    "integer of 65 bits": b'{"meta":{"a":18446744073709551616}}',
    "string for an integer": b'{"max_age_ms":"3"}',
    "boolean for an integer": b'{"max_age_ms":true}',
    "float for an integer": b'{"max_age_ms":3.0}',
    "zero": b'{"max_age_ms":0}',
    "negative": b'{"max_age_ms":-1}',
    "negative id": b'{"trigger_id":-1}',
    "id of 64 bits": b'{"trigger_id":9223372036854775808}',
    "id with a fraction": b'{"trigger_id":3.0}',
    "true as an id": b'{"trigger_id":true}',
    "word for true": b'{"ack":"yes"}',
    "1 for true": b'{"ack":1}',
    "huge": b'{"max_age_ms":9223372036854775807}',
    "object for a string": b'{"trigger_id":{"$ne":null}}',
    "array for an object": b'{"meta":[1]}',
    "lone surrogate": b'{"part_id":"\\ud800"}',
    "lone surrogate in meta": b'{"meta":{"a":"\\udfff"}}',
    "lone surrogate as a key": b'{"meta":{"\\ud800":1}}',
    "NUL by escape": b'{"part_id":"a\\u0000b"}',
    "NUL in meta": b'{"meta":{"a":"\\u0000"}}',
    "raw NUL": b'{"part_id":"a\x00b"}',
    "path as an id": b'{"trigger_id":"../../etc/passwd"}',
    "path as a program": b'{"program":"../../etc/passwd"}',
    "CR LF in an id": b'{"trigger_id":"a\\r\\nb"}',
    "LF at the end of an id": b'{"trigger_id":"a\\n"}',
    "LF at the end of a program": b'{"program":"a\\n"}',
    "LF in a part": b'{"part_id":"a\\nb"}',
    "LF at the end of a part": b'{"part_id":"a\\n"}',
    "id of 65": b'{"trigger_id":"' + b"a" * 65 + b'"}',
    "blank in an id": b'{"trigger_id":"a b"}',
    "MQTT wildcard in an id": b'{"trigger_id":"a/+/#"}',
    "HTML in an id": b'{"trigger_id":"<script>"}',
    "look-alike letters in an id": '{"trigger_id":"а"}'.encode(),
    "full-width letters in an id": '{"trigger_id":"ａ"}'.encode(),
    "look-alike letters in a program": '{"program":"саp"}'.encode(),
    "1000 deep": b'{"meta":' + b'{"a":' * 1000 + b"1" + b"}" * 1001,
    "17 deep": b'{"meta":' + b'{"a":' * 16 + b"1" + b"}" * 17,
    "20000 arrays deep": b'{"meta":{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    "20000 open brackets": b"[" * 20_000,
    "200000 deep": b"[" * 200_000 + b"]" * 200_000,
    "unknown key": b'{"surprise":1}',
    "__proto__": b'{"__proto__":{"verdict":"OK"}}',
    "role": b'{"role":"ADMIN"}',
    "verdict": b'{"verdict":"OK"}',
    "long unknown key": b'{"' + b"k" * 60_000 + b'":1}',
    "unknown key with controls": b'{"a\\r\\nINFO forged":1}',
    "5 MB string": b'{"part_id":"' + b"a" * 5_000_000 + b'"}',
    "10 MB payload": b" " * 10_000_000 + b"1",
    "one byte too many": b'{"meta":{}}' + b" " * (65_536 - 10),
    "meta above 4 KiB": b'{"meta":{"a":"' + b"x" * 4100 + b'"}}',
    "part of 129": b'{"part_id":"' + b"a" * 129 + b'"}',
    "year 1970": b'{"sent_at":"1970-01-01T00:00:00Z"}',
    "year 9999": b'{"sent_at":"9999-12-31T23:59:59Z"}',
    "no time zone": b'{"sent_at":"2026-11-22T01:02:03"}',
    "no time": b'{"sent_at":"2026-11-22"}',
    "not a time": b'{"sent_at":"yesterday"}',
    "month 13": b'{"sent_at":"2026-13-01T00:00:00Z"}',
    "30 February": b'{"sent_at":"2026-02-30T00:00:00Z"}',
    "second 61": b'{"sent_at":"2026-11-22T01:02:61Z"}',
    "time as a number": b'{"sent_at":1700000000}',
    "LF after the time": b'{"sent_at":"2026-11-22T01:02:03Z\\n"}',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "deflate bomb": b"\x78\x9c" + b"\xed\xc1\x01\x01" * 1000,
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_payload_is_refused(name: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_trigger(BAD[name])
    problem = caught.value
    assert problem.code == "BAD_TRIGGER"
    assert len(problem.message.encode()) < 2000
    assert problem.message.isprintable()
    json.dumps(problem.message).encode()


@pytest.mark.parametrize("name", sorted(BAD))
def test_the_id_of_a_bad_payload_begins_the_same_again_and_fits_an_id(name: str) -> None:
    assert bad_id(BAD[name]) == bad_id(bytes(BAD[name]))
    assert Trigger.model_validate({"trigger_id": f"{bad_id(BAD[name])}{10**9}"})


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"trigger_id": "a.b:c_d-E9"},
        {"trigger_id": "a" * 64},
        {"part_id": "Größe 部品 😀 <b>"},
        {"sent_at": "2026-11-22T01:02:03+09:00"},
        {"sent_at": "2026-11-22T01:02:03.123456Z"},
        {"max_age_ms": 1},
        {"meta": {"deep": [[[[1.5, None, True, "x"]]]]}},
        {"trigger_id": None, "program": None},
        {"trigger_id": "a", "ack": True},
    ],
)
def test_a_good_payload_is_taken(value: dict[str, Any]) -> None:
    assert parse_trigger(json.dumps(value).encode()) == as_trigger(value)


def test_brackets_in_a_string_are_not_nesting() -> None:
    assert (
        parse_trigger(b'{"part_id":"' + b"[" * 60 + b'\\"' + b"{" * 60 + b'"}').part_id
        == "[" * 60 + '"' + "{" * 60
    )


def outcome(payload: bytes) -> Trigger | None:
    """The trigger, or None after the right problem; any other exception is a hole."""
    problem = None
    try:
        return parse_trigger(payload)
    except Problem as caught:
        problem = caught
    assert problem.code == "BAD_TRIGGER"
    assert problem.message.isprintable()
    return None


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_a_trigger_or_a_problem(payload: bytes) -> None:
    assert isinstance(outcome(payload), Trigger | None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=10,
)
KEYS = st.sampled_from([*Trigger.model_fields, "surprise"])


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_any_object_is_a_trigger_or_a_problem_and_a_trigger_can_be_written_again(
    value: dict[str, Any],
) -> None:
    trigger = outcome(json.dumps(value).encode())
    if trigger is not None:
        written = json.dumps(
            trigger.model_dump(mode="json"), allow_nan=False, ensure_ascii=False
        ).encode("utf-8")
        assert parse_trigger(written) == trigger


def test_strict_json_is_what_json_is_where_both_take_it() -> None:
    value = {"a": [1, -2, 1.5, 1e300, "x\u2028", None, True], "b": {}}
    assert read_json(canonical(value), limit=1000) == value
    assert sys.getrecursionlimit() > 16


@pytest.mark.parametrize("name", sorted(COMMANDS))
@pytest.mark.parametrize(
    "extra",
    [
        {"request_id": "a b"},
        {"request_id": ""},
        {"request_id": "a\n"},
        {"__proto__": 1},
        {"role": "ADMIN"},
    ],
)
def test_a_command_with_a_bad_id_or_an_unknown_key_is_refused(
    name: str, extra: dict[str, Any]
) -> None:
    full = {
        "request_id": "r-1",
        "station": "cam1",
        "program": "cap",
        "output": "ok",
        "active": True,
        "from_seq": 1,
        "to_seq": 1,
        "images": ["aGVsbG8="] * 3,
        "columns": 9,
        "rows": 6,
        "square_mm": 25.0,
    }
    value = {key: full[key] for key in COMMANDS[name].model_fields if key in full}
    COMMANDS[name].model_validate(value)
    with pytest.raises(ValueError):
        COMMANDS[name].model_validate({**value, **extra})
