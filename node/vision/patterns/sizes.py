"""Whether a part whose size is fixed has the master's size.

Straight traces agree at many sizes, and a part of another size agrees best somewhere beside: so it
is looked for in other sizes from the pose that was found, and, if that is seen only fairly well,
also around it, by the coarse search in a picture that is made larger or smaller instead of the
pattern. Another size must agree clearly better.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from node.frame import Frame, Pixels
from node.vision.patterns.alone import HALF, overlap
from node.vision.patterns.coarse import Coarse, doubled_of, everywhere, spectra_of
from node.vision.patterns.turned_fit import (
    Gradients,
    Level,
    Poses,
    agreement,
    followed,
    gradients,
    level_of,
    reduced,
    surrounded,
)
from schemas import Problem, Region

SIZES = np.array([1.0, 0.9, 0.95, 1.05, 1.1])  # of the master's, that are tried
AROUND_SIZES = (0.9, 1.1)  # the same around what is seen only fairly well
BETTER = 0.05  # by this much one of these must agree better than what the first leads to
STEPS = 12  # to the size of what was found
POINTS = 300
# score above which a size is not looked at, and below which it is looked for around the place
SURE, FAIR = 0.98, 0.93
MOST = 0.06  # by how much a size that is fixed may differ
AROUND = 1.5  # diagonals of the pattern to be looked at
STARTS = 6  # places in each size


@dataclass(frozen=True, eq=False)
class Ruler:
    """points: of the pattern, that may be scaled; coarse: the search in a square of `side` px
    around a place, None where there is none."""

    points: Level
    coarse: Coarse | None
    side: int
    size: tuple[int, int]


def ruler_of(
    frame: Frame, region: Region, factor: int, kept: Pixels | None, coarse: Coarse | None
) -> Ruler:
    """Of the region of the master, at that factor; coarse: its search in the size that is fixed."""
    whole = region.height, region.width
    points = level_of(surrounded(frame, region, factor), factor, whole, True, POINTS, kept)
    if coarse is None:
        return Ruler(points, None, 0, whole[::-1])
    each = coarse.factor * coarse.middle
    side = math.ceil(AROUND * math.hypot(*whole) / each) * each
    there = side // coarse.factor
    return Ruler(
        points,
        replace(
            coarse,
            spectra=spectra_of(
                coarse.templates, (there, there), coarse.spectra.pairs, coarse.spectra.rims
            ),
        ),
        side,
        whole[::-1],
    )


def check_size(gray: Pixels, slopes: Gradients, ruler: Ruler, pose: Poses, score: float) -> None:
    """Raises Problem PART_NOT_FOUND if what was found at a pose (1 x 4) of a picture has another
    size than the master; slopes: the picture's gradients at the ruler's factor."""
    if score >= SURE:
        return
    starts = np.repeat(pose, len(SIZES), axis=0)
    starts[:, 3] *= SIZES
    if score < FAIR and ruler.coarse is not None:
        starts = np.concatenate([starts, *_around(gray, ruler, ruler.coarse, pose[0])])
    size = _size_at(slopes, ruler.points, pose, starts)
    if abs(size - 1) > MOST:
        raise Problem("PART_NOT_FOUND", f"the part has {size:.2f} of the master's size")


def _size_at(slopes: Gradients, points: Level, pose: Poses, starts: Poses) -> float:
    others = followed(slopes, points, starts, STEPS)
    agrees = agreement(slopes, points, np.concatenate([pose, others]))
    own = float(max(agrees[0], agrees[1]))  # from the master's size
    best = int(agrees[2:].argmax())
    if agrees[2 + best] > own + BETTER:
        return float(others[1 + best, 3])
    return float(others[0, 3] if agrees[1] > agrees[0] else pose[0, 3])


def _around(gray: Pixels, ruler: Ruler, coarse: Coarse, pose: Any) -> list[Poses]:
    """Places in other sizes that overlap by half with a pose."""
    around, middle = [], (ruler.side - 1) / 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for size in AROUND_SIZES:
        to = np.array([[size, 0, pose[0] - size * middle], [0, size, pose[1] - size * middle]])
        window: Any = cv2.warpAffine(
            gray, to, (ruler.side, ruler.side), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        doubled = doubled_of(gradients(reduced(window, coarse.middle)), window.shape, coarse)
        places = everywhere(doubled, coarse)
        places[:, :2] = size * places[:, :2] + to[:, 2]
        places[:, 3] = size
        near = [place for place in places if overlap(pose, place, ruler.size) >= HALF]
        around += [np.array(near[:STARTS])] if near else []
    return around
