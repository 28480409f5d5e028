"""A part in a large picture full of other things, whose place the coarse search puts far down its
list and some px off; and half of one among what is like it."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from node.locators.pattern import find, learn
from schemas import Pattern, Problem
from tests.bench.vision.locate_pictures import apart, rendered
from tests.rooms.pictures.scenes import frame, region

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "data"
WHERE = region(880, 620, 96, 96)


def boards() -> NDArray[np.uint8]:
    """Printed boards side by side, larger than any picture."""
    paths = sorted((DATA / "pcb").glob("*_temp.jpg"))
    tiles = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    rows = [np.hstack([tiles[(3 * row + n) % len(tiles)] for n in range(4)]) for row in range(4)]
    return np.vstack(rows)


def label() -> NDArray[np.uint8]:
    """A printed label, drawn three times as fine as it is seen."""
    made = np.full((3 * 150, 3 * 150), 200, np.uint8)
    for number, text in enumerate(("LOT 47", "11-27", "B 12/9")):
        cv2.putText(made, text, (70, 160 + 100 * number), 0, 2.6, 40, 9, cv2.LINE_AA)
    return made


@pytest.mark.parametrize("seed", [0, 3])
def test_print_is_found_in_a_large_picture_full_of_boards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ground, fine = boards(), cv2.blur(label(), (3, 3))
    middle = (fine.shape[1] - 1) / 2

    def seen(x: float, y: float, angle_deg: float, behind: NDArray[np.uint8]) -> NDArray[np.uint8]:
        c, s = (f(math.radians(angle_deg)) / 3 for f in (math.cos, math.sin))
        turn = np.array([[c, -s, x - (c - s) * middle], [s, c, y - (s + c) * middle]])
        size = behind.shape[1], behind.shape[0]
        drawn = cv2.warpAffine(fine, turn, size)
        inside = cv2.warpAffine(np.full_like(fine, 255), turn, size) > 128
        noise = np.random.default_rng(seed).normal(0, 4, behind.shape)
        return np.clip(np.where(inside, drawn, behind) + noise, 0, 255).astype(np.uint8)

    x, y = WHERE.centre
    wanted = Pattern(region=WHERE, angle_deg=180)
    learned = learn(frame(seen(x, y, 0, np.full_like(ground, 120))), wanted)
    to_x, to_y = rng.uniform(200, 2300, 2)
    turn = float(rng.uniform(-180, 180))
    pose = find(frame(seen(to_x, to_y, turn, ground)), wanted, learned)
    assert math.hypot(pose.x - to_x, pose.y - to_y) < 0.5
    assert apart(pose.angle_deg, turn) < 0.5


TEXT, PAGE = region(160, 120, 200, 150), (520, 384)


def page(seed: int, twice: bool = False) -> NDArray[np.uint8]:
    """Lines of small print, drawn three times as fine as it is seen; twice: the right half of
    what lies in TEXT stands elsewhere, too."""
    rng = np.random.default_rng(seed)
    made = np.full((3 * PAGE[1], 3 * PAGE[0]), 215, np.uint8)
    for line in range(6, PAGE[1], 13):
        words = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz   "), 75))
        cv2.putText(made, words, (20, 3 * line), 0, 1.25, 50, 3, cv2.LINE_AA)
    if twice:
        x, y, wide, high = (
            3 * side for side in (TEXT.x + 100, TEXT.y, TEXT.width // 2, TEXT.height)
        )
        made[690 : 690 + high, 1230 : 1230 + wide] = made[y : y + high, x : x + wide]
    return made


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_print_that_is_half_covered_is_found_among_other_print(seed: int) -> None:
    """Other lines are alike all over, more so than what is covered: but no half of them is."""
    fine, rng = page(seed), np.random.default_rng(seed)
    wanted = Pattern(region=TEXT, angle_deg=180, seen_low=0.5, low=0.8)
    learned = learn(frame(rendered(fine, TEXT, size=PAGE)), wanted)
    for turn in rng.uniform(-180, 180, 3).tolist():
        x, y = TEXT.centre[0] + 21, TEXT.centre[1] - 13
        seen = rendered(fine, TEXT, (21.0, -13.0, turn, 1.0), PAGE)
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        box = np.array([(0, -80), (105, -80), (105, 80), (0, 80)]) @ np.array([[c, s], [-s, c]])
        corners = np.rint(box + np.array([x, y])).astype(np.int32)
        covered = cv2.fillPoly(seen.copy(), [corners], 120)
        noisy = np.clip(covered + rng.normal(0, 4, covered.shape), 0, 255).astype(np.uint8)
        pose = find(frame(noisy), wanted, learned)
        assert math.hypot(pose.x - x, pose.y - y) < 1
        assert apart(pose.angle_deg, turn) < 1


def test_print_of_which_half_stands_elsewhere_teaches_nothing_if_half_is_enough() -> None:
    wanted = Pattern(region=TEXT, angle_deg=180, seen_low=0.5, low=0.8)
    for seed in (3, 4, 5):
        learn(frame(rendered(page(seed), TEXT, size=PAGE)), wanted)
        with pytest.raises(Problem, match=r"NO_CONTRAST.*found in the master once.*two places"):
            learn(frame(rendered(page(seed, twice=True), TEXT, size=PAGE)), wanted)
