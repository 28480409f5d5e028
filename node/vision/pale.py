"""How much of its master's contrast a part has: by its shape alone, pale print is whole."""

import cv2

from node.frame import Pixels
from schemas import Problem

LIKE = 0.5  # a score below this says by itself that it is not there


def spread(gray: Pixels, mask: Pixels | None = None) -> float:
    """Standard deviation of the gray levels where the mask is not 0, without most of the noise."""
    return float(cv2.meanStdDev(cv2.blur(gray, (3, 3)), mask=mask)[1][0, 0])


def check_contrast(score: float, share: float, least: float) -> None:
    """Raises Problem NO_CONTRAST if what scores like the master's is paler than allowed."""
    if score >= LIKE and share < least:
        raise Problem(
            "NO_CONTRAST",
            f"the contrast is {share:.0%} of the master's, {least:.0%} are needed: pale print, haze"
            " or too little light",
        )
