"""Comparison of two regions of one part: brightness, contrast or correlation."""

import cv2
import numpy as np

from node.frame import Pixels, View
from node.measurement import Measurement
from schemas import Compare, Problem

LEAST_GRAY = 1.0  # a ratio to less than this is a ratio to nothing
LEAST_SPREAD = 0.5
DARK = 4.0  # mean gray of two regions that are alike only because the lamp is off
WHITE, BURNT = 250, 0.5  # and share of such pixels above which they are burnt out
FLAT = 3.0  # standard deviation of two regions that show nothing but noise


def learn(view: View, settings: Compare) -> None:
    """Nothing is kept; it only checks whether the settings fit the master. Raises Problem as
    measure does."""
    measure(view, settings, None)


def measure(view: View, settings: Compare, _learned: None) -> Measurement:
    """Ratio, difference or correlation.

    Raises Problem NO_CONTRAST if either region has nothing to compare, or both are alike only for
    they are dark, burnt out or flat; REGION_INVALID if the other leaves the frame, or regions to be
    correlated are not of one size.
    """
    other = view.other(settings.other, settings.other_ignore)
    if settings.figure == "correlation":
        return Measurement(_correlation(view, other))
    figure = _mean if settings.figure == "brightness" else _deviation
    one, two = figure(view), figure(other)
    if settings.figure == "brightness":
        if max(one, two) < DARK:
            raise Problem("NO_CONTRAST", "both regions are dark")
        if min(_white(view), _white(other)) > BURNT:
            raise Problem("NO_CONTRAST", "both regions are burnt out")
    elif settings.operation == "ratio" and max(one, two) < FLAT:
        raise Problem("NO_CONTRAST", "both regions show nothing but noise")
    if settings.operation == "difference":
        return Measurement(one - two)
    if two < (LEAST_GRAY if settings.figure == "brightness" else LEAST_SPREAD):
        raise Problem("NO_CONTRAST", "the other region has nothing to divide by")
    return Measurement(one / two)


def _mean(view: View) -> float:
    mean = cv2.mean(view.gray, view.mask)[0]
    if not 0 < mean < 255:
        raise Problem(
            "NO_CONTRAST", "all pixels are black" if mean <= 0 else "all pixels are white"
        )
    return mean


def _white(view: View) -> float:
    """Share of the pixels that are white."""
    white = view.counted(cv2.threshold(view.gray, WHITE - 1, 255, cv2.THRESH_BINARY)[1])
    return cv2.countNonZero(white) / view.size_px


def _deviation(view: View) -> float:
    spread = float(cv2.meanStdDev(view.gray, mask=view.mask)[1][0, 0])
    if spread == 0 and view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    return spread


def _correlation(view: View, other: View) -> float:
    """Pearson's correlation of the gray levels that count in both, -1 to 1."""
    if (view.width, view.height) != (other.width, other.height):
        raise Problem(
            "REGION_INVALID",
            f"{view.width} x {view.height} and {other.width} x {other.height} px are not of one"
            " size",
        )
    one, two = view.gray, other.gray
    masks = [mask for mask in (view.mask, other.mask) if mask is not None]
    if masks:
        counts: Pixels = masks[0] if len(masks) == 1 else np.bitwise_and(*masks)
        one, two = one[counts > 0], two[counts > 0]
    x, y = one.astype(np.float64).ravel(), two.astype(np.float64).ravel()
    if x.size < 2 or min(x.std(), y.std()) < LEAST_SPREAD:
        raise Problem("NO_CONTRAST", "a region has one gray level")
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
