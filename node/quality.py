"""The image quality gate: brightness, sharpness and clipping of a frame against their limits."""

import math
from typing import Any, NamedTuple

import cv2
import numpy as np

from node.frame import Frame
from schemas import Problem, QualityLimits

SMALL_PX = 240
SHARPEST = 0.995
NOISE = 4.16  # of a normal distribution: the 99.5 % point of the absolute value over its median
MOST_NOISE = 24.0  # a median above this is texture


class Quality(NamedTuple):
    """brightness: mean gray, 0 to 255. sharpness: see measure(). clipped: 0 to 1."""

    brightness: float
    sharpness: float
    clipped: float


def check(frame: Frame, limits: QualityLimits) -> Quality:
    """The frame's figures. Raises Problem IMAGE_QUALITY with the first figure that is outside of its limit."""
    found = measure(frame)
    if found.brightness < limits.brightness_low:
        raise _outside("too dark, brightness", found.brightness, "below", limits.brightness_low)
    if found.brightness > limits.brightness_high:
        raise _outside("too light, brightness", found.brightness, "above", limits.brightness_high)
    if found.clipped > limits.clipped_high:
        raise _outside("clipped, share of black or white pixels", found.clipped, "above", limits.clipped_high)
    if found.sharpness < limits.sharpness_low:
        raise _outside("blurred, sharpness", found.sharpness, "below", limits.sharpness_low)
    return found


def measure(frame: Frame) -> Quality:
    """Brightness, sharpness and clipped share, of the frame halved until its longer side is below 480 px.

    Sharpness is the absolute Laplacian that the sharpest 0.5 % of those pixels reach, without the part of it that noise
    alone would reach, 0 to 255. A mean would rise with noise and fall with plain surfaces; the best edges tell the focus.
    """
    small = gray = frame.gray
    step = 1
    while max(small.shape) >= 2 * SMALL_PX and min(small.shape) >= 16:  # halving is ten times faster than other ratios
        small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        step *= 2
    edges = np.cumsum(_histogram(cv2.convertScaleAbs(cv2.Laplacian(small, cv2.CV_16S))))
    noise = min(NOISE * _level(edges, 0.5), MOST_NOISE)
    sharpness = math.sqrt(max(0.0, _level(edges, SHARPEST) ** 2 - noise**2))
    levels = _histogram(np.ascontiguousarray(gray[::step, ::step]))
    clipped = max(levels[0], levels[255]) / levels.sum()
    return Quality(float(cv2.mean(small)[0]), sharpness, float(clipped))


def _histogram(gray: Any) -> Any:
    return cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel()


def _level(cumulated: Any, share: float) -> float:
    """The level that a share of the pixels stays below, interpolated within its bin."""
    target = share * cumulated[-1]
    level = int(np.searchsorted(cumulated, target))
    below = cumulated[level - 1] if level else 0.0
    return level - 0.5 + float((target - below) / (cumulated[level] - below))


def _outside(what: str, value: float, side: str, limit: float) -> Problem:
    return Problem("IMAGE_QUALITY", f"{what} {value:.3g} is {side} {limit:.3g}", value=value, limit=limit)
