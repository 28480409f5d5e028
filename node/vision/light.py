"""How much lighter a view is than the master's was, for thresholds that follow it; where it was
too light to tell; and whether a threshold parts two things or runs through one."""

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import View
from schemas import Problem

CELL_PX = 8
LEAST_LEVEL = 12.0  # gray levels of a cell of the master: darker ones hardly change with the light
LEAST_CELLS = 9
MOST_GAIN = 1.5  # beyond it, up or down, the lamp has failed or it is another part
# gray levels between the means of what lies on either side of a threshold: less is a sensor's noise
LEAST_CONTRAST = 8.0
LEAST_APART = 0.25  # of the master's: less is the shading of one surface
# what is left of noise, not of flat or slanting light (J. Immerkaer 1996)
NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
LEAST_NOISY = 0.6  # share of the px that show any: from here on a sensor took them

Cells = NDArray[np.float32]


def burnt(view: View) -> NDArray[np.uint8]:
    """255 where at least one channel is 255: it may have been any amount more."""
    return view.once(  # type: ignore[no-any-return]
        "burnt", lambda: cv2.bitwise_not(cv2.inRange(view.bgr, (0, 0, 0), (254, 254, 254)))
    )


def apart(view: View, mask: NDArray[np.uint8]) -> float:
    """Gray levels between the means of what counts (255 in the mask) and of the rest; 0 if there is
    no such rest or nothing counts."""
    count, size = cv2.countNonZero(mask), view.size_px
    if count in (0, size):
        return 0.0
    inside, whole = cv2.mean(view.gray, mask)[0], cv2.mean(view.gray, view.mask)[0]
    return abs(inside - whole) * size / (size - count)


def check_apart(view: View, mask: NDArray[np.uint8], master: float = 0.0) -> None:
    """Raises Problem NO_CONTRAST if what counts and the rest differ by far less than in the master
    (gray levels): the threshold runs through a surface of one colour, its shading or its noise."""
    contrast, least = apart(view, mask), max(LEAST_CONTRAST, LEAST_APART * master)
    if contrast < least:
        raise Problem(
            "NO_CONTRAST",
            f"light and dark differ by {contrast:.2g} gray levels only, {least:.2g} are needed: the"
            " threshold runs through one surface",
        )


def noisy(view: View) -> bool:
    """Whether a sensor took it, for a sensor has noise: in a drawing, white is white and no
    more."""
    return bool(view.once("noisy", lambda: _noisy(view.gray)))


def _noisy(gray: NDArray[np.uint8]) -> bool:
    square = np.ones((3, 3), np.uint8)
    known = (cv2.erode(gray, square) > 0) & (cv2.dilate(gray, square) < 255)
    return bool(known.any()) and (
        float((cv2.filter2D(gray, cv2.CV_32F, NOISE)[known] != 0).mean()) >= LEAST_NOISY
    )


def cells(view: View) -> Cells:
    """Mean gray level of cells of the view, rows x columns; NaN where not all pixels count."""
    rows, columns = (max(1, round(side / CELL_PX)) for side in (view.height, view.width))
    means = cv2.resize(view.gray, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    if view.mask is not None:
        cover = cv2.resize(view.mask, (columns, rows), interpolation=cv2.INTER_AREA)
        means[cover < 255] = np.nan
    return means


def known(view: View) -> Cells:
    """The master's cells. Raises Problem NO_CONTRAST if too few are light enough to tell the light
    by."""
    seen = cells(view)
    if np.count_nonzero(seen >= LEAST_LEVEL) < LEAST_CELLS:
        raise Problem(
            "NO_CONTRAST",
            "the region is too small or too dark to follow the light; take light: fixed",
        )
    return seen


def gain(view: View, master: Cells) -> float:
    """The light of a view in relation to the master's: the median over cells, so up to half of them
    may show something else.

    Raises Problem NO_CONTRAST beyond what a lamp does as it ages.
    """
    lit = master >= LEAST_LEVEL
    factor = float(np.median(cells(view)[lit] / master[lit]))
    if not 1 / MOST_GAIN <= factor <= MOST_GAIN:
        raise Problem(
            "NO_CONTRAST", f"the light is {factor:.2g} times the master's, or it is another part"
        )
    return factor


def level_at(threshold: int, gain: float) -> tuple[int, float]:
    """The gray level up to which pixels are dark at other light, and how far (0 to 1) that is on
    the way to the next level."""
    level = min(max(gain * (threshold + 0.5) - 0.5, 0.0), 254.0)
    return int(level), level - int(level)
