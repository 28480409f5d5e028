"""Figures of tools: what does not belong together is not one series; Cpk and Ppk are what they
say."""

import math
import statistics
from itertools import pairwise
from typing import Any

import pytest

from schemas.store.history.tool_figures import D2, capability, figures


def result(value: float | None, **more: Any) -> dict[str, Any]:
    """A published result with one tool."""
    of_tool = {"name": "width", "kind": "width", "unit": "px", "low": 0.0, "high": 10.0}
    tool = {key: more.pop(key, known) for key, known in of_tool.items()}
    verdict = "ERROR" if value is None else "OK"
    known = {"station": "cam1", "program": "board", "program_version": 1, "finished_at": "t"}
    return {**known, **more, "tools": [{**tool, "value": value, "verdict": verdict}]}


@pytest.mark.parametrize(
    "other",
    [{"program": "board2"}, {"unit": "mm"}, {"kind": "distance"}, {"name": "width_2"}],
    ids=lambda each: next(iter(each)),
)
def test_values_of_another_program_unit_kind_or_name_are_another_series(
    other: dict[str, Any],
) -> None:
    results = [result(5.0), result(1000.0, **other), result(6.0), result(2000.0, **other)]
    one, two = figures(results)
    assert (one["min"], one["max"], one["count"]) == (5.0, 6.0, 2)
    assert (two["min"], two["max"], two["count"]) == (1000.0, 2000.0, 2)
    assert one["cpk"] == figures([results[0], results[2]])[0]["cpk"]


def test_limits_belong_to_the_versions_that_judged_by_them() -> None:
    values = [4.0, 5.0, 6.0, 5.0]
    wide = [
        result(each, program_version=version)
        for each, version in zip(values, (1, 1, 2, 2), strict=True)
    ]
    narrow = [result(each, program_version=3, low=4.5, high=5.5) for each in values]
    (tool,) = figures([*wide, *narrow])
    first, last = tool["spans"]
    assert (first["from_version"], first["to_version"], first["of"]) == (1, 2, 4)
    assert (last["from_version"], last["to_version"], last["of"]) == (3, 3, 4)
    assert (tool["low"], tool["high"], tool["ppk"]) == (4.5, 5.5, last["ppk"])
    assert first["ppk"] == pytest.approx(10 * last["ppk"])
    assert tool["count"] == 8


def test_cpk_is_by_the_change_from_part_to_part_and_ppk_by_all_values() -> None:
    drifting = [0.1 * n + (0.05 if n % 2 else -0.05) for n in range(100)]
    (tool,) = figures([result(each, low=-5.0, high=15.0) for each in drifting])
    mean = statistics.fmean(drifting)
    ranges = [abs(b - a) for a, b in pairwise(drifting)]
    short = statistics.fmean(ranges) / D2
    assert tool["cpk"] == pytest.approx(min(mean + 5, 15 - mean) / (3 * short))
    whole = statistics.stdev(drifting)
    assert tool["ppk"] == pytest.approx(min(mean + 5, 15 - mean) / (3 * whole))
    assert tool["cpk"] > 10 * tool["ppk"]  # it drifts slowly


def test_parts_of_different_stations_are_no_neighbours() -> None:
    results = [result(5.0 + (n % 2), station=f"cam{n % 2}") for n in range(20)]
    (tool,) = figures(results)
    assert tool["cpk"] is None  # each station always gives the same
    assert tool["ppk"] is not None


def test_what_measured_nothing_counts_as_error_and_is_no_value() -> None:
    (tool,) = figures([result(5.0), result(None), result(5.5)])
    assert (tool["count"], tool["verdicts"]) == (2, {"OK": 2, "NG": 0, "ERROR": 1})
    (none,) = figures([result(None)])
    assert (none["mean"], none["cpk"], none["ppk"]) == (None, None, None)


def test_capability_looks_at_the_nearer_limit_and_needs_one() -> None:
    assert capability(5.0, 1.0, 2.0, 20.0) == pytest.approx(1.0)
    assert capability(5.0, 1.0, None, 11.0) == pytest.approx(2.0)
    assert capability(1.0, 1.0, 2.0, None) == pytest.approx(-1 / 3)
    assert capability(5.0, 1.0, None, None) is None
    assert capability(5.0, 0.0, 1.0, None) is None
    assert not math.isnan(capability(5.0, 1e-12, 1.0, None) or 0.0)


def test_one_tool_has_a_histogram_and_a_trend_of_its_own_values() -> None:
    results = [result(float(n)) for n in range(500)] + [result(1e6, unit="mm")]
    whole, other = figures(results, "width")
    assert sum(whole["histogram"]["counts"]) == 500
    assert whole["trend"][-1]["max"] == 499.0
    assert len(whole["trend"]) <= 200
    assert other["histogram"]["counts"] == [1]
    assert figures(results, "height") == []
