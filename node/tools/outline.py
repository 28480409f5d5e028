"""Agreement of the part's edge directions with the master's contour."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import GRADIENT_SCALE, View
from node.measurement import Mark, Measurement
from schemas import Outline, Problem

LEAST_POINTS = 16
MOST_POINTS = 1000  # more do not make the mean better, only slower
# a gradient below this share of gradient_low has no direction: the part's contrast may fall so far
NOISE_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Learned:
    """The master's contour: n points as columns and rows of the view, their gradient directions,
    where to look for them.

    around: flat indices into a view of `shape` (rows, columns), one row for each offset within
    tolerance_px.
    """

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    direction: tuple[NDArray[np.float32], NDArray[np.float32]]
    around: NDArray[np.intp]
    shape: tuple[int, int]


def learn(view: View, settings: Outline) -> Learned:
    """Thin edges of the master (J. Canny 1986) with their gradient directions, at most 1000 points
    spread evenly.

    Points whose tolerance leaves the view are left out. Raises Problem NO_CONTRAST if fewer than 16
    are left.
    """
    across, down = view.gradients
    steep = settings.gradient_low * GRADIENT_SCALE
    edges = view.counted(cv2.Canny(across, down, steep, steep, L2gradient=True))  # type: ignore[arg-type]
    reach = settings.tolerance_px
    y, x = np.nonzero(edges[reach : view.height - reach, reach : view.width - reach])
    if len(x) < LEAST_POINTS:
        raise Problem(
            "NO_CONTRAST",
            f"the master has {len(x)} contour points of {settings.gradient_low:g} gray levels"
            " per px",
        )
    chosen = np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(np.intp)
    y, x = y[chosen] + reach, x[chosen] + reach
    gx, gy = across[y, x].astype(np.float32), down[y, x].astype(np.float32)
    direction = (
        (gx / np.hypot(gx, gy)).astype(np.float32),
        (gy / np.hypot(gx, gy)).astype(np.float32),
    )
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    near = dx * dx + dy * dy <= reach * reach
    around = (y + dy[near][:, None]) * view.width + x + dx[near][:, None]
    return Learned(x, y, direction, around, (view.height, view.width))


def measure(view: View, settings: Outline, learned: Learned | None) -> Measurement:
    """Mean over the contour's points of the cosine between the master's and the part's gradient, 0
    to 1.

    Each point counts with its best neighbour within tolerance_px, from 0 (across, opposite, or only
    noise there) to 1. Source: C. Steger 2002, Occlusion, clutter, and illumination invariant object
    recognition, eq. 3 with the polarity kept. Raises Problem NO_CONTRAST if the view has one value
    only.
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
    return Measurement(min(value, 1.0), lambda: _marks(view, learned, cosines))


def _cosines(view: View, settings: Outline, learned: Learned) -> NDArray[np.float32]:
    """The best cosine of each contour point, 0 to 1."""
    across, down = view.gradients
    gx = across.ravel().take(learned.around).astype(np.float32)
    gy = down.ravel().take(learned.around).astype(np.float32)
    length = np.hypot(gx, gy)
    along = gx * learned.direction[0] + gy * learned.direction[1]
    along[length < NOISE_SHARE * settings.gradient_low * GRADIENT_SCALE] = 0
    along /= np.maximum(length, 1)
    return np.maximum(along.max(axis=0), 0)  # type: ignore[no-any-return]


def _marks(view: View, learned: Learned, cosines: NDArray[np.float32]) -> tuple[Mark, ...]:
    """The contour's points: first those that agree with the part, then those that are missing."""
    points = view.to_frame(np.stack([learned.x, learned.y], axis=1))
    there = cosines >= 0.5
    return Mark(points[there]), Mark(points[~there])
