"""A part of another size than the master's is not found where its size is fixed, though straight
traces agree at many sizes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from node.locators.pattern import find, learn
from schemas import Pattern, Problem
from tests.rooms.pictures.scenes import frame, region

BOARD = Path(__file__).parents[2] / "data" / "pcb" / "50600037_temp.jpg"
WHERE = region(120, 300, 200, 150)


def board(size: float = 1.0, turned_deg: float = 0.0, seed: int = 1) -> np.ndarray:
    """The board through a lens, larger by `size` and turned about the pattern, moved by (7, -4)."""
    master = cv2.GaussianBlur(cv2.imread(str(BOARD), cv2.IMREAD_GRAYSCALE), (0, 0), 0.7)
    turn = cv2.getRotationMatrix2D(WHERE.centre, turned_deg, size)
    turn[:, 2] += (7, -4)
    whole = master.shape[1], master.shape[0]
    moved = cv2.warpAffine(
        master, turn, whole, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    noise = np.random.default_rng(seed).normal(0, 4, moved.shape)
    return np.clip(moved + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("angle_deg", [0.0, 15.0])
def test_traces_of_another_size_are_not_found_where_the_size_is_fixed(angle_deg: float) -> None:
    settings = Pattern(region=WHERE, angle_deg=angle_deg)
    master = cv2.GaussianBlur(cv2.imread(str(BOARD), cv2.IMREAD_GRAYSCALE), (0, 0), 0.7)
    learned = learn(frame(np.ascontiguousarray(master)), settings)
    turned_deg = 5.0 if angle_deg else 0.0
    x, y = WHERE.centre
    for seed in range(3):
        pose = find(frame(board(1.0, turned_deg, seed)), settings, learned)
        assert (pose.x, pose.y) == pytest.approx((x + 7, y - 4), abs=0.3)
        for size in (0.9, 1.1):
            with pytest.raises(Problem, match="PART_NOT_FOUND"):
                find(frame(board(size, turned_deg, seed)), settings, learned)
