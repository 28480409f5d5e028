"""An edge at half of its depth, which is right where the structure is wide but what lies beside it
fits no model of steps.

Prints, shadows, sharpening in the camera and texture leave gray levels that no sum of blurred steps
explains. People then put an edge where the gray level is halfway between the two sides, and it is
there if each side is reached before anything else begins. That is so if a little more blur leaves
the edge where it is: the edge of a line too thin for its blur moves outwards, and one beside a
shoulder moves towards it (compare V. Berzins 1984, Accuracy of Laplacian edge detectors).
"""

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.vision.edges.steps import gauss

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.intp]

# of the depth: what goes back further is the other side of the structure, less is texture
TURNS_BACK = 0.5
REACHED = 0.1  # of the depth: a side begins where its level is reached to within this
MORE_BLUR, LEAST_MORE_BLUR = 0.7, 0.2  # of the edge's own sigma, and px
MOST_MOVED_PX = 0.03
LEAST_WIDTH_PX = 3  # of the structure to either side, at half of its depth
AROUND = 40  # px of the profile that are looked at to each side
PIXEL = 0.29  # sigma of a pixel, as a blur
MOST_BLUR = 8.0  # px: a softer one is shading
ROUNDS, SETTLED_PX = 8, 1e-4
SMALL = 1e-4  # keeps the equations solvable where the two columns are alike


class Half(NamedTuple):
    """An edge at half of its depth: place, height with its sign and blur, in px and gray levels."""

    at: float
    step: float
    blur: float


class _Steps(NamedTuple):
    """The steps up of n windows, each between the levels of its sides: place, depth and blur; the
    pixels, end excluded, up to where the sides end; and which of them are steps at all."""

    at: Floats
    depth: Floats
    blur: Floats
    start: Whole
    end: Whole
    good: Flags


def stays(values: Floats, counts: Any, at: Floats, sign: Floats) -> list[Half | None]:
    """The edges near n places (a step up where sign is 1, down where it is -1), each at half of its
    depth; None for those that more blur would move.

    values: gray levels of the pixels 0, 1, 2 ..; counts: which of them are part of the region.
    """
    found: list[Half | None] = [None] * len(at)
    first = np.maximum(np.rint(at).astype(np.intp) - AROUND, 0)
    last = np.minimum(np.rint(at).astype(np.intp) + AROUND, len(values) - 1)
    long = last + 1 - first
    pixels = np.minimum(first[:, None] + np.arange(2 * AROUND + 1), last[:, None])
    near = sign[:, None] * values[pixels]
    steps = _halfway(near, long, at - first)
    inside = np.concatenate([[0], np.cumsum(~np.asarray(counts, bool))])
    whole = inside[first + steps.end] == inside[first + steps.start]
    chosen = np.flatnonzero(steps.good & whole)
    softer = near[chosen]
    for row, number in zip(softer, chosen.tolist(), strict=True):
        part = row[: long[number]]
        part[:] = blurred(part[None], float(steps.blur[number]))[0]
    again = _halfway(softer, long[chosen], steps.at[chosen])
    still = again.good & (np.abs(again.at - steps.at[chosen]) <= MOST_MOVED_PX)
    for number in chosen[still].tolist():
        found[number] = Half(
            float(first[number] + steps.at[number]),
            float(sign[number] * steps.depth[number]),
            float(steps.blur[number]),
        )
    return found


def blurred(values: Floats, blur: float) -> Floats:
    """Scans (n x width) through enough further blur that an edge of this blur moves if anything
    lies near it."""
    more = MORE_BLUR * math.hypot(blur, PIXEL) + LEAST_MORE_BLUR
    return np.asarray(
        cv2.GaussianBlur(
            np.ascontiguousarray(values), (0, 0), more, borderType=cv2.BORDER_REPLICATE
        ),
        float,
    )


