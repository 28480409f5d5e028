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


def stays(values: Floats, counts: Any, at: float, sign: float) -> Half | None:
    """The edge near `at` (a step up if sign is 1, down if -1) at half of its depth; None if more
    blur would move it.

    values: gray levels of the pixels 0, 1, 2 ..; counts: which of them are part of the region.
    """
    first = max(round(at) - AROUND, 0)
    near = sign * values[first : round(at) + AROUND + 1]
    halfway = _halfway(near, at - first)
    if halfway is None or not counts[first : round(at) + AROUND + 1][halfway[1] : halfway[2]].all():
        return None
    edge = halfway[0]
    again = _halfway(blurred(near[None], edge.blur)[0], edge.at)
    if again is None or abs(again[0].at - edge.at) > MOST_MOVED_PX:
        return None
    return Half(first + edge.at, sign * edge.step, edge.blur)


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


def _halfway(values: Floats, at: float) -> tuple[Half, int, int] | None:
    """The step up near `at` between the levels of its sides, and the pixels (end excluded) up to
    where the sides end."""
    middle = min(max(round(at), 1), len(values) - 2)
    first = max(middle - 2, 0)
    foot = first + int(np.diff(values[first : middle + 3]).argmax())
    depth = float(values[foot + 1] - values[foot])
    for _ in range(3):  # how deep it is decides what turns back
        before, low = _side(-values[foot::-1], depth)
        after, high = _side(values[foot + 1 :], depth)
        depth = high + low
    low, start, end = -low, foot - before, foot + 1 + after
    if depth <= 0 or min(foot + 1 - start, end - foot) < LEAST_WIDTH_PX:
        return None
    left, right = foot, foot + 1
    while values[left] > low + REACHED * depth:
        left -= 1
    while values[right] < high - REACHED * depth:
        right += 1
    x = np.arange(left, right + 1)
    place, blur = _fitted(x, (values[left : right + 1] - low) / depth)
    return (
        (Half(place, depth, blur), start, end + 1)
        if left <= place <= right and blur < MOST_BLUR
        else None
    )


def _side(values: Floats, depth: float) -> tuple[int, float]:
    """From a foot outwards and up: the last pixel before the values turn back, and the greatest of
    them."""
    greatest = np.maximum.accumulate(values)
    back = np.flatnonzero(values < greatest - TURNS_BACK * max(depth, 1.0))
    last = int(back[0]) - 1 if len(back) else len(values) - 1
    return last, float(greatest[last])


def _fitted(x: Any, values: Floats) -> tuple[float, float]:
    """Least squares fit of a blurred step from 0 to 1, mean over each pixel: place and blur."""
    at, blur = float(x[-1] + 0.5 - values.sum()), max(0.3, (len(x) - 2) / 3.5)
    borders = np.append(x - 0.5, x[-1] + 0.5)  # where a pixel ends, the next one begins
    for _ in range(ROUNDS):
        far = (borders - at) / blur
        density, below = gauss(far)
        moved, softer = -np.diff(below), np.diff(density)
        rest = values - blur * np.diff(far * below + density)
        a, b, d = moved @ moved + SMALL, moved @ softer, softer @ softer + SMALL
        p, q = moved @ rest, softer @ rest
        change = (d * p - b * q) / (a * d - b * b), (a * q - b * p) / (a * d - b * b)
        at += min(max(float(change[0]), -0.5), 0.5)
        blur = min(max(blur + min(max(float(change[1]), -0.5 * blur), blur), 0.1), 16.0)
        if max(abs(change[0]), abs(change[1])) < SETTLED_PX:
            break
    return at, blur
