"""A hair over a line or a circle: what it measures is right, or it has no value; what is only lit
otherwise keeps its value."""

import math
from functools import cache

import cv2
import numpy as np
import pytest

from node.frame import Frame
from node.tools import circle, line
from node.vision.edges.alike import EdgeProfile, _far
from schemas import CircleTool, Line, Problem
from schemas.geometry import Circle
from tests.bench.vision.hairs import (
    OFF_DEG,
    OFF_PX,
    ROUND,
    WHERE,
    Drawn,
    across,
    diameter,
    disc,
    drawn,
)
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene

pytestmark = pytest.mark.slow

# hairs that moved a distance of two lines by 0.16 to 52 px or a line by 0.3 to 36 degrees
SIDES = (3, 5, 13, 14, 15, 27, 34, 59, 80, 89, 96, 102, 106, 149, 156, 180, 207, 215, 299, 319)
# hairs that made a disc 0.15 to 0.58 px larger or smaller
RIMS = (1, 5, 49, 69, 109, 110, 142, 151, 175, 177, 189, 192, 198, 226, 229, 264, 283, 304, 306)
LINE = Line(name="l", region=WHERE, low=-90.0, high=90.0, polarity="dark_to_light")
DISC = CircleTool(name="c", region=ROUND, low=0.0)


@cache
def barred(seed: int) -> Drawn:
    return drawn(seed)


@pytest.mark.parametrize("seed", SIDES)
def test_a_hair_across_a_bar_does_not_move_the_lines_through_its_sides(seed: int) -> None:
    found = across(barred(seed).haired, barred(seed))
    assert found is None or (abs(found[0]) <= OFF_PX and abs(found[1]) <= OFF_DEG)
    clean = across(barred(seed).clean, barred(seed))
    assert clean is not None
    assert clean == pytest.approx((0, 0), abs=0.15)


@pytest.mark.parametrize("seed", RIMS)
def test_a_hair_across_a_disc_does_not_change_its_diameter(seed: int) -> None:
    one = disc(seed)
    found = diameter(one.haired, one.master)
    assert found is None or found == pytest.approx(one.width, abs=OFF_PX)
    assert diameter(one.clean, one.master) == pytest.approx(one.width, abs=0.1)


def half(x: float = 100.3, lean: float = 2.0, level: float = 150.0) -> Scene:
    """Light to the right of an edge."""
    return bar(Scene.plain(240, 140, 60.0), x + 200, 70, 400, 500, level, lean).blurred(0.9)


def angle(seen: Frame, master: Frame, tool: Line = LINE) -> float:
    learned = line.learn(master.view(tool.region), tool)
    assert learned is not None
    return line.measure(seen.view(tool.region), tool, learned).value


@pytest.mark.parametrize("slant", [60, 75, 90])
def test_a_hair_that_leaves_most_scans_alone_costs_no_value(slant: float) -> None:
    hair = bar(half(), 100, 70, 3, 400, 100.0, slant)
    assert angle(hair.frame(3, 1), half().frame(3, 2)) == pytest.approx(2, abs=0.15)
    round_ = Scene.plain(200, 140, 60.0).disc(100, 70, 30.2, 160.0)
    thread = bar(round_, 100, 58, 3, 400, 110.0, slant)
    found = diameter(thread.blurred(0.8).frame(3, 1), round_.blurred(0.8).frame(3, 2))
    assert found == pytest.approx(60.4, abs=0.1)


@pytest.mark.parametrize(
    "other",
    [
        lambda scene: scene.lit(0.5),
        lambda scene: scene.lit(1.5, 5),
        lambda scene: scene.lit(0.8, 40, ramp=0.3),
        lambda scene: scene.lit(0.6, 51),
        lambda scene: scene.blurred(1.2),
        lambda scene: scene.blurred(2.0),
    ],
    ids=["half the light", "more light", "from one side", "haze", "softer", "out of focus"],
)
def test_other_light_and_focus_keep_the_value(other) -> None:  # type: ignore[no-untyped-def]
    for seed, x in enumerate((94.2, 100.3, 107.7)):
        seen = other(half(x)).frame(4, seed)
        assert angle(seen, half().frame(2, 9)) == pytest.approx(2, abs=0.2)
    round_ = Scene.plain(200, 140, 60.0).disc(101.3, 69.2, 30.2, 150.0).blurred(0.8)
    found = diameter(other(round_).frame(4, 1), round_.frame(2, 2))
    assert found == pytest.approx(60.4, abs=0.15)


def test_a_sharper_picture_than_the_masters_keeps_its_value() -> None:
    for seed, soft in enumerate((0.8, 1.5, 2.0)):
        master = half().blurred(soft).frame(2, 9)
        assert angle(half().frame(4, seed), master) == pytest.approx(2, abs=0.2)


