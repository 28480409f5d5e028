"""Area of the pixels of one colour, as a ratio to the master's area or to the region."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from node.frame import Measurement, Pixels, View, outlines
from schemas import ColourArea, Problem

HUES = 180  # OpenCV's 8 bit hue is in steps of 2 degrees


@dataclass(frozen=True)
class Learned:
    """Pixels of the colour in the master's region."""

    count: int


def learn(view: View, settings: ColourArea) -> Learned | None:
    """The master's count; None if the value is relative to the region.

    Raises Problem NO_CONTRAST if the master has no pixel of the colour, IMAGE_INVALID if it is gray.
    """
    count = sum(cv2.countNonZero(mask) for mask in _masks(view, settings))
    if settings.relative_to == "region":
        return None
    if count == 0:
        raise Problem("NO_CONTRAST", "the master has no pixel of this colour")
    return Learned(count)


def measure(view: View, settings: ColourArea, learned: Learned | None) -> Measurement:
    """Pixels of the colour, divided by the master's count or by the region's pixels.

    Raises Problem NO_CONTRAST if the view has one value only, IMAGE_INVALID if the frame is gray.
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
    return Measurement(count / whole, lambda: outlines(view, np.bitwise_or.reduce(masks)))


def _masks(view: View, settings: ColourArea) -> list[Pixels]:
    """255 where a pixel has the colour: one mask, or two that never overlap if the hue wraps through red."""
    rest = [
        (round(255 * low), round(255 * high))
        for low, high in (
            (settings.saturation_low, settings.saturation_high),
            (settings.value_low, settings.value_high),
        )
    ]
    return [
        view.counted(cv2.inRange(view.hsv, (first, rest[0][0], rest[1][0]), (last, rest[0][1], rest[1][1])))  # type: ignore
        for first, last in _hues(settings.hue_low_deg, settings.hue_high_deg)
    ]


def _hues(low_deg: float, high_deg: float) -> list[tuple[int, int]]:
    """First and last of the hues 0..179 from low up to high, over 360 if need be; each limit to the nearest hue."""
    low, high = math.floor(low_deg / 2 + 0.5), math.floor(high_deg / 2 + 0.5)
    span = high - low if low_deg <= high_deg else high - low + HUES
    if span >= HUES - 1:
        return [(0, HUES - 1)]
    first, last = low % HUES, (low + span) % HUES  # 360 degrees are 0
    return [(first, last)] if first <= last else [(first, HUES - 1), (0, last)]
