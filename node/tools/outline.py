"""Agreement of the part's edge directions with the master's contour."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import GRADIENT_SCALE, Pixels, View
from node.measurement import Mark, Measurement
from node.vision.pale import check_contrast, spread
from schemas import Outline, Problem

LEAST_POINTS = 16
MOST_POINTS = 1000  # more do not make the mean better, only slower
# a gradient below this share of gradient_low has no direction: the part's contrast may fall this
# far
NOISE_SHARE = 0.2
# px of a cell whose points have one offset, more where many offsets are tried and points are few
TOGETHER, OFFSETS = 16, 6
MOST_CELL_PX = 48
BESIDE_PX = 3  # to each side of the contour, and the tolerance: whose contrast is compared


@dataclass(frozen=True, eq=False)
class OutlineLearned:
    """The master's contour: n points as columns and rows of the view, their gradient directions,
    where to look for them.

    around: flat indices into a view of `shape` (rows, columns), one row for each offset within
    tolerance_px. starts: the points lie in the order of the cells of a grid; the first of each.
    beside: 255 near the contour; spread: of the master's gray levels there.
    """

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    direction: tuple[NDArray[np.float32], NDArray[np.float32]]
    around: NDArray[np.intp]
    starts: NDArray[np.intp]
    shape: tuple[int, int]
    beside: Pixels
    spread: float


def learn(view: View, settings: Outline) -> OutlineLearned:
    """Thin edges of the master (J. Canny 1986) with their gradient directions, at most 1000 points
    spread evenly.

    Points whose tolerance leaves the view are left out. Raises Problem NO_CONTRAST if fewer than 16
    are left.
    """
    across, down = view.gradients
    steep = settings.gradient_low * GRADIENT_SCALE
    edges = view.counted(cv2.Canny(across, down, steep, steep, L2gradient=True))
    reach = settings.tolerance_px
    y, x = np.nonzero(edges[reach : view.height - reach, reach : view.width - reach])
    if len(x) < LEAST_POINTS:
        raise Problem(
            "NO_CONTRAST",
            f"the master has {len(x)} contour points of {settings.gradient_low:g} gray levels"
            " per px",
        )
    chosen = np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(np.intp)
    wide = max(TOGETHER, OFFSETS * reach) * max(len(x) / MOST_POINTS, 1)
    cell = min(math.ceil(wide), MOST_CELL_PX)
    cells = y[chosen] // cell * view.width + x[chosen] // cell
    order = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[order], prepend=-1))
    chosen = chosen[order]
    y, x = y[chosen] + reach, x[chosen] + reach
    gx, gy = across[y, x].astype(np.float32), down[y, x].astype(np.float32)
    direction = (
        (gx / np.hypot(gx, gy)).astype(np.float32),
        (gy / np.hypot(gx, gy)).astype(np.float32),
    )
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    near = dx * dx + dy * dy <= reach * reach
    around = (y + dy[near][:, None]) * view.width + x + dx[near][:, None]
    wide = 2 * (reach + BESIDE_PX) + 1
    beside = view.counted(cv2.dilate(edges, np.ones((wide, wide), np.uint8)))
    shape = view.height, view.width
    return OutlineLearned(x, y, direction, around, starts, shape, beside, spread(view.gray, beside))


def measure(view: View, settings: Outline, learned: OutlineLearned | None) -> Measurement:
    """Mean over the contour's points of the cosine between the master's and the part's gradient, 0
    to 1.

    The points of a cell of some 16 px count at the one offset within tolerance_px at which
    they agree best together, from 0 (across, opposite, or only noise there) to 1: each by itself
    finds an edge of its direction in any texture. Source: C. Steger 2002, Occlusion, clutter, and
    illumination invariant object recognition, eq. 3 with the polarity kept. Raises Problem
    NO_CONTRAST if the view has one value only, or the contour is paler than allowed.
    """
    if learned is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    if learned.shape != (view.height, view.width):
        raise Problem(
            "REGION_INVALID", f"tool {settings.name} was learned in a region of another size"
        )
    cosines = _cosines(view, settings, learned)
    value = float(cosines.mean())
    if value == 0 and view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    share = spread(view.gray, learned.beside) / learned.spread if learned.spread else 0.0
    check_contrast(value, share, settings.contrast_low)
    return Measurement(min(value, 1.0), lambda: _marks(view, learned, cosines))


def _cosines(view: View, settings: Outline, learned: OutlineLearned) -> NDArray[np.float32]:
    """The cosine of each contour point, -1 to 1, at the best offset of its cell; 0 in cells that
    disagree."""
    across, down = view.gradients
    gx = across.ravel().take(learned.around).astype(np.float32)
    gy = down.ravel().take(learned.around).astype(np.float32)
    length = np.hypot(gx, gy)
    along = gx * learned.direction[0] + gy * learned.direction[1]
    along[length < NOISE_SHARE * settings.gradient_low * GRADIENT_SCALE] = 0
    along /= np.maximum(length, 1)
    together = np.add.reduceat(along, learned.starts, axis=1)
    best = together.argmax(axis=0)
    counts = np.diff(learned.starts, append=along.shape[1])
    chosen = along[np.repeat(best, counts), np.arange(along.shape[1])]
    agrees = together[best, np.arange(len(best))] > 0
    return np.where(np.repeat(agrees, counts), chosen, 0)


def _marks(view: View, learned: OutlineLearned, cosines: NDArray[np.float32]) -> tuple[Mark, ...]:
    """The contour's points: first those that agree with the part, then those that are missing."""
    points = view.to_frame(np.stack([learned.x, learned.y], axis=1))
    there = cosines >= 0.5
    return Mark(points[there]), Mark(points[~there])
