"""Limits that accept every possible value are no limits: which these are depends on what a tool
measures."""

from typing import Any

import pytest

from schemas import as_program

REGION = {"x": 10, "y": 10, "width": 50, "height": 50}


def unlimited(*tools: dict[str, Any], **more: Any) -> tuple[str, ...]:
    rows = [{"name": f"t{n}", "region": REGION, **tool} for n, tool in enumerate(tools)]
    return as_program({"id": "p", "name": "P", "tools": rows, **more}).unlimited


@pytest.mark.parametrize(
    ("tool", "limits", "good"),
    [
        ({"kind": "width"}, {"low": 0}, False),
        ({"kind": "width"}, {"low": 0, "high": 65535}, False),
        ({"kind": "width"}, {"low": 0.1}, True),
        ({"kind": "width"}, {"low": 0, "high": 180}, True),
        ({"kind": "edge", "value": "count"}, {"low": 0}, False),
        ({"kind": "edge", "value": "count"}, {"high": 2}, True),
        ({"kind": "line"}, {"low": -90, "high": 90}, False),
        ({"kind": "line"}, {"low": -90, "high": 2}, True),
        ({"kind": "circle"}, {"high": 65535}, False),
        ({"kind": "brightness"}, {"low": 0, "high": 255}, False),
        ({"kind": "brightness"}, {"low": -5}, False),
        ({"kind": "brightness"}, {"high": 254.9}, True),
        ({"kind": "contrast"}, {"low": 0}, False),
        ({"kind": "compare", "other": REGION, "operation": "difference"}, {"low": 0}, True),
        ({"kind": "compare", "other": REGION, "operation": "difference"}, {"low": -255}, False),
        ({"kind": "compare", "other": REGION, "figure": "correlation"}, {"low": 0}, True),
        ({"kind": "blobs", "polarity": "light", "threshold": 128}, {"low": 0}, False),
        ({"kind": "blobs", "polarity": "light", "threshold": 128}, {"low": 1}, True),
    ],
)
def test_limits_that_no_part_can_fail_are_none(
    tool: dict[str, Any], limits: dict[str, Any], good: bool
) -> None:
    assert (unlimited({**tool, **limits}) == ()) is good


def test_a_tool_that_others_measure_from_or_that_the_judgement_leaves_out_needs_no_limits() -> None:
    lines = [{"kind": "line", "low": -90, "high": 90}] * 2
    angle = {"kind": "angle", "first": "t0", "second": "t1", "low": 0, "high": 20}
    rows = [{"name": f"t{n}", "region": REGION, **line} for n, line in enumerate(lines)]
    given: dict[str, Any] = {"id": "p", "name": "P", "tools": [*rows, {"name": "a", **angle}]}
    assert as_program(given).unlimited == ()
    assert as_program(
        {**given, "tools": [*rows, {"name": "a", **angle, "high": 90}]}
    ).unlimited == ("a",)
    width, light = {"kind": "width", "low": 0}, {"kind": "brightness", "low": 10}
    assert unlimited(width, light, judgement="t1") == ()
    assert unlimited(width, light, judgement="t0 or t1") == ("t0",)
