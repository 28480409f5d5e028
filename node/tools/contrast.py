"""Spread of the gray levels, or its ratio to the master's."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import View
from node.measurement import Measurement
from schemas import Contrast, Problem

LEAST_SPREAD = 0.5  # gray levels of the master; a ratio to less than this is a ratio to nothing


@dataclass(frozen=True)
class ContrastLearned:
    """Spread of the master's region in gray levels."""

    spread: float


def learn(view: View, settings: Contrast) -> ContrastLearned | None:
    """The master's spread; None if the value is not a ratio. Raises Problem NO_CONTRAST if it has
    none."""
    if settings.relative_to == "none":
        return None
    spread = _spread(view, settings)
    if spread < LEAST_SPREAD:
        raise Problem("NO_CONTRAST", "the master has one gray level here")
    return ContrastLearned(spread)


def measure(view: View, settings: Contrast, learned: ContrastLearned | None) -> Measurement:
    """Spread in gray levels, or divided by the master's. Raises Problem NO_CONTRAST if the view has
    one value only."""
    spread = _spread(view, settings)
    if spread <= 1 and view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    if settings.relative_to == "none":
        return Measurement(spread)
    if learned is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    return Measurement(spread / learned.spread)


def _spread(view: View, settings: Contrast) -> float:
    if settings.method == "deviation":
        return float(cv2.meanStdDev(view.gray, mask=view.mask)[1][0, 0])
    below = np.cumsum(cv2.calcHist([view.gray], [0], view.mask, [256], [0, 256]))
    low, high = _level(below, 0.05), _level(below, 0.95)
    return high - low


def _level(below: NDArray[Any], share: float) -> float:
    """The gray level below which that share lies, between two levels by how the upper one is shared
    out."""
    wanted = share * float(below[-1])
    level = int(np.searchsorted(below, wanted))
    before = float(below[level - 1]) if level else 0.0
    return level - 0.5 + (wanted - before) / (float(below[level]) - before)
