"""The short form of a result: at most 200 bytes whatever its ids are, and always with what decides
about the part."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import CATALOGUE, ShortResult
from schemas.result import MAX_SHORT_BYTES, shorten


def result(**fields: Any) -> bytes:
    told = {
        "trigger_id": "L3-000123",
        "seq": 4711,
        "verdict": "NG",
        "evaluation": 2,
        "error": None,
        "part_id": "SN42",
        "tools": [],
    }
    return json.dumps({**told, **fields}, ensure_ascii=False).encode()


def test_a_result_is_shortened_to_what_the_contract_says_in_its_order() -> None:
    assert shorten(result()) == (
        b'{"trigger_id":"L3-000123","seq":4711,"verdict":"NG","evaluation":2,"code":null,"part_id":"SN42"}'
    )
    error = {"code": "CAMERA_TIMEOUT", "message": "no frame " * 100}
    assert json.loads(
        shorten(result(verdict="ERROR", evaluation=3, error=error, part_id=None))
    ) == {
        "trigger_id": "L3-000123",
        "seq": 4711,
        "verdict": "ERROR",
        "evaluation": 3,
        "code": "CAMERA_TIMEOUT",
        "part_id": None,
    }


@pytest.mark.parametrize("part_id", ["", "SN" * 64, "部" * 128, '"' * 128, "\\" * 128, "😀" * 128])
def test_the_longest_ids_fit_the_trigger_id_whole_and_the_part_as_far_as_there_is_room(
    part_id: str,
) -> None:
    code = max(CATALOGUE, key=len)
    error = {"code": code, "message": ""}
    written = shorten(
        result(
            trigger_id="t" * 64,
            seq=2**63 - 1,
            verdict="ERROR",
            evaluation=3,
            error=error,
            part_id=part_id or None,
        )
    )
    assert len(written) <= MAX_SHORT_BYTES
    short = ShortResult.model_validate_json(written)
    assert (short.trigger_id, short.seq, short.code) == ("t" * 64, 2**63 - 1, code)
    assert short.part_id is None or (
        short.part_id.endswith("...") and part_id.startswith(short.part_id[:-3])
    )


@given(st.text(max_size=128).filter(lambda text: "\0" not in text), st.integers(1, 2**53))
def test_any_part_fits_whole_or_says_that_it_does_not(part_id: str, seq: int) -> None:
    written = shorten(result(part_id=part_id or None, seq=seq))
    assert len(written) <= MAX_SHORT_BYTES
    told = json.loads(written)["part_id"]
    assert told == (part_id or None) or (told or "...").endswith("...")