def test_a_bar_may_be_wider_than_the_masters() -> None:
    """Its far side is elsewhere, and that is what is measured: a limit says whether it is bad."""
    for wide in (7.0, 8.5, 10.0, 12.0):
        seen, master = (
            bar(Scene.plain(240, 140, 60.0), 100 + size / 2, 70, size, 400, 170.0).blurred(0.8)
            for size in (wide, 9.0)
        )
        assert angle(seen.frame(3, 1), master.frame(3, 2)) == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize("grain", [2.0, 6.0, 12.0])
def test_a_rough_surface_keeps_its_value(grain: float) -> None:
    """What is beside an edge may differ from scan to scan, if the master's does."""

    def rough(seed: int) -> Frame:
        dice = np.random.default_rng(seed).normal(0, 1, (140, 240))
        soft = cv2.GaussianBlur(dice, (0, 0), 1.5)
        return Scene(half().light + grain * soft / soft.std()).frame(2, seed)

    for seed in range(8):
        without = line.measure(rough(seed).view(WHERE), LINE).value
        assert angle(rough(seed), rough(99)) == pytest.approx(without, abs=0.3)


def test_an_edge_of_the_other_polarity_is_not_the_masters() -> None:
    tool = LINE.model_copy(update={"polarity": "any"})
    with pytest.raises(Problem, match=r"NO_VALUE.*as the master does"):
        angle(half(level=20.0).frame(3, 1), half().frame(3, 2), tool)


def test_what_lies_along_the_edge_is_told_for_its_form_too() -> None:
    """The border of a tape that covers an edge is straighter than the edge."""
    tool = LINE.model_copy(update={"value": "straightness", "low": 0.0, "high": 1.0})
    taped = bar(half(), 98.0, 70, 14, 400, 20.0, 2.0)
    with pytest.raises(Problem, match=r"NO_VALUE.*as the master does"):
        angle(taped.frame(3, 1), half().frame(3, 2), tool)
    round_ = Scene.plain(200, 140, 60.0).disc(100, 70, 30.2, 160.0).blurred(0.8)
    form = DISC.model_copy(update={"value": "roundness"})
    learned = circle.learn(round_.frame(3, 2).view(ROUND), form)
    ring = Scene.plain(200, 140, 60.0).disc(100, 70, 34, 20.0).disc(100, 70, 30.2, 160.0)
    with pytest.raises(Problem, match=r"NO_VALUE.*as the master does"):
        circle.measure(ring.blurred(0.8).frame(3, 1).view(ROUND), form, learned)


def test_a_few_scans_cannot_be_compared_and_are_measured_as_they_were() -> None:
    tool = LINE.model_copy(update={"region": WHERE.model_copy(update={"height": 6})})
    assert line.learn(half().frame(3, 1).view(tool.region), tool) is None
    found = line.measure(half().frame(3, 1).view(tool.region), tool)
    assert math.isfinite(found.value)


def test_scans_between_which_every_other_is_ignored_are_compared_all_the_same() -> None:
    columns = np.ones(5, bool)
    none = np.zeros((2, 5))
    master = EdgeProfile(np.arange(5.0), none, columns, 1.0, 100.0, 20.0, 1.0)
    left = np.full((12, 5), 0.5)  # of the contrast: off everywhere
    left[1::2] = np.nan
    assert _far(left, master, columns, np.zeros(5), closed=False).all()


def test_a_rim_of_which_half_is_missing_has_no_diameter_though_the_masters_is_ragged() -> None:
    tool = CircleTool(
        name="c", region=Circle(x=120, y=100, radius=62), polarity="light_to_dark", low=0.0
    )
    ragged = Scene.plain(240, 200, 60.0).disc(120, 100, 40, 170.0)
    for number, turn in enumerate(np.linspace(0.2, 0.8, 12) * math.pi):
        away, tone = 40 + 3 + number % 4, (110.0, 20.0)[number % 2]
        ragged = ragged.disc(120 + away * math.cos(turn), 100 + away * math.sin(turn), 2.5, tone)
    learned = circle.learn(ragged.frame(2, 0).view(tool.region), tool)
    assert learned.look is not None
    assert learned.look.share < 0.8  # of the rays look alike
    whole = circle.measure(ragged.frame(2, 1).view(tool.region), tool, learned)
    assert whole.value == pytest.approx(80, abs=0.2)
    broken = ragged.rectangle(0, 104, 240, 96, 60.0).frame(2, 2)
    with pytest.raises(Problem, match="NO_CONTRAST"):
        circle.measure(broken.view(tool.region), tool, learned)
