"""Connected areas of light or dark pixels: their number, the largest, or all together."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels, View
from node.measurement import Mark, Measurement, outlines
from node.vision.light import LEAST_CONTRAST, Cells, apart, check_apart, known, level_at
from node.vision.light import gain as light_gain
from schemas import Blobs, Problem

MOST_BOXES = 200  # drawn

# centre (x, y), sides, angle in degrees: as OpenCV has it
Box = tuple[tuple[float, float], tuple[float, float], float]


@dataclass(frozen=True)
class BlobsLearned:
    """threshold: lightest gray that is still dark; cells: the master's light if that is followed;
    apart: gray levels between its light and dark pixels."""

    threshold: int
    cells: Cells | None = None
    apart: float = 0.0


def learn(view: View, settings: Blobs) -> BlobsLearned:
    """Threshold of the master (N. Otsu 1979) or of the settings, and its light.

    Raises Problem NO_CONTRAST if the master has only one kind of pixels.
    """
    cells = known(view) if settings.light == "follow" else None
    if settings.threshold is not None:
        mask = _mask(view, settings.threshold, light=True)
        return BlobsLearned(settings.threshold, cells, apart(view, mask))
    counted = view.gray if view.mask is None else view.gray[view.mask > 0]
    level, _ = cv2.threshold(counted, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    lighter = apart(view, _mask(view, int(level), light=True))
    if lighter < LEAST_CONTRAST:
        raise Problem(
            "NO_CONTRAST", "the master has no light and dark pixels here; give a threshold"
        )
    return BlobsLearned(int(level), cells, lighter)


def measure(view: View, settings: Blobs, learned: BlobsLearned | None) -> Measurement:
    """Number of blobs, area of the largest or of all in px; 8 neighbours connect.

    Raises Problem NO_CONTRAST if the view has one value only, or the threshold runs through one
    surface.
    """
    threshold = (
        settings.threshold
        if settings.threshold is not None
        else learned.threshold
        if learned
        else None
    )
    if threshold is None or (settings.light == "follow" and learned is None):
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} takes its threshold from it")
    if learned is None or learned.cells is None:
        value, marks = _found(view, threshold, settings, learned.apart if learned else 0.0)
        return Measurement(value, marks)
    level, part = level_at(threshold, light_gain(view, learned.cells))
    (value, marks), (above, marks_above) = (
        _found(view, level + step, settings, learned.apart) for step in (0, 1)
    )
    if settings.value == "count":
        return Measurement(value, marks) if part < 0.5 else Measurement(above, marks_above)
    return Measurement((1 - part) * value + part * above, marks)


def _found(
    view: View, threshold: int, settings: Blobs, master: float
) -> tuple[float, Callable[[], tuple[Mark, ...]]]:
    """The value, and the marks of the blobs that count."""
    mask = _mask(view, threshold, settings.polarity == "light")
    if cv2.countNonZero(mask) in (0, view.size_px) and view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    labels: Any
    stats: Any
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    kept, boxes = _kept(view, labels, stats, settings, threshold + 0.5)
    areas = stats[kept, cv2.CC_STAT_AREA]
    if len(areas):
        check_apart(view, mask, master)
    value = {"count": len(areas), "largest": areas.max(initial=0), "total": areas.sum()}[
        settings.value
    ]

    def marks() -> tuple[Mark, ...]:
        corners = (
            Mark(view.to_frame(cv2.boxPoints(boxes[label])), closed=True)
            for label in kept.tolist()[:MOST_BOXES]
            if boxes
        )
        return (
            *outlines(view, np.where(np.isin(labels, kept), np.uint8(255), np.uint8(0))),
            *corners,
        )

    return float(value), marks


def _mask(view: View, threshold: int, light: bool) -> Pixels:
    """255 where a pixel counts: gray above the threshold if light, else up to it."""
    kind = cv2.THRESH_BINARY if light else cv2.THRESH_BINARY_INV
    return view.counted(cv2.threshold(view.gray, threshold, 255, kind)[1])


def _kept(
    view: View, labels: NDArray[np.int32], stats: NDArray[np.int32], settings: Blobs, level: float
) -> tuple[NDArray[np.intp], dict[int, Box]]:
    """Labels of the blobs within all limits, and the boxes along their own axes; label 0 is the
    background."""
    boxes: dict[int, Box] = {}
    _, _, width, height, area = stats.T
    good = _between(area, settings.area_low_px, settings.area_high_px)
    good[0] = False
    if settings.extents == "own":
        for label in np.flatnonzero(good).tolist():
            boxes[label] = _own_box(view, *_alone(labels, stats, label), level)
        sides = np.zeros((2, len(good)))
        sides[:, list(boxes)] = (
            np.array([sorted(box[1], reverse=True) for box in boxes.values()]).reshape(-1, 2).T
        )
        width, height = sides
    good &= _between(width, settings.width_low_px, settings.width_high_px)
    good &= _between(height, settings.height_low_px, settings.height_high_px)
    if settings.border == "leave_out":
        good[labels.ravel()[view.site.border]] = False
    if good.any() and (
        settings.circularity_low > 0
        or settings.elongation_low > 1
        or settings.elongation_high is not None
    ):
        circularity, elongation = _shapes(labels, stats, good)
        good &= circularity >= settings.circularity_low
        good &= _between(elongation, settings.elongation_low, settings.elongation_high)
    return np.flatnonzero(good), boxes


def _alone(
    labels: NDArray[np.int32], stats: NDArray[np.int32], label: int
) -> tuple[NDArray[np.bool_], int, int]:
    """Which px of its upright box are a blob's, and the box's left top corner."""
    left, top, width, height, _ = stats[label].tolist()
    return labels[top : top + height, left : left + width] == label, left, top


def _own_box(view: View, alone: NDArray[np.bool_], left: int, top: int, level: float) -> Box:
    """The least rectangle around one blob, to where the gray level passes `level` between two px: a
    bar is as long as it is, not by up to 1.4 px longer as its outermost px are when it lies aslant.

    alone: which px of the part of the view from (left, top) on are the blob's. Beside px that are
    light, too, and do not count, and at the view's border, it ends at the px's outer border.
    """
    height, width = alone.shape
    inside = np.pad(alone, 1)
    rows = np.clip(np.arange(top - 1, top + height + 1), 0, view.height - 1)
    columns = np.clip(np.arange(left - 1, left + width + 1), 0, view.width - 1)
    gray = view.gray[np.ix_(rows, columns)].astype(np.float64)
    ends = []
    for along in (0, 1):
        seen, level_of = (inside, gray) if along else (inside.T, gray.T)
        row, before = np.nonzero(seen[:, 1:] != seen[:, :-1])
        one, other = level_of[row, before] - level, level_of[row, before + 1] - level
        share = np.where(one * other < 0, one / np.where(one == other, 1.0, one - other), 0.5)
        ends.append(np.stack([before + share, row] if along else [row, before + share], axis=1))
    return cv2.minAreaRect(
        (np.concatenate(ends) + np.array([left - 1, top - 1])).astype(np.float32)
    )  # type: ignore[return-value]


def _between(values: NDArray[np.generic], low: float, high: float | None) -> NDArray[np.bool_]:
    return (values >= low) & (values <= (np.inf if high is None else high))  # type: ignore[no-any-return,operator]


def _shapes(
    labels: NDArray[np.int32], stats: NDArray[np.int32], good: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Circularity and elongation by label, from second moments; pixels are squares, not points (+
    1/12).

    Circularity is area**2 / (2 pi (mu20 + mu02)), 1 for a disc, 3 / pi for a square: J. Zunic, K.
    Hirota, P. L. Rosin 2010, A Hu moment invariant as a shape circularity measure. Elongation is
    the ratio of the main axes' deviations.
    """
    circularity, elongation = np.zeros(len(good)), np.ones(len(good))
    for label in np.flatnonzero(good).tolist():
        area = int(stats[label, cv2.CC_STAT_AREA])
        moments = cv2.moments(_alone(labels, stats, label)[0].view(np.uint8), binaryImage=True)
        xx, yy, xy = (
            moments["mu20"] / area + 1 / 12,
            moments["mu02"] / area + 1 / 12,
            moments["mu11"] / area,
        )
        middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
        circularity[label] = min(area / (2 * math.pi * (xx + yy)), 1.0)
        elongation[label] = math.sqrt((middle + half) / max(middle - half, 1 / 12))
    return circularity, elongation
