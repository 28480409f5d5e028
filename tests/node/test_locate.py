"""Locate: the part's pose, and how tools' regions move with it."""

import pytest

from node.frame import IN_PLACE
from node.locate import locate
from node.tools import pattern
from schemas import Pattern, Pose, Problem
from tests.scenes import Scene, region

PART = Pattern(region=region(100, 70, 96, 80))


def scene(dx: float = 0.0, dy: float = 0.0) -> Scene:
    return Scene.plain(320, 240).clutter(5).part(94 + dx, 64 + dy, 1, (108, 92))


def test_without_a_locator_the_part_lies_as_the_master_does() -> None:
    assert locate(scene(30, 20).frame(), None, None, None) == (None, IN_PLACE)


def test_the_placement_is_the_shift_of_the_part_and_the_pose_its_centre() -> None:
    learned = pattern.learn(scene().frame(5), PART)
    pose, placement = locate(scene(31.3, -22.6).frame(5, 1), PART, learned)
    assert pose is not None
    assert placement[:2] == pytest.approx((31.3, -22.6), abs=0.1)
    assert placement.shift_only
    assert (pose.x, pose.y) == pytest.approx((100 + 47.5 + 31.3, 70 + 39.5 - 22.6), abs=0.1)
    assert (pose.angle_deg, pose.scale) == (0, 1)
    assert 0.9 < pose.score <= 1


def test_the_master_lies_in_place() -> None:
    master = scene().frame(5)
    pose, placement = locate(master, PART, pattern.learn(master, PART))
    assert placement[:2] == pytest.approx((0, 0), abs=0.001)
    assert pose is not None
    assert pose.score == pytest.approx(1)


def test_a_reference_pose_is_what_the_placement_is_counted_from() -> None:
    learned = pattern.learn(scene().frame(5), PART)
    _, placement = locate(scene(10, 10).frame(5, 1), PART, learned, Pose(x=147.5 + 4, y=109.5 - 3))
    assert placement == pytest.approx((6, 13), abs=0.1)


def test_a_lost_part_is_a_problem_and_has_no_placement() -> None:
    learned = pattern.learn(scene().frame(5), PART)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        locate(Scene.plain(320, 240).clutter(9).frame(5), PART, learned)


def test_a_locator_that_learned_nothing_is_a_problem() -> None:
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        locate(scene().frame(), PART, None)
