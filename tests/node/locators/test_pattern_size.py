"""A part of another size than the master's is not found where its size is fixed, though straight
traces agree at many sizes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from node.locators.pattern import find, learn
from schemas import Pattern, Problem, Region
from tests.rooms.pictures.scenes import frame, region

BOARDS = Path(__file__).parents[2] / "data" / "pcb"
# on the second board what is larger agrees best beside, with the same traces of the right size
PLACES = (
    ("50600037_temp.jpg", region(120, 300, 200, 150)),
    ("20085107_temp.jpg", region(330, 130, 200, 150)),
)


def sharp(name: str) -> np.ndarray:
    picture = cv2.imread(str(BOARDS / name), cv2.IMREAD_GRAYSCALE)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7))


def board(
    name: str, where: Region, size: float = 1.0, turned_deg: float = 0.0, seed: int = 1
) -> np.ndarray:
    """The board through a lens, larger by `size` and turned about the pattern, moved by (7, -4)."""
    master = sharp(name)
    turn = cv2.getRotationMatrix2D(where.centre, turned_deg, size)
    turn[:, 2] += (7, -4)
    whole = master.shape[1], master.shape[0]
    moved = cv2.warpAffine(
        master, turn, whole, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    noise = np.random.default_rng(seed).normal(0, 4, moved.shape)
    return np.clip(moved + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("angle_deg", [0.0, 15.0])
@pytest.mark.parametrize(("name", "where"), PLACES, ids=["straight traces", "repeated traces"])
def test_traces_of_another_size_are_not_found_where_the_size_is_fixed(
    name: str, where: Region, angle_deg: float
) -> None:
    settings = Pattern(region=where, angle_deg=angle_deg)
    learned = learn(frame(np.ascontiguousarray(sharp(name))), settings)
    turned_deg = 5.0 if angle_deg else 0.0
    x, y = where.centre
    for seed in range(2):
        pose = find(frame(board(name, where, 1.0, turned_deg, seed)), settings, learned)
        assert (pose.x, pose.y) == pytest.approx((x + 7, y - 4), abs=0.3)
        for size in (0.9, 1.1):
            with pytest.raises(Problem, match="PART_NOT_FOUND"):
                find(frame(board(name, where, size, turned_deg, seed)), settings, learned)
