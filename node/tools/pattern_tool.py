"""How well, or how often, the master's pattern is found in a region: normalised correlation, from
coarse to fine."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels, View
from node.measurement import Mark, Measurement
from node.vision.pale import check_contrast, spread
from node.vision.patterns.pyramid import LEAST_SPREAD, correlation, halved, keeps
from node.vision.patterns.turned_fit import Likeness, likeness_of, seen
from schemas import PatternTool, Problem

LEAST_SIDE = 8  # px of the coarsest pattern
LEAST_THERE = 1.0  # the same for a place that is compared with it: less is a flat place
# correlation of the coarse pattern with itself half a coarse px away: the worst case of a search
LEAST_AGREEMENT = 0.8
SLACK = 0.25  # by how much the coarse correlation of a good place may be below the fine one
MOST = 500  # places
FEW = 8  # places, where only the best counts
SEEN_SIDE = 16  # px of a pattern's shorter side; in a smaller one no part can be missing by itself
SEEN_PX = 20_000  # a larger pattern is looked at for missing parts at half of its size


@dataclass(frozen=True, eq=False)
class PatternToolLearned:
    """The pattern from full resolution to the coarsest level, each half the one before; and what
    tells whether a part of it is missing, None for a small one. spread: of its gray levels."""

    levels: tuple[Pixels, ...]
    like: Likeness | None
    spread: float


def learn(view: View, settings: PatternTool) -> PatternToolLearned:
    """The pattern of the master. Raises Problem NO_CONTRAST if it is flat, REGION_INVALID if it
    leaves the frame."""
    pattern = np.ascontiguousarray(view.other(settings.pattern).gray)
    if float(pattern.std()) < LEAST_SPREAD:
        raise Problem("NO_CONTRAST", "the pattern shows nothing that could be found again")
    levels = [pattern]
    while min(levels[-1].shape) >= 2 * LEAST_SIDE and keeps(pattern, len(levels), LEAST_AGREEMENT):
        levels.append(halved(levels[-1]))
    small = min(pattern.shape) < SEEN_SIDE
    like = None if small else likeness_of(pattern, 1 if pattern.size <= SEEN_PX else 2)
    return PatternToolLearned(tuple(levels), like, spread(pattern))


def measure(view: View, settings: PatternTool, learned: PatternToolLearned | None) -> Measurement:
    """The best correlation, 0 to 1, or the number of places; two places lie half a pattern apart or
    more.

    The score is no more than 1.2 times the share of the pattern's contrast that is there: the
    correlation of a print of which half is missing is 0.77. A place counts only if every pixel of
    it does. Raises Problem NO_CONTRAST if the view has one value only, or a place is paler than
    allowed.
    """
    if learned is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} looks for a pattern of it")
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    places = _places(view, settings, learned)
    if settings.value == "count":
        places = [place for place in places if place[2] >= settings.least_score]
    else:
        places = places[:FEW]
    places = sorted((_whole(view, place, learned) for place in places), key=lambda each: -each[2])
    good = [place for place in places if place[2] >= settings.least_score]
    best = good if settings.value == "count" else places[:1]
    rows, columns = learned.levels[0].shape
    for x, y, score in best:
        there = np.ascontiguousarray(view.gray[y : y + rows, x : x + columns])
        share = spread(there) / learned.spread if learned.spread else 0.0
        check_contrast(score, share, settings.contrast_low)
    value = (
        float(len(good))
        if settings.value == "count"
        else max((score for _, _, score in best), default=0.0)
    )
    return Measurement(value, lambda: tuple(_mark(view, x, y, columns, rows) for x, y, _ in best))


def _whole(
    view: View, place: tuple[int, int, float], learned: PatternToolLearned
) -> tuple[int, int, float]:
    """The place with a score that is limited by what of the pattern is there."""
    if learned.like is None:
        return place
    x, y, score = place
    rows, columns = learned.levels[0].shape
    there = np.array([[x + (columns - 1) / 2, y + (rows - 1) / 2, 0.0, 1.0]])
    # what is counted or asked for may be stripes, which fix no place
    return x, y, min(score, seen(view.gray, learned.like, there, place=False)[1])


def _places(
    view: View, settings: PatternTool, learned: PatternToolLearned
) -> list[tuple[int, int, float]]:
    """Left top corner and score of the peaks, best first, none within half a pattern of a better
    one."""
    images = [np.ascontiguousarray(view.gray)]
    while len(images) < len(learned.levels):
        images.append(halved(images[-1]))
    coarse = len(images) - 1
    scores = correlation(images[coarse], learned.levels[coarse])
    least = settings.least_score if settings.value == "count" else float(scores.max())
    y, x = np.nonzero(
        (scores >= cv2.dilate(scores, np.ones((3, 3), np.uint8)))
        & (scores >= max(least - SLACK, 1e-6))
    )
    order = np.argsort(scores[y, x])[::-1]
    rows, columns = learned.levels[0].shape
    free = None if view.mask is None else _free(view.mask, columns, rows)
    followed: list[tuple[int, int, float]] = []
    for place in order[
        : MOST if settings.value == "count" or view.mask is not None else FEW
    ].tolist():
        px, py, score = int(x[place]), int(y[place]), float(scores[y[place], x[place]])
        for level in range(max(coarse - 1, 0), -1, -1):
            step = 2 if coarse else 1
            px, py, score = _nearby(images[level], learned.levels[level], step * px, step * py)
        if free is None or free[min(py, free.shape[0] - 1), min(px, free.shape[1] - 1)]:
            followed.append((px, py, score))
    followed.sort(key=lambda place: -place[2])
    kept: list[tuple[int, int, float]] = []
    for px, py, score in followed:
        if all(abs(px - kx) >= columns / 2 or abs(py - ky) >= rows / 2 for kx, ky, _ in kept):
            kept.append((px, py, score))
    return kept


def _nearby(image: Pixels, pattern: Pixels, x: int, y: int) -> tuple[int, int, float]:
    """The best place within 2 px of one."""
    rows, columns = pattern.shape
    left, top = (
        max(min(x, image.shape[1] - columns) - 2, 0),
        max(min(y, image.shape[0] - rows) - 2, 0),
    )
    scores = correlation(image[top : top + rows + 4, left : left + columns + 4], pattern)
    _, score, _, (dx, dy) = cv2.minMaxLoc(scores)
    there = image[top + dy : top + dy + rows, left + dx : left + dx + columns]
    flat = float(cv2.meanStdDev(there)[1][0, 0]) < LEAST_THERE
    return left + dx, top + dy, 0.0 if flat else min(score, 1.0)


def _free(mask: Pixels, columns: int, rows: int) -> NDArray[np.bool_]:
    """Whether every pixel of a pattern with its left top corner there counts."""
    sums = cv2.integral((mask > 0).astype(np.uint8))
    counted = (
        sums[rows:, columns:]
        - sums[:-rows, columns:]
        - sums[rows:, :-columns]
        + sums[:-rows, :-columns]
    )
    return counted == rows * columns  # type: ignore[no-any-return]


def _mark(view: View, x: int, y: int, columns: int, rows: int) -> Mark:
    right, bottom = x + columns - 1, y + rows - 1
    return Mark(view.to_frame([(x, y), (right, y), (right, bottom), (x, bottom)]), closed=True)