def _halfway(values: Floats, long: Whole, at: Floats) -> _Steps:
    """The steps up near `at` of windows (n x width, of which `long` pixels count), each between the
    levels of its sides."""
    rows, width = np.arange(len(values)), values.shape[1]
    middle = np.clip(np.rint(at).astype(np.intp), 1, long - 2)
    first = np.maximum(middle - 2, 0)
    near = np.minimum(first[:, None] + np.arange(6), long[:, None] - 1)
    rises = np.diff(values[rows[:, None], near])
    rises[first[:, None] + np.arange(5) >= np.minimum(middle + 2, long - 1)[:, None]] = -math.inf
    foot = first + rises.argmax(axis=1)
    depth = values[rows, foot + 1] - values[rows, foot]
    out = np.arange(width)
    down = values[rows[:, None], np.maximum(foot[:, None] - out, 0)]
    up = values[rows[:, None], np.minimum(foot[:, None] + 1 + out, long[:, None] - 1)]
    for _ in range(3):  # how deep it is decides what turns back
        before, low = _side(-down, foot + 1, depth)
        after, high = _side(up, long - foot - 1, depth)
        depth = high + low
    low, start, end = -low, foot - before, foot + 1 + after
    good = (depth > 0) & (np.minimum(foot + 1 - start, end - foot) >= LEAST_WIDTH_PX)
    left = foot - (down <= (low + REACHED * depth)[:, None]).argmax(axis=1)
    right = foot + 1 + (up >= (high - REACHED * depth)[:, None]).argmax(axis=1)
    place, blur = np.zeros(len(values)), np.full(len(values), 1.0)
    if good.any():
        x = left[good, None] + np.arange(int((right - left)[good].max()) + 1)
        level = values[rows[good, None], np.minimum(x, width - 1)]
        place[good], blur[good] = _fitted(
            x, (level - low[good, None]) / depth[good, None], x <= right[good, None]
        )
    good &= (left <= place) & (place <= right) & (blur < MOST_BLUR)
    return _Steps(place, depth, blur, start, end + 1, good)


def _side(values: Floats, long: Whole, depth: Floats) -> tuple[Whole, Floats]:
    """From each foot outwards and up (n x width, of which `long` pixels count): the last pixel
    before the values turn back, and the greatest of them."""
    greatest = np.maximum.accumulate(values, axis=1)
    back = values < greatest - TURNS_BACK * np.maximum(depth, 1.0)[:, None]
    back |= np.arange(values.shape[1]) >= long[:, None]
    last = np.where(back.any(axis=1), back.argmax(axis=1), values.shape[1]) - 1
    return last, greatest[np.arange(len(values)), last]


def _fitted(x: Any, values: Floats, used: Flags) -> tuple[Floats, Floats]:
    """Least squares fits of blurred steps from 0 to 1, mean over each pixel: places and blurs.

    x, values: n x width, of which the pixels count that are used, the first ones of each row.
    """
    wide = used.sum(axis=1)
    at = x[:, 0] + wide - 0.5 - np.where(used, values, 0.0).sum(axis=1)
    blur = np.maximum(0.3, (wide - 2) / 3.5)
    borders = np.concatenate([x - 0.5, x[:, -1:] + 0.5], axis=1)  # of a pixel, and of the next one
    moving = np.arange(len(x))
    for _ in range(ROUNDS):
        soft, counted = blur[moving, None], used[moving]
        far = (borders[moving] - at[moving, None]) / soft
        density, below = gauss(far)
        moved, softer = -np.diff(below) * counted, np.diff(density) * counted
        rest = values[moving] - soft * np.diff(far * below + density)
        a, b, d, p, q = (
            np.einsum("ij,ij->i", one, other)
            for one, other in (
                (moved, moved),
                (moved, softer),
                (softer, softer),
                (moved, rest),
                (softer, rest),
            )
        )
        a, d = a + SMALL, d + SMALL
        by = (d * p - b * q) / (a * d - b * b)
        more = (a * q - b * p) / (a * d - b * b)
        at[moving] += np.clip(by, -0.5, 0.5)
        soft = blur[moving]
        blur[moving] = np.clip(soft + np.clip(more, -0.5 * soft, soft), 0.1, 16.0)
        moving = moving[np.maximum(np.abs(by), np.abs(more)) >= SETTLED_PX]
        if not moving.size:
            break
    return at, blur
