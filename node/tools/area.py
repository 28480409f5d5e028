"""Area of the light or dark pixels, as a ratio to the master's area or to the region."""

from dataclasses import dataclass

import cv2

from node.frame import Pixels, View
from node.measurement import Measurement, outlines
from node.vision.light import LEAST_CONTRAST, Cells, apart, check_apart, known, level_at
from node.vision.light import gain as light_gain
from schemas import Area, Problem

LITTLE, FEW = 0.1, 0.02  # of what is due, and of the region


@dataclass(frozen=True)
class AreaLearned:
    """threshold: lightest gray that is still dark; light: which pixels count; count: the master's
    in px; cells: its light; apart: gray levels between its light and dark pixels."""

    threshold: int
    light: bool
    count: int
    cells: Cells | None = None
    apart: float = 0.0


def learn(view: View, settings: Area) -> AreaLearned:
    """Threshold (N. Otsu 1979), polarity and count of the master; the part is measured with the
    same threshold.

    Raises Problem NO_CONTRAST if the master has only one kind of pixels, or none of the kind that
    counts.
    """
    threshold = settings.threshold
    if threshold is None:
        counted = view.gray if view.mask is None else view.gray[view.mask > 0]
        level, _ = cv2.threshold(counted, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        threshold = int(level)
        if apart(view, _mask(view, threshold, light=True)) < LEAST_CONTRAST:
            raise Problem("NO_CONTRAST", "the master has no light and dark pixels here")
    mask = _mask(view, threshold, light=True)
    bright = cv2.countNonZero(mask)
    lighter_ones = settings.polarity == "light" or (
        settings.polarity == "auto" and 2 * bright <= view.size_px
    )
    count = bright if lighter_ones else view.size_px - bright
    if settings.polarity == "auto" and count == 0:
        raise Problem("NO_CONTRAST", "the master's pixels are all on one side of the threshold")
    if settings.relative_to == "master" and count == 0:
        raise Problem("NO_CONTRAST", "the master has no pixel that counts")
    cells = known(view) if settings.light == "follow" else None
    return AreaLearned(threshold, lighter_ones, count, cells, apart(view, mask))


def measure(view: View, settings: Area, learned: AreaLearned | None) -> Measurement:
    """Pixels that count, divided by the master's count or by the region's pixels.

    learned may be None if the settings need no master. Raises Problem NO_CONTRAST if the view has
    one value only, or the threshold runs through one surface.
    """
    if learned is None:
        if (
            settings.threshold is None
            or settings.polarity == "auto"
            or settings.relative_to == "master"
        ):
            raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
        if settings.light == "follow":
            raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} takes its light from it")
        learned = AreaLearned(settings.threshold, settings.polarity == "light", 0)
    mask = _mask(view, learned.threshold, learned.light)
    count: float = cv2.countNonZero(mask)
    if learned.cells is not None:  # between two gray levels: one is 1 % of an area of some 1000 px
        level, part = level_at(learned.threshold, light_gain(view, learned.cells))
        mask, above = (_mask(view, level + step, learned.light) for step in (0, 1))
        count = (1 - part) * cv2.countNonZero(mask) + part * cv2.countNonZero(above)
    if count in (0, view.size_px) and view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    whole = learned.count if settings.relative_to == "master" else view.size_px
    few = LITTLE * (learned.count or whole)  # this little of either kind may be anything
    if count >= few and view.size_px - count >= FEW * view.size_px:
        check_apart(view, mask, learned.apart)
    return Measurement(count / whole, lambda: outlines(view, mask))


def _mask(view: View, threshold: int, light: bool) -> Pixels:
    """255 where a pixel counts: gray above the threshold if light, else up to it."""
    kind = cv2.THRESH_BINARY if light else cv2.THRESH_BINARY_INV
    return view.counted(cv2.threshold(view.gray, threshold, 255, kind)[1])
