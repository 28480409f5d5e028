"""Distance: between points, lines and circles that other tools found."""

import math

import pytest

from node.measurement import Feature, Given, Measurement
from node.tools.distance import measure
from schemas import Distance, Problem, Scale
from schemas.trigger import EMPTY

POINT = Feature(10.0, 20.0)
UPRIGHT = Feature(50.0, 300.0, (0.0, 1.0))
LEANING = Feature(90.0, 100.0, (math.sin(math.radians(3)), math.cos(math.radians(3))))
LEVEL = Feature(0.0, 80.0, (-1.0, 0.0))
HOLE = Feature(40.0, 60.0, radius=10.0)
PIN = Feature(100.0, 60.0, radius=15.0)


def value(
    first: Feature | None, second: Feature | None, scale: Scale | None = None, **changes
) -> float:  # type: ignore[no-untyped-def]
    tool = Distance(**({"name": "d", "first": "a", "second": "b", "low": 0.0} | changes))
    measured = {
        name: None if found is None else Measurement(1.0, feature=found)
        for name, found in (("a", first), ("b", second))
    }
    return measure(None, tool, None, Given(EMPTY, measured, {}, scale)).value


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        (POINT, Feature(13.0, 24.0), 5.0),
        (POINT, UPRIGHT, 40.0),
        (POINT, LEVEL, 60.0),
        (HOLE, PIN, 60.0),
        (HOLE, LEVEL, 20.0),
        (UPRIGHT, Feature(75.0, 0.0, (0.0, -1.0)), 25.0),
        (POINT, HOLE, 50.0),
    ],
)
def test_distances_are_the_same_both_ways(first: Feature, second: Feature, distance: float) -> None:
    assert value(first, second) == pytest.approx(distance)
    assert value(second, first) == pytest.approx(distance)


@pytest.mark.parametrize(
    ("first", "second", "gap"),
    [
        (HOLE, PIN, 35.0),
        (HOLE, LEVEL, 10.0),
        (HOLE, UPRIGHT, 0.0),
        (POINT, HOLE, 40.0),
        (HOLE, HOLE, -20.0),
    ],
)
def test_from_the_rim_the_radius_is_taken_off(first: Feature, second: Feature, gap: float) -> None:
    assert value(first, second, circles="rim") == pytest.approx(gap)


def test_between_two_lines_it_is_taken_halfway() -> None:
    slope = math.tan(math.radians(3))
    from_leaning = 40.0  # its middle to the upright line
    from_upright = (90 + 200 * slope - 50) * math.cos(math.radians(3))
    assert value(UPRIGHT, LEANING) == pytest.approx((from_leaning + from_upright) / 2)


def test_lines_that_are_not_parallel_have_no_distance() -> None:
    with pytest.raises(Problem, match="90 degrees from parallel"):
        value(UPRIGHT, LEVEL)


@pytest.mark.parametrize(("first", "second"), [(None, POINT), (POINT, None)])
def test_what_was_not_found_has_no_distance(first: Feature | None, second: Feature | None) -> None:
    with pytest.raises(Problem, match=r"NO_VALUE.*found nothing to measure from"):
        value(first, second)


def test_a_distance_in_mm_needs_a_calibration() -> None:
    assert value(HOLE, PIN, Scale(mm_per_px=0.1), unit="mm", circles="rim") == pytest.approx(3.5)
    assert value(POINT, UPRIGHT, Scale(mm_per_px=0.1), unit="mm") == pytest.approx(4.0)
    with pytest.raises(Problem, match="calibration"):
        value(HOLE, PIN, unit="mm")


def test_the_mark_joins_the_two_nearest_points() -> None:
    tool = Distance(name="d", first="a", second="b", low=0.0)
    given = Given(
        EMPTY, {"a": Measurement(1.0, feature=POINT), "b": Measurement(1.0, feature=UPRIGHT)}, {}
    )
    (mark,) = measure(None, tool, None, given).marks()
    assert mark.points.tolist() == [[10.0, 20.0], [50.0, 20.0]]


def test_a_tool_has_no_distance_from_itself() -> None:
    with pytest.raises(ValueError, match="tool d: first and second are the same tool"):
        Distance(name="d", first="a", second="a", low=0.0)
    assert Distance(name="d", first="a", second="b", low=0.0).uses == ("a", "b")
