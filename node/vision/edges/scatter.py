"""How well the mean over the rows of a strip knows a width, judged by how much its rows scatter.

What a row adds to the width is, in first order, its gray levels times what the fit of blurred steps
makes of each pixel. How these differ from row to row is what the noise does, whatever it is and
however sampling has smoothed it along the rows. Second differences over a few rows leave out what
is shape (a taper, an arc), and their median leaves out nicks.
"""

import math

import numpy as np
from numpy.typing import NDArray

from node.vision.edges.steps import influence

Floats = NDArray[np.float64]

LEAST_ROWS = 5  # fewer do not tell how much they scatter
PAIRED_ROWS = 16  # from this many on, two rows each: turned regions mix neighbouring rows
REACH_BLURS, REACH_PX = 3.5, 3.0
TOGETHER = 6.0  # sigmas of the blur: edges nearer to each other are known only together
PIXEL = 0.29  # sigma of a pixel, as a blur
NORMAL = 1.4826  # sigma of normal numbers, in medians of their size


def scatter(
    gray: NDArray[np.uint8], counts: NDArray[np.bool_] | None, at: Floats, step: Floats, blur: float
) -> float:
    """Sigma of the distance of two edges in px; 0 if fewer than five rows show both of them whole.

    gray: rows x columns, in which the edges stand upright; counts: which pixels count, None for
    all; at: the two columns, in order; step: gray levels; blur: px.
    """
    reach = REACH_BLURS * math.hypot(blur, PIXEL) + REACH_PX
    near = at[1] - at[0] < TOGETHER * math.hypot(blur, PIXEL)
    moves, whole = np.zeros(len(gray)), np.ones(len(gray), bool)
    for group in [slice(0, 2)] if near else [slice(0, 1), slice(1, 2)]:
        first = max(math.floor(at[group][0] - reach), 0)
        end = min(math.ceil(at[group][-1] + reach) + 1, gray.shape[1])
        weights = influence(np.arange(first, end), at[group], step[group], blur)
        moves += gray[:, first:end] @ (np.array([-1.0, 1.0])[group] @ weights)
        if counts is not None:
            whole &= counts[:, first:end].all(axis=1)
    return _of_mean(moves[whole])


def _of_mean(moves: Floats) -> float:
    """Sigma of the mean of what neighbouring rows say."""
    rows = len(moves)
    if rows < LEAST_ROWS:
        return 0.0
    block, lag = (2, 3) if rows >= PAIRED_ROWS else (1, 1)
    means = np.convolve(moves, np.full(block, 1 / block), "valid")
    bends = means[: -2 * lag] - 2 * means[lag:-lag] + means[2 * lag :]
    sigma = NORMAL * float(np.median(np.abs(bends))) / math.sqrt(6)
    return sigma * math.sqrt(block / rows)
