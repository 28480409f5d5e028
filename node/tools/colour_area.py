"""Area of the pixels of one colour, as a ratio to the master's area or to the region."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from node.frame import Pixels, View
from node.measurement import Measurement, outlines
from node.vision.light import burnt
from schemas import ColourArea, Problem

MORE_LIGHT = (2.0, 4.0)  # what a burnt out channel may have been, in relation to the others
# share of the master's count or of the region whose hue decides and is not known
MOST_UNKNOWN = 0.05
HUES = 180  # OpenCV's 8 bit hue is in steps of 2 degrees


@dataclass(frozen=True)
class ColourAreaLearned:
    """Pixels of the colour in the master's region."""

    count: int


def learn(view: View, settings: ColourArea) -> ColourAreaLearned | None:
    """The master's count; None if the value is relative to the region.

    Raises Problem NO_CONTRAST if the master has no pixel of the colour, IMAGE_INVALID if it is
    gray.
    """
    count = sum(cv2.countNonZero(mask) for mask in _masks(view, settings))
    if settings.relative_to == "region":
        return None
    if count == 0:
        raise Problem("NO_CONTRAST", "the master has no pixel of this colour")
    _check_burnt(view, settings, count)
    return ColourAreaLearned(count)


def measure(view: View, settings: ColourArea, learned: ColourAreaLearned | None) -> Measurement:
    """Pixels of the colour, divided by the master's count or by the region's pixels.

    Raises Problem NO_CONTRAST if the view has one value only, or if channels are burnt out so that
    what has the colour is not known; IMAGE_INVALID if the frame is gray.
    """
    masks = _masks(view, settings)
    count = sum(cv2.countNonZero(mask) for mask in masks)
    if count in (0, view.size_px) and view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    if settings.relative_to == "region":
        whole = view.size_px
    elif learned is not None:
        whole = learned.count
    else:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    _check_burnt(view, settings, whole)
    return Measurement(count / whole, lambda: outlines(view, np.bitwise_or.reduce(masks)))


def _check_burnt(view: View, settings: ColourArea, whole: int) -> None:
    """Raises Problem NO_CONTRAST if too many pixels would change sides were their burnt out
    channels as light as they may be.

    White ones stay white: a highlight has no hue.
    """
    lost = view.counted(burnt(view))
    if cv2.countNonZero(lost) <= MOST_UNKNOWN * whole:
        return
    seen = view.bgr[lost > 0][None]
    now = _in_range(cv2.cvtColor(seen, cv2.COLOR_BGR2HSV), settings)
    changed = np.zeros_like(now)
    for factor in MORE_LIGHT:
        lighter = np.where(
            (seen == 255) | (seen == 255).all(axis=2, keepdims=True), 255, seen / factor
        ).astype(np.uint8)
        changed |= _in_range(cv2.cvtColor(lighter, cv2.COLOR_BGR2HSV), settings) ^ now
    unknown = cv2.countNonZero(changed)
    if unknown > MOST_UNKNOWN * whole:
        raise Problem(
            "NO_CONTRAST",
            f"channels are burnt out in {unknown} px whose colour decides: less light",
        )


def _in_range(hsv: Any, settings: ColourArea) -> Pixels:
    return np.bitwise_or.reduce([cv2.inRange(hsv, low, high) for low, high in _ranges(settings)])  # type: ignore[no-any-return]


def _masks(view: View, settings: ColourArea) -> list[Pixels]:
    """255 where a pixel has the colour: one mask, or two that never overlap if the hue wraps
    through red."""
    return [view.counted(cv2.inRange(view.hsv, low, high)) for low, high in _ranges(settings)]


def _ranges(settings: ColourArea) -> list[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """Least and greatest hue, saturation and value of one range, or of two if the hue wraps through
    red."""
    low_s, high_s, low_v, high_v = (
        round(255 * share)
        for share in (
            settings.saturation_low,
            settings.saturation_high,
            settings.value_low,
            settings.value_high,
        )
    )
    return [
        ((first, low_s, low_v), (last, high_s, high_v))
        for first, last in _hues(settings.hue_low_deg, settings.hue_high_deg)
    ]


def _hues(low_deg: float, high_deg: float) -> list[tuple[int, int]]:
    """First and last of the hues 0..179 from low up to high, over 360 if need be; each limit to the
    nearest hue."""
    low, high = math.floor(low_deg / 2 + 0.5), math.floor(high_deg / 2 + 0.5)
    span = high - low if low_deg <= high_deg else high - low + HUES
    if span >= HUES - 1:
        return [(0, HUES - 1)]
    first, last = low % HUES, (low + span) % HUES  # 360 degrees are 0
    return [(first, last)] if first <= last else [(first, HUES - 1), (0, last)]
