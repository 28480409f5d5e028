"""Angle: between two lines that other tools found."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.measurement import Feature, Given, Measurement
from node.tools.angle import measure
from schemas import Angle, Checkerboard, Problem
from schemas.trigger import EMPTY


def straight(angle_deg: float) -> Feature:
    return Feature(
        100.0, 80.0, (math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg)))
    )


def value(
    first: Feature | None,
    second: Feature | None,
    calibration: Checkerboard | None = None,
    **changes,
) -> float:  # type: ignore[no-untyped-def]
    tool = Angle(**({"name": "a", "first": "l", "second": "m", "low": 0.0} | changes))
    measured = {
        name: None if found is None else Measurement(1.0, feature=found)
        for name, found in (("l", first), ("m", second))
    }
    return measure(None, tool, None, Given(EMPTY, measured, {}, calibration)).value


@settings(max_examples=50, deadline=None)
@given(first=st.floats(-360, 360), turned=st.floats(1, 179))
def test_the_angle_does_not_depend_on_which_way_a_line_runs(first: float, turned: float) -> None:
    for flip in (0, 180):
        pair = straight(first), straight(first + turned + flip)
        assert value(*pair) == pytest.approx(min(turned, 180 - turned), abs=1e-6)
        assert value(*pair, value="turned") == pytest.approx(turned, abs=1e-6)


def test_a_point_or_nothing_has_no_angle() -> None:
    with pytest.raises(Problem, match="the tool m found no line"):
        value(straight(0), Feature(1.0, 2.0))
    with pytest.raises(Problem, match="the tool l found nothing"):
        value(None, straight(0))


def test_the_angle_is_that_on_the_plane() -> None:
    twice_as_wide = ((0.2, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 1.0))
    calibration = Checkerboard(
        camera_matrix=((800.0, 0.0, 320.0), (0.0, 800.0, 240.0), (0.0, 0.0, 1.0)),
        distortion=(0.0, 0.0, 0.0, 0.0, 0.0),
        mm_per_px=0.1,
        plane=twice_as_wide,
        width=640,
        height=480,
    )
    assert value(straight(0), straight(45), calibration) == pytest.approx(
        math.degrees(math.atan(0.5)), abs=1e-3
    )


def test_the_unit_is_degrees_and_the_lines_are_two() -> None:
    tool = Angle(name="a", first="l", second="m", low=0.0)
    assert tool.unit == "deg"
    assert tool.uses == ("l", "m")
    with pytest.raises(ValueError, match="tool a: first and second are the same tool"):
        Angle(name="a", first="l", second="l", low=0.0)


@pytest.mark.parametrize(("first_deg", "second_deg"), [(0.0, 90.0), (10.0, 55.0), (80.0, -20.0)])
def test_the_marks_are_both_lines_to_where_they_meet_and_a_sector_of_the_angle(
    first_deg: float, second_deg: float
) -> None:
    ends = []
    for angle_deg, reach in ((first_deg, 70.0), (second_deg, -90.0)):
        ux, uy = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        ends.append(Feature(200 + reach * ux, 150 + reach * uy, (ux, uy)))
    tool = Angle(name="a", first="l", second="m", low=0.0)
    measured = {"l": Measurement(1.0, feature=ends[0]), "m": Measurement(1.0, feature=ends[1])}
    found = measure(None, tool, None, Given(EMPTY, measured, {}))
    first, second, sector = found.marks()
    assert first.points == pytest.approx(np.array([(200, 150), (ends[0].x, ends[0].y)]))
    assert second.points == pytest.approx(np.array([(200, 150), (ends[1].x, ends[1].y)]))
    start, end = (
        math.degrees(math.atan2(*(sector.points[place] - (200, 150))[::-1])) for place in (1, -1)
    )
    assert abs((end - start + 180) % 360 - 180) == pytest.approx(found.value)


def test_parallel_lines_are_marked_where_they_are() -> None:
    pair = {
        "l": Measurement(1.0, feature=straight(30)),
        "m": Measurement(1.0, feature=Feature(0.0, 9.0, straight(30).direction)),
    }
    one, other = measure(
        None, Angle(name="a", first="l", second="m", low=0.0), None, Given(EMPTY, pair, {})
    ).marks()
    assert one.points.mean(axis=0) == pytest.approx([100, 80])
    assert other.points.mean(axis=0) == pytest.approx([0, 9])
