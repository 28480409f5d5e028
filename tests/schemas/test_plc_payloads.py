"""Payloads as PLC libraries, gateways and buttons send them: understood, or answered under the id
that they claim."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Problem, parse_trigger
from schemas.trigger import EMPTY, as_trigger, claim


def written(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


ONE = written(trigger_id="L3-1")


@pytest.mark.parametrize(
    "payload",
    [
        ONE + b"\0",
        ONE.ljust(256, b"\0"),
        ONE + b'\0:"old"}garbage',
        ONE + b"\0\xff\xfe",
        ONE.ljust(128) + b"\r\n",
        b"\r\n\t " + ONE,
        b"\xef\xbb\xbf" + ONE,
        b"\xef\xbb\xbf\r\n" + ONE + b"\r\n\0\0",
        b"\n\xef\xbb\xbf" + ONE,
        written(
            trigger_id="L3-1", program="", part_id="", sent_at="", max_age_ms="", meta="", ack=""
        ),
        written(
            trigger_id="L3-1",
            program=None,
            part_id=None,
            sent_at=None,
            max_age_ms=None,
            meta=None,
            ack=None,
        ),
    ],
)
def test_what_a_fixed_buffer_holds_around_a_trigger_does_not_count(payload: bytes) -> None:
    assert parse_trigger(payload) == as_trigger({"trigger_id": "L3-1"})


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"\r\n",
        b"\0",
        b"\0" * 80,
        b"\0old",
        b"\xef\xbb\xbf",
        b"true",
        b" TRUE\0",
        b"True",
        b'""',
        b"{}",
        b'{"trigger_id":""}',
    ],
)
def test_nothing_and_true_are_a_trigger_without_an_id(payload: bytes) -> None:
    assert parse_trigger(payload) == parse_trigger(payload, "trigger_id") == EMPTY


@pytest.mark.parametrize(
    "payload", [b"false", b"null", b"FALSE", b"False\0", b" null\r\n", b"\xef\xbb\xbffalse"]
)
def test_a_button_that_is_released_is_no_trigger(payload: bytes) -> None:
    assert parse_trigger(payload) is None


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"4711", "4711"),
        (b"000123", "000123"),
        (b"-1.5", "-1.5"),
        (b"1e5", "1e5"),
        (b"99999999999999999999", "99999999999999999999"),
        (b"PRESS", "PRESS"),
        (b"start\0", "start"),
        (b"L3-000123\r\n", "L3-000123"),
        (b'"L3-000124"', "L3-000124"),
        (b'"4711"', "4711"),
        (b'"go"\0\0', "go"),
        (b"1\x009\0", "1"),  # a counter that began again, over the longer one before: not UTF-16
        (b"10\x000\0", "10"),
    ],
)
def test_a_plain_number_or_word_is_what_the_station_says(payload: bytes, text: str) -> None:
    assert parse_trigger(payload) == as_trigger({"part_id": text})
    assert parse_trigger(payload, "trigger_id") == as_trigger({"trigger_id": text})


def test_a_number_that_cannot_be_an_id_can_be_a_part() -> None:
    assert parse_trigger(b"1.0e+05") == as_trigger({"part_id": "1.0e+05"})
    with pytest.raises(Problem, match="trigger_id"):
        parse_trigger(b"1.0e+05", "trigger_id")


@pytest.mark.parametrize("number", [0, 4713, 2**63 - 1])
def test_an_integer_as_an_id_is_its_digits(number: int) -> None:
    assert parse_trigger(written(trigger_id=number)) == as_trigger({"trigger_id": str(number)})


@pytest.mark.parametrize(
    ("payload", "trigger_id"),
    [
        (written(trigger_id="A", max_age_ms="2000"), "A"),
        (written(max_age_ms=2000.0, trigger_id="A"), "A"),
        (written(trigger_id="A", part_id=42), "A"),
        (written(trigger_id=4711, part_id=42), "4711"),
        (written(trigger_id="A", _msgid="1a2b"), "A"),
        (written(meta={"trigger_id": "other", "x": [1, "}"]}, trigger_id="A", surprise=1), "A"),
        (written(trigger_id="A", sent_at="2026-11-27T06:00:00"), "A"),
        (written(trigger_id="A", meta={"a": float("nan")}), "A"),
        (b'{"trigger_id":"A","part_id":"x', "A"),  # cut off
        (b'{"trigger_id":"A","part_id":"Geh\xc3', "A"),  # cut off within a letter
        (b'{"trigger_id":"A"', "A"),
        (b'{"trigger_id":"A",}', "A"),
        (b'{"trigger_id":"A"} x', "A"),
        (b'{"trigger_id":"A","max_age_ms":3,5}', "A"),
        (b'{"trigger_id":"A","part_id":"a\nb"}', "A"),
        (b'{"part_id":"a\tb","trigger_id":"A"}', "A"),
        (b'{"trigger_id":"A","x":1,"x":2}', "A"),
        (b'\xef\xbb\xbf{ "trigger_id" : "A" , "y": TRUE }\0old', "A"),
        (b'{"trigger_id":"A","meta":' + b"[" * 60_000, "A"),
        (b'{"trigger_id":"A","part_id":"' + b"x" * 100_000 + b'"}', "A"),
        (b'{"trigger_id":"A', None),
        (b'{"trigger_id":47', None),
        (b'{"trigger_id":"A","trigger_id":"B"}', None),
        (b'{"trigger_id":"A","trigger_i\\u0064":"B"}', None),
        (b'{"trigger_id":"A"}{"trigger_id":"B"}', None),
        (b'{"trigger_id":"A",x,"trigger_id":"B"}', None),
        (written(meta={"trigger_id": "other"}, surprise=1), None),
        (written(trigger_id="order 4711"), None),
        (written(trigger_id="4711/12"), None),
        (written(trigger_id="A1i      "), None),
        (written(trigger_id=4714.0), None),
        (written(trigger_id=-1), None),
        (written(trigger_id=True), None),
        (written(trigger_id=2**63), None),
        (written(Trigger_Id="A"), None),
        (b"{'trigger_id':'A'}", None),
        (b'{"trigger_id":"A","part_id":"Geh\xe4use"}', None),
        (written(trigger_id="A").decode().encode("utf-16-le"), None),
        (b'[{"trigger_id":"A"}]', None),
        (b"go away", None),
        (b"", None),
    ],
)
def test_what_is_no_trigger_is_answered_under_the_id_that_can_be_read(
    payload: bytes, trigger_id: str | None
) -> None:
    if payload:
        with pytest.raises(Problem):
            parse_trigger(payload)
    assert claim(payload).trigger_id == trigger_id


def test_the_wish_for_an_acknowledgement_is_read_of_what_is_no_trigger() -> None:
    assert claim(b'{"trigger_id":"A","ack":true,"surprise":1}') == ("A", True)
    assert claim(b'{"trigger_id":"A","ack":1}') == ("A", False)


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: b'{"trigger_id":' + text.encode("utf-8", "replace"))
)
def test_any_bytes_claim_an_id_or_none(payload: bytes) -> None:
    trigger_id = claim(payload).trigger_id
    assert trigger_id is None or as_trigger({"trigger_id": trigger_id}).trigger_id == trigger_id
