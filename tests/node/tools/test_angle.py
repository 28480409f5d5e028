"""Angle: between two lines that other tools found."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Feature, Measurement
from node.tools import Given
from node.tools.angle import measure
from schemas import Angle, Checkerboard, Problem
from schemas.trigger import EMPTY


def straight(angle_deg: float) -> Feature:
    return Feature(100.0, 80.0, (math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))))


def value(first: Feature | None, second: Feature | None, calibration: Checkerboard | None = None, **changes) -> float:  # type: ignore[no-untyped-def]
    tool = Angle(**({"name": "a", "first": "l", "second": "m", "low": 0.0} | changes))
    measured = {
        name: None if found is None else Measurement(1.0, feature=found) for name, found in (("l", first), ("m", second))
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
    assert value(straight(0), straight(45), calibration) == pytest.approx(math.degrees(math.atan(0.5)), abs=1e-3)


def test_the_unit_is_degrees_and_the_lines_are_two() -> None:
    tool = Angle(name="a", first="l", second="m", low=0.0)
    assert tool.unit == "deg"
    assert tool.uses == ("l", "m")
    with pytest.raises(ValueError, match="tool a: first and second are the same tool"):
        Angle(name="a", first="l", second="l", low=0.0)
