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
PLAIN_BELOW = 16.0  # sharpness, below which a picture may be one with few edges
MOST_PLAIN = 0.04  # share of the px near an edge in such a picture
LEAST_CONTRAST = 30.0
STEEP = 0.3
LEAST_STEEP_PX = 8
MOST_NOISE = 24.0  # more is texture, unless it is white
CLIPS, LEAST_UNCLIPPED = 8, 0.05  # gray levels from black and white; share of the px
# correlation of the Laplacian with its neighbours, -0.4 for white noise; what comes through a lens
# has more
WHITE = -0.3
QUIET = 0.3  # of the noise that a median of 3 x 3 px leaves


class Quality(NamedTuple):
    """brightness: mean gray, 0 to 255. sharpness: see measure(). clipped: share of px black, or
    burnt out in a channel."""

    brightness: float
    sharpness: float
    clipped: float


def check(frame: Frame, limits: QualityLimits) -> Quality:
    """The frame's figures. Raises Problem IMAGE_QUALITY with the first figure that is outside of
    its limit."""
    quality = measure(frame)
    if quality.brightness < limits.brightness_low:
        raise _outside("too dark, brightness", quality.brightness, "below", limits.brightness_low)
    if quality.brightness > limits.brightness_high:
        raise _outside("too light, brightness", quality.brightness, "above", limits.brightness_high)
    if quality.clipped > limits.clipped_high:
        raise _outside(
            "clipped, share of pixels that are black, or burnt out in a channel,",
            quality.clipped,
            "above",
            limits.clipped_high,
        )
    if quality.sharpness < limits.sharpness_low:
        raise _outside("blurred, sharpness", quality.sharpness, "below", limits.sharpness_low)
    return quality


def measure(frame: Frame) -> Quality:
    """Brightness, sharpness and clipped share, of the frame halved until its longer side is below
    480 px.

    Sharpness is the absolute Laplacian that the sharpest 0.5 % of those pixels reach, without the
    part of it that noise alone would reach, 0 to 255. A mean would rise with noise and fall with
    plain surfaces; the best edges tell the focus. A plain part has fewer edges than that: then it
    is what the sharpest few px reach, if they are steep for their contrast.
    """
    small = gray = frame.gray
    step = 1
    # halving is ten times faster than other ratios
    while max(small.shape) >= 2 * SMALL_PX and min(small.shape) >= 16:
        small = cv2.resize(
            small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA
        )
        step *= 2
    laplacian = cv2.convertScaleAbs(cv2.Laplacian(small, cv2.CV_16S))
    edges = np.cumsum(_histogram(laplacian))
    # what is black or white has no noise
    unclipped = np.cumsum(_histogram(laplacian, cv2.inRange(small, CLIPS, 255 - CLIPS)))
    noise = NOISE * _level(
        unclipped if unclipped[-1] >= LEAST_UNCLIPPED * edges[-1] else edges, 0.5
    )
    if noise > MOST_NOISE and not _white(gray):
        noise = MOST_NOISE
    sharpness = math.sqrt(max(0.0, _level(edges, SHARPEST) ** 2 - noise**2))
    if sharpness < PLAIN_BELOW:
        sharpness = max(sharpness, _plain(small, noise))
    levels = _histogram(np.ascontiguousarray(gray[::step, ::step]))
    light = levels[255]
    if frame.coloured:  # the gray of a red that is burnt out is far from white
        some = frame.pixels[::step, ::step]
        light = max(np.count_nonzero(some[:, :, channel] == 255) for channel in range(3))
    clipped = max(levels[0], light) / levels.sum()
    return Quality(float(cv2.mean(small)[0]), sharpness, float(clipped))


def _plain(small: Any, noise: float) -> float:
    """Sharpness of a picture with few edges, one hole in a plate: of these alone; 0 if there are
    many, or none that is steep.

    An edge is steep if its Laplacian is three tenths of the contrast around it: a step seen through
    a blur of sigma s px has 0.24 / s**2. Single bright px of the sensor are not edges.
    """
    quiet, noise = cv2.medianBlur(small, 3), QUIET * noise
    around = np.ones((9, 9), np.uint8)
    contrast = cv2.subtract(cv2.dilate(quiet, around), cv2.erode(quiet, around))
    there = contrast >= LEAST_CONTRAST + 2 * noise
    if not 0 < np.count_nonzero(there) < MOST_PLAIN * there.size:
        return 0.0
    laplacian = cv2.convertScaleAbs(cv2.Laplacian(quiet, cv2.CV_16S))[there] - noise
    steep = np.sort(laplacian[(laplacian >= STEEP * contrast[there]) & (laplacian >= noise)])
    return float(steep[-LEAST_STEEP_PX]) if len(steep) >= LEAST_STEEP_PX else 0.0


def _white(gray: Any) -> bool:
    """Whether the middle of a frame is noise: its neighbouring px are independent, which no lens
    could show."""
    top, left = (max(0, (side - 2 * SMALL_PX) // 2) for side in gray.shape)
    laplacian = cv2.Laplacian(
        gray[top : top + 2 * SMALL_PX, left : left + 2 * SMALL_PX], cv2.CV_32F
    )
    there = (
        cv2.inRange(gray[top : top + 2 * SMALL_PX, left : left + 2 * SMALL_PX], CLIPS, 255 - CLIPS)
        > 0
    )
    usual = (
        there & (np.abs(laplacian) <= 3 * np.median(np.abs(laplacian[there])))
        if there.any()
        else there
    )
    laplacian[~usual] = 0
    both = (
        float((laplacian[:, 1:] * laplacian[:, :-1]).sum() + (laplacian[1:] * laplacian[:-1]).sum())
        / 2
    )
    return both <= WHITE * float((laplacian * laplacian).sum())


def _histogram(gray: Any, mask: Any = None) -> Any:
    return cv2.calcHist([gray], [0], mask, [256], [0, 256]).ravel()


def _level(cumulated: Any, share: float) -> float:
    """The level that a share of the pixels stays below, interpolated within its bin."""
    target = share * cumulated[-1]
    level = int(np.searchsorted(cumulated, target))
    below = cumulated[level - 1] if level else 0.0
    return level - 0.5 + float((target - below) / (cumulated[level] - below))


def _outside(what: str, value: float, side: str, limit: float) -> Problem:
    return Problem(
        "IMAGE_QUALITY", f"{what} {value:.3g} is {side} {limit:.3g}", value=value, limit=limit
    )
