"""Finds two straight edges of a part without texture: where they meet and how they lie is the pose.

Each place is sampled along its own axes. A band of rows gives one point: the steepest change of the
gray level in the master's direction, of a smoothed profile, to a fraction of a px by a parabola.
The line is the one that most points lie on (all pairs are tried; M. Fischler, R. Bolles 1981), then
fitted with weights that fall with the distance (P. Huber 1964).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame
from schemas import CornerLocator, Pose, Problem
from schemas.geometry import RotatedRectangle

BANDS = 40  # scan lines per place at most
LEAST_BANDS = 6
SMOOTH_PX = 1.2  # sigma of the derivative of a Gaussian along a scan line
STEEPEST = 1.0  # greatest slope of an edge against its place's y axis: 45 degrees
LEAST_BETWEEN_DEG = 15.0  # edges that are closer to parallel have no corner worth the name
Points = NDArray[np.float64]


@dataclass(frozen=True)
class _Line:
    """A line of the frame: a point and its direction in degrees, rows downwards in its place; share
    of scan lines on it."""

    x: float
    y: float
    angle_deg: float
    share: float


@dataclass(frozen=True)
class CornerLearned:
    """The master's edges: directions in degrees, whether the gray level rises along each place's x
    axis, and their corner."""

    angles_deg: tuple[float, float]
    rises: tuple[bool, bool]
    corner: tuple[float, float]


def learn(frame: Frame, settings: CornerLocator) -> CornerLearned:
    """The edges of the master. Raises Problem NO_CONTRAST, REGION_INVALID or PROGRAM_INVALID naming
    the field."""
    lines, rises = [], []
    for name, place in (("first", settings.first), ("second", settings.second)):
        if not place.inside(frame.width, frame.height):
            raise Problem(
                "REGION_INVALID", f"{name} leaves the master of {frame.width} x {frame.height} px"
            )
        if place.height < LEAST_BANDS or place.width < LEAST_BANDS:
            raise Problem(
                "PROGRAM_INVALID", f"{name}: smaller than {LEAST_BANDS} x {LEAST_BANDS} px"
            )
        either = [
            (line, up)
            for up in (True, False)
            if (line := _line(frame, place, up, settings)) is not None
        ]
        if not either:
            raise Problem("NO_CONTRAST", f"{name}: no straight edge crosses it")
        line, up = max(either, key=lambda one: one[0].share)
        lines.append(line)
        rises.append(up)
    between = abs(math.remainder(lines[0].angle_deg - lines[1].angle_deg, 180))
    if between < LEAST_BETWEEN_DEG:
        raise Problem(
            "PROGRAM_INVALID",
            f"second: its edge is within {between:.0f} degrees parallel to the first",
        )
    return CornerLearned(
        (lines[0].angle_deg, lines[1].angle_deg), (rises[0], rises[1]), _meeting(*lines)
    )


def origin(_settings: CornerLocator, learned: CornerLearned) -> tuple[float, float]:
    """The point of the master that a pose locates: the corner."""
    return learned.corner


def find(frame: Frame, settings: CornerLocator, learned: CornerLearned) -> Pose:
    """Where the corner is, turned by the mean of both edges; the score is the lesser share of scan
    lines on an edge.

    Raises Problem PART_NOT_FOUND if an edge is not there, or they meet at another angle than the
    master's.
    """
    lines = []
    for name, place, rises in zip(
        ("first", "second"), (settings.first, settings.second), learned.rises, strict=True
    ):
        line = _line(frame, place, rises, settings)
        if line is None:
            raise Problem("PART_NOT_FOUND", f"the {name} edge is not there")
        lines.append(line)
    turns = [
        math.remainder(line.angle_deg - was, 360)
        for line, was in zip(lines, learned.angles_deg, strict=True)
    ]
    if abs(turns[0] - turns[1]) > settings.slack_deg:
        raise Problem(
            "PART_NOT_FOUND",
            f"the angle between the edges is {turns[0] - turns[1]:.1f} degrees off the master's",
        )
    x, y = _meeting(*lines)
    return Pose(
        x=x, y=y, angle_deg=(turns[0] + turns[1]) / 2, score=min(line.share for line in lines)
    )


def _line(
    frame: Frame, place: RotatedRectangle, rises: bool, settings: CornerLocator
) -> _Line | None:
    """The edge in a place, None if too few scan lines agree on one."""
    view = frame.view(place)
    step = max(1, math.ceil(view.height / BANDS))
    count = view.height // step
    bands = cv2.resize(
        view.gray[: count * step].astype(np.float32),
        (view.width, count),
        interpolation=cv2.INTER_AREA,
    )
    points = _points(bands, rises, settings.contrast_low)
    points[:, 1] = points[:, 1] * step + (step - 1) / 2
    line = _fitted(points, settings.slack_px)
    if line is None:
        return None
    x, slope, on = line
    middle = (view.height - 1) / 2
    (x1, y1), (x2, y2) = view.to_frame(
        [(x + slope * middle, middle), (x + slope * (middle + 1), middle + 1)]
    ).tolist()
    share = on / count
    return (
        _Line(x1, y1, math.degrees(math.atan2(y2 - y1, x2 - x1)), share)
        if share >= settings.low
        else None
    )


def _points(bands: NDArray[np.float32], rises: bool, contrast_low: float) -> Points:
    """One point (x, band) for each scan line that has an edge: the steepest place of its
    profile."""
    reach = math.ceil(3 * SMOOTH_PX)
    along = np.arange(-reach, reach + 1)
    bell = np.exp(-(along**2) / (2 * SMOOTH_PX**2))
    taps = along * bell / (along**2 * bell).sum()  # the slope of a ramp of 1 per px is 1
    slopes = cv2.filter2D(
        bands, cv2.CV_32F, taps[None] if rises else -taps[None], borderType=cv2.BORDER_REPLICATE
    )
    # what a sharp step of that height gives
    least = contrast_low * float(np.abs(taps[along > 0]).sum())
    rows = np.arange(len(slopes))
    inner = slopes[:, 1:-1]
    at = 1 + np.argmax(inner, axis=1)
    before, peak, after = (slopes[rows, at + n] for n in (-1, 0, 1))
    good = (peak >= least) & (peak >= before) & (peak >= after)
    bend = before - 2 * peak + after
    x = at + np.where(bend < 0, (before - after) / (2 * np.minimum(bend, -1e-9)), 0.0)
    return np.stack([x[good], rows[good]], axis=1).astype(np.float64)


def _fitted(points: Points, slack_px: float) -> tuple[float, float, int] | None:
    """x at row 0, slope (px a row) and number of points of the line x(row) that most points lie on;
    None without one."""
    if len(points) < LEAST_BANDS - 1:
        return None
    x, y = points.T
    one, other = np.triu_indices(len(points), 1)
    slope = (x[other] - x[one]) / (y[other] - y[one])
    slope, one = slope[np.abs(slope) <= STEEPEST], one[np.abs(slope) <= STEEPEST]
    if not slope.size:
        return None
    off = np.abs(x[None] - x[one][:, None] - slope[:, None] * (y[None] - y[one][:, None]))
    best = int(np.argmax(np.maximum(1 - (off / slack_px) ** 2, 0).sum(axis=1)))
    on = off[best] <= slack_px * math.hypot(1, slope[best])
    weight = on.astype(float)
    for _ in range(5):
        middle_x, middle_y = np.average(x, weights=weight), np.average(y, weights=weight)
        spread = float((weight * (y - middle_y) ** 2).sum())
        if spread <= 0:
            return None
        tilt = float((weight * (y - middle_y) * (x - middle_x)).sum()) / spread
        rest = np.abs(x - middle_x - tilt * (y - middle_y))
        knee = 1.345 * 1.4826 * float(np.median(rest[on])) + 0.01
        weight = on * np.minimum(1, knee / np.maximum(rest, 1e-9))
    counted = int(np.count_nonzero(rest <= slack_px * math.hypot(1, tilt)))
    return float(middle_x - tilt * middle_y), tilt, counted


def _meeting(one: _Line, other: _Line) -> tuple[float, float]:
    """Where two lines meet."""
    ux, uy = math.cos(math.radians(one.angle_deg)), math.sin(math.radians(one.angle_deg))
    vx, vy = math.cos(math.radians(other.angle_deg)), math.sin(math.radians(other.angle_deg))
    cross = ux * vy - uy * vx
    if abs(cross) < 0.1:
        raise Problem("PART_NOT_FOUND", "the edges are parallel")
    way = ((other.x - one.x) * vy - (other.y - one.y) * vx) / cross
    return one.x + way * ux, one.y + way * uy
