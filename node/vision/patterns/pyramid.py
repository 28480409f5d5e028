"""A pattern from full resolution to coarse ones, each half the one before, and whether it can still
be recognised there."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels

# standard deviation of a pattern in gray levels; less is the noise of a camera
LEAST_SPREAD = 3.0


def halved(image: Pixels) -> Pixels:
    """Means of 2 x 2 px; an odd last row or column is left out."""
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    return cv2.resize(
        image[: 2 * rows, : 2 * columns], (columns, rows), interpolation=cv2.INTER_AREA
    )


def correlation(image: Any, pattern: Any) -> NDArray[np.float32]:
    """Normalised correlation of the pattern at each place, -1 to 1; 0 where it has no value."""
    scores: Any = cv2.matchTemplate(image, pattern, cv2.TM_CCOEFF_NORMED)
    cv2.patchNaNs(scores, 0)
    return scores  # type: ignore[no-any-return]


def keeps(pattern: Pixels, level: int, least_agreement: float) -> bool:
    """Whether the pattern can still be recognised at that level, wherever it lies between the
    coarse pixels."""
    half = 2 ** (level - 1)
    one, other = pattern, pattern[half:, half:]
    for _ in range(level):
        one, other = halved(one), halved(other)
    one = one[: other.shape[0], : other.shape[1]]
    if min(one.shape) < 3 or float(one.std()) < LEAST_SPREAD:
        return False
    return float(correlation(other, one)[0, 0]) >= least_agreement
