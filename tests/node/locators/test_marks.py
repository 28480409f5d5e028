"""Two marks: shift, turn and size by the line between them, or no pose."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Frame
from node.locate import locate
from node.locators.marks import find, learn, origin
from schemas import Marks, Problem
from tests.rooms.pictures.scenes import Scene, region

ONE, OTHER = (90.0, 80.0), (310.0, 200.0)
MIDDLE = ((ONE[0] + OTHER[0]) / 2, (ONE[1] + OTHER[1]) / 2)
MARKS = {
    "first": {"region": region(74, 64, 33, 33), "search": region(30, 20, 130, 130)},
    "second": {"region": region(294, 184, 33, 33), "search": region(240, 130, 150, 140)},
}
PLAIN = Marks.model_validate(MARKS)
SCALED = Marks.model_validate({**MARKS, "scale": True})


def board(
    dx: float = 0,
    dy: float = 0,
    angle_deg: float = 0,
    scale: float = 1,
    count: int = 2,
    stretch: float = 0,
) -> Scene:
    """Two round marks on a board, moved by a known similarity about the point midway between
    them."""
    scene = Scene.plain(420, 300, 90.0)
    c, s = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    for number, (x, y) in enumerate((ONE, OTHER)[:count]):
        u, v = x - MIDDLE[0] + stretch * number, y - MIDDLE[1]
        at = MIDDLE[0] + dx + c * u - s * v, MIDDLE[1] + dy + s * u + c * v
        scene = scene.disc(*at, 11 * scale, 220.0).disc(*at, (5 + number) * scale, 30.0)
    return scene


def test_the_origin_is_midway_between_the_marks() -> None:
    assert origin(PLAIN, learn(board().frame(), PLAIN)) == MIDDLE


@settings(max_examples=10, deadline=None)
@given(
    dx=st.floats(-12, 12), dy=st.floats(-12, 12), angle=st.floats(-4, 4), seed=st.integers(0, 99)
)
def test_shift_and_turn_are_found_under_noise(
    dx: float, dy: float, angle: float, seed: int
) -> None:
    pose, placement = locate(
        board(dx, dy, angle).frame(5, seed), PLAIN, learn(board().frame(5, 100), PLAIN)
    )
    assert pose is not None
    assert math.hypot(placement.dx - dx, placement.dy - dy) <= 0.12
    assert placement.angle_deg == pytest.approx(angle, abs=0.06)
    assert placement.scale == 1
    corner = placement.matrix @ (ONE[0], ONE[1], 1)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    u, v = ONE[0] - MIDDLE[0], ONE[1] - MIDDLE[1]
    assert corner == pytest.approx(
        (MIDDLE[0] + dx + c * u - s * v, MIDDLE[1] + dy + s * u + c * v), abs=0.2
    )


@settings(max_examples=5, deadline=None)
@given(
    dx=st.floats(-6, 6), dy=st.floats(-6, 6), angle=st.floats(-3, 3), scale=st.floats(0.93, 1.07)
)
def test_size_is_found_when_it_may_differ(dx: float, dy: float, angle: float, scale: float) -> None:
    pose = find(board(dx, dy, angle, scale).frame(3, 1), SCALED, learn(board().frame(3), SCALED))
    assert pose.scale == pytest.approx(scale, abs=0.002)
    assert pose.angle_deg == pytest.approx(angle, abs=0.1)
    assert (pose.x, pose.y) == pytest.approx((MIDDLE[0] + dx, MIDDLE[1] + dy), abs=0.2)


def test_one_mark_is_not_enough() -> None:
    learned = learn(board().frame(3), PLAIN)
    for scene in (board(count=1), board(count=0)):
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            find(scene.frame(3, 1), PLAIN, learned)


def test_marks_that_lie_to_each_other_as_they_cannot_are_not_a_part() -> None:
    learned = learn(board().frame(3), PLAIN)
    assert find(board(stretch=2).frame(3, 1), PLAIN, learned).scale == 1
    with pytest.raises(Problem, match=r"PART_NOT_FOUND.*px apart"):
        find(board(stretch=8).frame(3, 1), PLAIN, learned)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        find(board(angle_deg=8).frame(3, 1), PLAIN, learned)


def test_bad_masters_name_the_mark_and_the_field() -> None:
    with pytest.raises(Problem, match=r"NO_CONTRAST.*second"):
        learn(board(count=1).frame(), PLAIN)
    small = Frame(board().pixels()[:200].copy(), 0, 0.0, "scene", simulated=True)
    with pytest.raises(Problem, match=r"second\.region leaves"):
        learn(small, PLAIN)


def test_the_smallest_rectangle_holds_both_marks() -> None:
    assert PLAIN.region == region(74, 64, 253, 153)


def test_a_second_part_in_view_whose_marks_are_seen_too_is_an_error() -> None:
    two = board(-30, -40).disc(120, 130, 11, 220.0).disc(120, 130, 5, 30.0).frame(3, 1)
    with pytest.raises(Problem, match="two places"):
        find(two, PLAIN, learn(board().frame(3), PLAIN))
