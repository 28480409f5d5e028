"""Locate: the part's pose, and how tools' regions move with it."""

from typing import Any

import cv2
import pytest

from node.frame import IN_PLACE
from node.locate import locate
from node.locators import LOCATORS, pattern
from node.program import load
from schemas import Pattern, Pose, Problem, as_program
from tests.rooms.pictures.scenes import Scene, region

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
    assert pose.score == pytest.approx(1, abs=0.005)


def test_a_reference_pose_is_what_the_placement_is_counted_from() -> None:
    learned = pattern.learn(scene().frame(5), PART)
    _, placement = locate(scene(10, 10).frame(5, 1), PART, learned, Pose(x=147.5 + 4, y=109.5 - 3))
    assert placement[:2] == pytest.approx((6, 13), abs=0.1)


def test_a_lost_part_is_a_problem_and_has_no_placement() -> None:
    learned = pattern.learn(scene().frame(5), PART)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        locate(Scene.plain(320, 240).clutter(9).frame(5), PART, learned)


def test_a_locator_that_learned_nothing_is_a_problem() -> None:
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        locate(scene().frame(), PART, None)


UPRIGHT = {"x": 100, "y": 70, "width": 40, "height": 40}
SIDE = {"shape": "rotated", "x": 100.0, "y": 70.0, "width": 40, "height": 40, "angle_deg": 0.0}


@pytest.mark.parametrize("kind", LOCATORS)
def test_a_locator_has_learn_find_and_origin(kind: str) -> None:
    module: Any = LOCATORS[kind]
    own = {
        n
        for n, v in vars(module).items()
        if callable(v) and getattr(v, "__module__", "") == module.__name__
    }
    learned = f"{kind.title()}Learned"
    assert {name for name in own if not name.startswith("_")} == {
        learned,
        "learn",
        "find",
        "origin",
    }


@pytest.mark.parametrize(
    ("locator", "field"),
    [
        ({"kind": "pattern", "region": {**UPRIGHT, "width": 400}}, "region"),
        ({"kind": "pattern", "region": UPRIGHT, "search": {**UPRIGHT, "width": 30}}, "search"),
        ({"kind": "pattern", "region": UPRIGHT, "search": {**UPRIGHT, "width": 400}}, "search"),
        ({"kind": "pattern", "region": {**UPRIGHT, "width": 11}, "angle_deg": 9}, "region"),
        ({"kind": "pattern", "region": UPRIGHT, "angle_deg": 181}, "angle_deg"),
        ({"kind": "pattern", "region": UPRIGHT, "scale_low": 0.7}, "scale_low"),
        ({"kind": "pattern", "region": UPRIGHT, "scale_high": 1.3}, "scale_high"),
        ({"kind": "marks", "first": {"region": UPRIGHT}, "second": {"region": UPRIGHT}}, "second"),
        (
            {
                "kind": "marks",
                "first": {"region": {**UPRIGHT, "x": 300}},
                "second": {"region": UPRIGHT},
            },
            "region",
        ),
        (
            {
                "kind": "marks",
                "first": {"region": UPRIGHT, "search": SIDE},
                "second": {"region": UPRIGHT},
            },
            "first.search",
        ),
        ({"kind": "corner", "first": SIDE, "second": {**SIDE, "x": 310.0}}, "region"),
        ({"kind": "corner", "first": SIDE, "second": {**SIDE, "x": 5.0}}, "second"),
        ({"kind": "corner", "first": {**SIDE, "height": 3}, "second": SIDE}, "first"),
        ({"kind": "magic", "region": UPRIGHT}, "locator"),
    ],
)
def test_bad_settings_are_refused_with_the_field(locator: dict[str, Any], field: str) -> None:
    picture = Scene.plain(320, 240).rectangle(100, 0, 300, 300, 200.0).pixels()
    tool = {"kind": "brightness", "name": "b", "region": UPRIGHT, "low": 0}
    value = {
        "schema": "program/1",
        "id": "p",
        "name": "p",
        "master": "m.png",
        "tools": [tool],
        "locator": locator,
    }
    with pytest.raises(Problem, match=f"PROGRAM_INVALID.*{field}"):
        load(as_program(value), 1, "sha256:0", cv2.imencode(".png", picture)[1].tobytes())
