"""Drawn pictures whose symmetry is known; a blind one gives a problem and no number."""

import numpy as np
import pytest
from inspection_symmetry.settings import Symmetry
from inspection_symmetry.steps import measure

from node.frame import Frame, View
from schemas import Problem, Region

WHERE = Region(x=0, y=0, width=80, height=60)


def seen(picture: np.ndarray) -> View:
    return Frame(picture, 0, 0.0, "drawn", simulated=True).view(WHERE)


def tool() -> Symmetry:
    return Symmetry(name="halves", region=WHERE, low=0.9)


def test_two_equal_halves_are_alike() -> None:
    picture = np.full((60, 80), 60, np.uint8)
    picture[20:40, 10:20] = picture[20:40, 60:70] = 200
    assert measure(seen(picture), tool(), None).value == pytest.approx(1.0)


def test_a_part_with_one_ear_is_not() -> None:
    picture = np.full((60, 80), 60, np.uint8)
    picture[20:40, 10:20] = 200
    assert measure(seen(picture), tool(), None).value < 0.1


def test_a_blind_picture_is_a_problem_and_no_number() -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measure(seen(np.full((60, 80), 128, np.uint8)), tool(), None)
