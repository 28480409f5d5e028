"""Thin lines of 3 to 8 px, at any contrast, noise, lean and place between the pixels: right to 0.1
px, or not given."""

import math

import numpy as np
import pytest

from node.frame import Placement
from node.tools import line, width
from schemas import Line, Problem, Width
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(20, 5, 80, 60)
TURNED = region(70, 50, 60, 60)


def widths(
    wide: float, blur: float, seed: int, gray: float, noise: float, angle_deg: float, light: bool
) -> list[float]:
    """What is measured of one drawn bar in four pictures, without those that are refused."""
    ground, colour = (50.0, 50 + gray) if light else (50 + gray, 50.0)
    place = 60 + np.random.default_rng(seed).uniform(-0.5, 0.5)
    scene = bar(Scene.plain(120, 70, ground), place, 34.5, wide, 90, colour, angle_deg).blurred(
        blur
    )
    tool = Width(name="w", region=WHERE, between="light" if light else "dark", low=0.0)
    found = []
    for number in range(4):
        try:
            found.append(
                width.measure(scene.frame(noise, 10 * seed + number).view(WHERE), tool).value
            )
        except Problem as problem:
            assert problem.code in ("NO_VALUE", "NO_CONTRAST")  # noqa: PT017
    return found


@pytest.mark.parametrize("blur", [0.5, 0.8, 1.1, 1.5])
@pytest.mark.parametrize("wide", [3.0, 4.0, 5.0, 6.0, 8.0])
def test_a_thin_line_is_as_wide_as_it_is_or_it_is_not_given(wide: float, blur: float) -> None:
    """Noise up to 2.5 % of the contrast, such as 3 of 120 gray levels; the spreads are judged by
    their mean, as four pictures say little."""
    dice = np.random.default_rng(round(100 * wide + 10 * blur))
    spreads = []
    for trial in range(2):
        gray, share, angle_deg = (
            dice.uniform(60, 160),
            dice.uniform(0, 0.025),
            float(dice.choice([0, dice.uniform(-12, 12)])),
        )
        found = widths(wide, blur, trial, gray, share * gray, angle_deg, bool(trial % 2))
        assert np.abs(np.array(found) - wide).max(initial=0) <= 0.1
        spreads += [float(np.std(found, ddof=1))] if len(found) > 1 else []
        if wide >= 5 * math.hypot(blur, 0.29):
            assert len(found) == 4
    assert np.mean(spreads or [0.0]) <= 0.03


@pytest.mark.parametrize(("wide", "blur"), [(5.0, 1.1), (6.0, 1.3), (8.0, 1.5)])
@pytest.mark.parametrize("angle_deg", [0.0, 7.0])
def test_a_thin_line_in_noise_that_no_mean_over_its_rows_takes_away_is_not_given(
    wide: float, blur: float, angle_deg: float
) -> None:
    """60 rows, noise of a tenth of the contrast: the best possible fit spreads by 0.058 px and
    more. With a fiftieth the value is given."""
    found = [widths(wide, blur, seed, 100, 10, angle_deg, True) for seed in range(2)]
    assert sum(map(len, found)) <= 1
    assert len(widths(wide, blur, 0, 100, 1, angle_deg, True)) == 4


@pytest.mark.parametrize("nick", [0, 3, 5])
def test_straightness_does_not_change_when_the_part_is_turned(nick: int) -> None:
    """An edge with a nick of that radius, turned with its region; seen with noise sigma 3."""
    tool = Line(name="l", region=TURNED, value="straightness", low=0.0)
    found = []
    for angle_deg in (0.0, 4.0, 30.0, -20.0):
        c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        scene = bar(
            Scene.plain(200, 160, 60.0), 100.2 + 30 * c, 80 + 30 * s, 60, 110, 160.0, angle_deg
        )
        scene = (scene.disc(100.2 - s * 7.3, 80 + c * 7.3, nick, 60.0) if nick else scene).blurred(
            0.8
        )
        view = scene.frame(3, 1).view(TURNED, Placement(0, 0, angle_deg, 1.0, 100.0, 80.0))
        found.append(line.measure(view, tool).value)
    assert np.ptp(found) <= 0.3
    assert np.mean(found) == pytest.approx(nick, abs=0.5)
