"""How much lighter a view is than the master's was, for thresholds that follow it; and where it was
too light to tell."""

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import View
from schemas import Problem

CELL_PX = 8
LEAST_LEVEL = 12.0  # gray levels of a cell of the master: darker ones hardly change with the light
LEAST_CELLS = 9
MOST_GAIN = 1.5  # beyond it, up or down, the lamp has failed or it is another part

Cells = NDArray[np.float32]


def burnt(view: View) -> NDArray[np.uint8]:
    """255 where a channel at least is 255: it may have been any amount more."""
    return view.once(  # type: ignore[no-any-return]
        "burnt", lambda: cv2.bitwise_not(cv2.inRange(view.bgr, (0, 0, 0), (254, 254, 254)))
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
    found = cells(view)
    if np.count_nonzero(found >= LEAST_LEVEL) < LEAST_CELLS:
        raise Problem(
            "NO_CONTRAST",
            "the region is too small or too dark to follow the light; take light: fixed",
        )
    return found


def gain(view: View, master: Cells) -> float:
    """The light of a view in relation to the master's: the median over cells, so up to half of them
    may show something else.

    Raises Problem NO_CONTRAST beyond what a lamp does as it ages.
    """
    lit = master >= LEAST_LEVEL
    found = float(np.median(cells(view)[lit] / master[lit]))
    if not 1 / MOST_GAIN <= found <= MOST_GAIN:
        raise Problem(
            "NO_CONTRAST", f"the light is {found:.2g} times the master's, or it is another part"
        )
    return found


def level_at(threshold: int, gain: float) -> tuple[int, float]:
    """The gray level up to which pixels are dark at other light, and how far (0 to 1) on the way to
    the next one that is."""
    level = min(max(gain * (threshold + 0.5) - 0.5, 0.0), 254.0)
    return int(level), level - int(level)
