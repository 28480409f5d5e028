"""A part in a large picture that is full of other things: the coarse search puts its place far down
its list, and some px off."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from node.locators.pattern import find, learn
from schemas import Pattern
from tests.bench.vision.locate_pictures import apart
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
