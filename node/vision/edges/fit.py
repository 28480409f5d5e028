"""Lines and circles through edge points some of which are wrong."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# with 60 % good points three of them are good in 22 % of the tries: all tries fail once in 10^10
TRIES = 96
LEAST_TOLERANCE_PX = 1.0


class Straight(NamedTuple):
    """A line through (x, y), the middle of its good points, along (ux, uy); residuals of all
    points, and which are good."""

    x: float
    y: float
    ux: float
    uy: float
    residuals: Floats
    good: Flags

    def holds(self, points: Floats) -> int:
        """How many of n x 2 other points lie on it, as near as its own good ones may."""
        away = (points[:, 0] - self.x) * self.uy - (points[:, 1] - self.y) * self.ux
        return int((np.abs(away) <= _limit(self.residuals[self.good], LEAST_TOLERANCE_PX)).sum())


class Round(NamedTuple):
    """A circle; residuals of all points (outside is positive), and which are good."""

    x: float
    y: float
    radius: float
    residuals: Floats
    good: Flags

    def holds(self, points: Floats) -> int:
        """How many of n x 2 other points lie on it, as near as its own good ones may."""
        away = np.hypot(points[:, 0] - self.x, points[:, 1] - self.y) - self.radius
        return int((np.abs(away) <= _limit(self.residuals[self.good], LEAST_TOLERANCE_PX)).sum())


def line(points: Floats, tolerance: float = LEAST_TOLERANCE_PX) -> Straight | None:
    """The line that most of n x 2 points agree with, then total least squares over those; None if
    there is no such line.

    RANSAC as M. Fischler, R. Bolles 1981, scored as P. Torr, A. Zisserman 2000 (MSAC); always the
    same tries.
    """
    if len(points) < 2:
        return None
    first, second = _samples(len(points), 2)
    origin, along = points[first], points[second] - points[first]
    length = np.hypot(along[:, 0], along[:, 1])
    fit = length > 0
    if not fit.any():
        return None
    origin, along = origin[fit], along[fit] / length[fit, None]
    away = points[None] - origin[:, None]
    distances = np.abs(away[:, :, 0] * along[:, None, 1] - away[:, :, 1] * along[:, None, 0])
    good = distances[np.minimum(distances, tolerance).sum(axis=1).argmin()] <= tolerance
    for _ in range(5):
        x, y = points[good].mean(axis=0)
        centred = points[good] - (x, y)
        _, vectors = np.linalg.eigh(centred.T @ centred)
        ux, uy = vectors[:, 1].tolist()
        residuals = (points[:, 0] - x) * uy - (points[:, 1] - y) * ux
        now = np.abs(residuals) <= _limit(residuals[good], tolerance)
        if now.sum() < 2 or (now == good).all():
            break
        good = now
    return Straight(float(x), float(y), ux, uy, residuals, good)


def circle(points: Floats, tolerance: float = LEAST_TOLERANCE_PX) -> Round | None:
    """The circle that most of n x 2 points agree with, then least squares of the distances from it;
    None if there is no such circle."""
    if len(points) < 3:
        return None
    a, b, c = (points[chosen] for chosen in _samples(len(points), 3))
    (bx, by), (cx, cy) = (b - a).T, (c - a).T
    twice = 2 * (bx * cy - by * cx)
    fit = np.abs(twice) > 1e-6
    if not fit.any():
        return None
    bx, by, cx, cy, twice, a = bx[fit], by[fit], cx[fit], cy[fit], twice[fit], a[fit]
    bb, cc = bx**2 + by**2, cx**2 + cy**2
    ux, uy = (cy * bb - by * cc) / twice, (bx * cc - cx * bb) / twice
    centre, radius = a + np.stack([ux, uy], axis=1), np.hypot(ux, uy)
    away_x, away_y = points[:, 0] - centre[:, :1], points[:, 1] - centre[:, 1:]
    distances = np.abs(np.sqrt(away_x * away_x + away_y * away_y) - radius[:, None])
    best = np.minimum(distances, tolerance).sum(axis=1).argmin()
    good = distances[best] <= tolerance
    x, y, r = float(centre[best, 0]), float(centre[best, 1]), float(radius[best])
    residuals = np.hypot(points[:, 0] - x, points[:, 1] - y) - r
    for _ in range(20):  # Gauss-Newton
        if good.sum() < 3:
            return None
        away = points[good] - (x, y)
        length = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-9)
        system = np.column_stack([away / length[:, None], np.ones(len(away))])
        try:
            change = np.linalg.solve(system.T @ system, system.T @ (length - r))
        except np.linalg.LinAlgError:  # all good points in one direction
            return None
        x, y, r = x + float(change[0]), y + float(change[1]), r + float(change[2])
        residuals = np.hypot(points[:, 0] - x, points[:, 1] - y) - r
        now = np.abs(residuals) <= _limit(residuals[good], tolerance)
        if np.abs(change).max() < 1e-6 * max(1.0, r) and (now == good).all():
            break
        good = now
    return Round(x, y, r, residuals, good) if r > 0 and good.sum() >= 3 else None


def peak_to_valley(residuals: Floats, closed: bool) -> float:
    """Greatest less least residual along the edge, each the median of three neighbours: one wrong
    point does not count."""
    if len(residuals) >= 3:
        padded = np.pad(residuals, 1, mode="wrap" if closed else "edge")
        residuals = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    return float(residuals.max() - residuals.min())


@lru_cache(maxsize=64)
def _samples(points: int, size: int) -> tuple[NDArray[np.intp], ...]:
    """Places of the points of each try: seeded, so that the same picture gives the same value."""
    chosen: Any = (
        np.random.default_rng(points)
        .random((TRIES, points))
        .argpartition(size - 1, axis=1)[:, :size]
    )
    return tuple(chosen.T)


def _limit(residuals: Floats, tolerance: float) -> float:
    """How far a good point may be away: 3.5 sigma of those that were good (from their median), the
    tolerance at least."""
    return (
        max(tolerance, 3.5 * 1.4826 * float(np.median(np.abs(residuals))))
        if len(residuals)
        else tolerance
    )
