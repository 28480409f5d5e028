"""Defects: where a part differs from the master, or from several good parts, by more than these
allow.

One file: what is learned and what is compared with it are read together.
"""

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels, View
from node.measurement import Mark, Measurement
from node.model_file import arrays_of
from node.vision.registration import (
    LEAST_SCORE,
    Floats,
    Reference,
    Registration,
    affine,
    reference,
    register,
    shrunk,
)
from schemas import Difference, Problem

MODEL_VERSION = 1
MODEL_BYTES = 2**29  # unpacked: more than any picture's
MODEL_STEPS = 64  # a model's gray levels are whole numbers of 1/64
MOST_PARTS = 50
MANY_PARTS = 10  # from here on they narrow what is allowed
AROUND_PX = 2.0
AREA_SIDE = 11  # px, of the square whose mean difference is looked at, too
AREA_SHARE = 2.0  # that mean may be half of what a pixel may, and half as many standard deviations
BURNT = 254  # gray level: what is burnt out does not follow the lamp, and tells nothing of an area
# good parts that were taught say how far a part may bend: that much of what they showed, and more,
# but never above so many times the setting
BEND_TIMES, BEND_MORE_PX, MOST_BENDS = 1.5, 0.5, 2.0
LIGHT_SIDE = 32  # px, about: longest side of the picture the light is fitted in
LIGHT_ROUNDS = 3
LEAST_GAIN = 0.2
# how much more its contrast may have changed than its light: pale print and haze are no lamp; good
# parts that were taught say how much less it may be: what they showed, and more
MOST_PALE, PALE_TIMES = 1.5, 1.15
LEAST_RAMP = 2.0  # gray levels over the view: less is not worth a change of each pixel
MOST_BOXES = 200
# px: what the master shows at its frame's border, a part that lies a little off may not show
FRAME_RIM = 6
TAUGHT_RIM = 0  # px: the same beyond the first taught part's view


@dataclass(frozen=True, eq=False)
class DifferenceLearned:
    """What a good part may look like: gray levels (uint8) in the view's axes.

    mean_low, mean_high: least and greatest level of each pixel; low, high: the same within
    tolerance_px around it. least, most: of the mean within tolerance_px. area_high: how far the
    square around each pixel may be outside of these on average, None if too few parts were taught.
    judged: 255 for pixels that are compared. light_rows: see `_light_rows`. bend_px: how far a part
    may be bent. pale_high: see `_pale`.
    """

    tolerance_px: int
    bend_px: float
    pale_high: float

    reference: Reference
    light_rows: NDArray[np.float64]
    mean: Floats
    mean_low: Pixels
    mean_high: Pixels
    low: Pixels
    high: Pixels
    least: Pixels
    most: Pixels
    area_high: Pixels | None
    judged: Pixels


class _Part(NamedTuple):
    """A part in the view's axes: where it lies, its gray levels in the master's light, which are
    judged, and which of these are not burnt out (255); pale: see `_pale`."""

    placed: Registration
    gray: Pixels
    judged: Pixels
    lit: Pixels
    pale: float


class _Taught(NamedTuple):
    """What a model holds: mean and spread of each pixel, the number of parts it was made from, and
    how far these were bent (px) and how pale they were (see `_pale`), each None in one that was
    taught before that was kept."""

    mean: Floats
    spread: Floats
    parts: int
    bent_px: float | None
    pale: float | None

    def bend_px(self, settings: Difference) -> float:
        """How far a part may bend, by what the good parts showed."""
        if self.parts < MANY_PARTS or self.bent_px is None:
            return settings.bend_px
        return min(MOST_BENDS * settings.bend_px, BEND_TIMES * self.bent_px + BEND_MORE_PX)

    @property
    def pale_high(self) -> float:
        """How pale a part may be, by what the good parts showed."""
        if self.parts < MANY_PARTS or self.pale is None:
            return MOST_PALE
        return min(MOST_PALE, PALE_TIMES * self.pale)


class _Defect(NamedTuple):
    """One defect: left top corner, size and area in px of the view."""

    x: int
    y: int
    width: int
    height: int
    area_px: int


def learn(view: View, settings: Difference, model: bytes | None = None) -> DifferenceLearned:
    """The golden sample from the master's view, or from a taught model of the same size.

    Raises Problem NO_CONTRAST if there is too little structure to lay a part over it,
    MODEL_NOT_FOUND, MODEL_INVALID.
    """
    if settings.model is not None and model is None:
        raise Problem("MODEL_NOT_FOUND", f"tool {settings.name}: {settings.model}")
    known = reference(view.gray, view.mask)
    if model is None:
        mean, spread = view.gray.astype(np.float32), np.zeros(view.gray.shape, np.float32)
        parts, bend_px, pale_high = 1, settings.bend_px, MOST_PALE
        taught = np.full(view.gray.shape, 255, np.uint8)
    else:
        taught_parts = _read(model)
        mean, spread, parts = taught_parts.mean, taught_parts.spread, taught_parts.parts
        bend_px, pale_high = taught_parts.bend_px(settings), taught_parts.pale_high
        if mean.shape != view.gray.shape:
            raise Problem(
                "MODEL_INVALID", f"tool {settings.name}: it was taught in a region of another size"
            )
        placed = register(
            _levels(mean),
            np.eye(2, 3),
            known,
            settings.search_px,
            settings.search_deg,
            bend_px,
        )
        if not placed.score >= LEAST_SCORE:
            raise Problem(
                "MODEL_INVALID",
                f"tool {settings.name}: what was taught does not look like the master",
            )
        # the first good part lay a little off the master: beyond its view nothing was taught
        taught = placed.inside(_levels(mean), TAUGHT_RIM)
        mean, spread = placed.sample(mean), placed.sample(spread)
        # a blur takes what lies there to the pixels next to it
        own = placed.gain * view.gray.astype(np.float32) + placed.offset
        mean = np.where(taught > 0, mean, own).astype(np.float32)
    mean = _smooth(mean, settings)
    # beyond the view nothing is known of the master
    least, rim, area_high = settings.contrast_low, settings.tolerance_px, None
    if parts >= MANY_PARTS:  # that many show what varies: elsewhere less is a defect, too
        least, rim = min(least, settings.taught_low), min(rim, settings.taught_tolerance_px)
        in_squares = settings.spread_times * cv2.blur(spread, (AREA_SIDE, AREA_SIDE))
        area_high = _levels(np.maximum(least, in_squares) / AREA_SHARE)
        around_it = np.sqrt(cv2.GaussianBlur(spread * spread, (0, 0), AROUND_PX))
        spread = np.maximum(spread, around_it)  # with few parts, some px seem never to vary
    allowed = np.maximum(least, settings.spread_times * spread)
    around = _around(rim)
    judged = np.zeros(mean.shape, np.uint8)
    judged[rim : view.height - rim, rim : view.width - rim] = 255
    shown = Registration(view.matrix, view.width, view.height).inside(view.frame.gray, FRAME_RIM)
    judged = view.counted(cv2.bitwise_and(cv2.bitwise_and(judged, shown), taught))
    if not judged.any():
        raise Problem(
            "REGION_INVALID",
            f"tool {settings.name}: nothing of the region is left within the tolerance",
        )
    low, high, level = _levels(mean - allowed), _levels(mean + allowed), _levels(mean)
    return DifferenceLearned(
        rim,
        bend_px,
        pale_high,
        known,
        _light_rows(mean),
        mean,
        low,
        high,
        cv2.erode(low, around),
        cv2.dilate(high, around),
        cv2.erode(level, around),
        cv2.dilate(level, around),
        area_high,
        judged,
    )


def measure(view: View, settings: Difference, learned: DifferenceLearned | None) -> Measurement:
    """Number or area of the defects.

    The part is laid over the master (`registration.affine`) and its light made the master's. A
    pixel differs if no pixel of the master within tolerance_px allows its gray level, or if the
    master's has no counterpart on the part within tolerance_px (a thin line that is gone). What is
    thinner or smaller than the settings say is dropped. Where 10 good parts or more were taught,
    squares whose mean difference is more than theirs are defects, too. Sources: the variation model
    in C. Steger, M. Ulrich, C. Wiedemann 2008, Machine Vision Algorithms and Applications; edge
    tolerance by gray dilation and erosion, J. Serra 1982, Image Analysis and Mathematical
    Morphology.

    Raises Problem NO_CONTRAST, PART_NOT_FOUND if nothing like the master is there or only of
    another size, REGION_INVALID if too much of the region lies outside of the frame.
    """
    if learned is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    part = _laid_over(view, settings, learned)
    defects = _defects(_differs(part.gray, part.judged, learned), settings)
    defects += _areas(part, defects, settings, learned)
    values = {
        "count": len(defects),
        "area": sum(defect.area_px for defect in defects),
        "largest_area": max((defect.area_px for defect in defects), default=0),
    }
    return Measurement(
        float(values[settings.value]), lambda: _boxes(part.placed, defects, settings)
    )


def teach(
    views: Iterable[View], settings: Difference, progress: Callable[[int], None] | None = None
) -> bytes:
    """A model of 1 to 50 good parts: mean and spread of each pixel, in the axes of the first one's
    view.

    Each further one is laid over the first, with its light. progress: called with the number of
    parts that are done. Raises Problem as `measure` does, with the number of the part, and
    PICTURES_UNFIT without any part or with too many.
    """
    first: DifferenceLearned | None = None
    for number, view in enumerate(views, 1):
        if number > MOST_PARTS:
            raise Problem(
                "PICTURES_UNFIT", f"tool {settings.name}: {MOST_PARTS} good parts are enough"
            )
        if first is None:
            # a good part may bend further than the setting says: that is what it teaches
            raw = {"model": None, "smooth_px": 0.0, "bend_px": MOST_BENDS * settings.bend_px}
            first = learn(view, settings.model_copy(update=raw))
            mean = first.mean.astype(np.float64)
            squares, counts, bent_px, pale = np.zeros_like(mean), np.ones_like(mean), 0.0, 1.0
        else:
            try:
                placed, part, judged, _, paler = _laid_over(
                    view, settings.model_copy(update={"smooth_px": 0.0}), first
                )
            except Problem as problem:
                raise Problem(problem.code, f"good part {number}: {problem.message}") from problem
            if placed.shift is not None:
                bent_px = max(bent_px, float(np.abs(placed.shift).max()))
            pale = max(pale, paler)
            seen = judged > 0
            counts[seen] += 1  # B. P. Welford 1962, a running mean and sum of squares
            off = part[seen] - mean[seen]
            mean[seen] += off / counts[seen]
            squares[seen] += off * (part[seen] - mean[seen])
        if progress is not None:
            progress(number)
    if first is None:
        raise Problem(
            "PICTURES_UNFIT", f"tool {settings.name}: there is no good part to learn from"
        )
    # few parts show too little of the spread: the estimate is widened by its own uncertainty
    spread = np.sqrt(squares / np.maximum(counts - 1, 1)) * (
        1 + 1 / np.sqrt(2 * np.maximum(counts - 1, 1))
    )
    file = io.BytesIO()
    whole = {
        name: np.rint(array * MODEL_STEPS).astype(np.uint16)
        for name, array in (("mean", mean), ("spread", spread))
    }
    np.savez_compressed(
        file,
        version=np.array(MODEL_VERSION),
        parts=np.array(int(counts.max())),
        bent=np.array(bent_px),
        pale=np.array(pale),
        **whole,  # type: ignore[arg-type]
    )
    return file.getvalue()


def _read(model: bytes) -> _Taught:
    """What a taught model holds. Raises Problem MODEL_INVALID."""
    file = arrays_of(model, MODEL_BYTES)
    try:
        if int(file["version"]) != MODEL_VERSION:
            raise Problem(
                "MODEL_INVALID",
                f"the model has version {int(file['version'])}, this is {MODEL_VERSION}",
            )
        mean, spread, parts = file["mean"], file["spread"], int(file["parts"])
        bent_px, pale = (float(file[key]) if key in file else None for key in ("bent", "pale"))
    except (KeyError, ValueError, TypeError) as error:
        raise Problem("MODEL_INVALID", f"the model cannot be read: {error}"[:300]) from None
    if (
        mean.ndim != 2
        or mean.shape != spread.shape
        or mean.dtype != np.uint16
        or spread.dtype != np.uint16
        or not (bent_px is None or 0 <= bent_px < math.inf)
        or not (pale is None or 1 <= pale < math.inf)
    ):
        raise Problem("MODEL_INVALID", "the model does not belong to this tool")
    step = np.float32(MODEL_STEPS)
    mean, spread = (mean / step).astype(np.float32), (spread / step).astype(np.float32)
    return _Taught(mean, spread, parts, bent_px, pale)


def _laid_over(view: View, settings: Difference, learned: DifferenceLearned) -> _Part:
    """The part, laid over the master."""
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    search = settings.search_px, settings.search_deg, learned.bend_px
    placed = affine(view, learned.reference, *search, settings.stretch_high)
    seen = placed.sample(view.frame.gray)
    judged = cv2.bitwise_and(
        placed.inside(view.frame.gray, 2 + learned.tolerance_px), learned.judged
    )
    share = cv2.countNonZero(judged) / cv2.countNonZero(learned.judged)
    if share < settings.seen_low:
        raise Problem("REGION_INVALID", f"{1 - share:.0%} of the region lie outside of the frame")
    lit = cv2.inRange(seen, 0, BURNT - 1)
    part, pale = _smooth(seen, settings), 1.0
    if settings.light != "fixed":
        part, pale = _relit(part, judged, placed, settings, learned)
    return _Part(placed, part, judged, cv2.bitwise_and(lit, judged), pale)


def _smooth(pixels: Any, settings: Difference) -> Any:
    if settings.smooth_px == 0:
        return pixels
    # OpenCV's own 3 sigma takes twice as long and finds the same
    side = 2 * math.ceil(2 * settings.smooth_px) + 1
    return cv2.GaussianBlur(pixels, (side, side), settings.smooth_px)


def _levels(gray: Any) -> Pixels:
    return np.clip(np.rint(gray), 0, 255).astype(np.uint8)  # type: ignore[no-any-return]


def _around(reach_px: int) -> Pixels:
    """A disc; corners beyond the reach do not count."""
    y, x = np.mgrid[-reach_px : reach_px + 1, -reach_px : reach_px + 1]
    return (x * x + y * y <= (reach_px + 0.5) ** 2).astype(np.uint8)  # type: ignore[no-any-return]


def _relit(
    part: Pixels,
    judged: Pixels,
    placed: Registration,
    settings: Difference,
    learned: DifferenceLearned,
) -> tuple[Pixels, float]:
    """The part in the master's light, and how pale it is: gain and offset, with `ramp` changing
    linearly over the view; robust least squares."""
    height, width = part.shape
    factor = max(1, min(round(max(width, height) / LIGHT_SIDE), width, height))
    ours = shrunk(part, factor).ravel().astype(np.float64)
    half = factor // 2
    counts = (
        judged[half:, half:][
            : height // factor * factor : factor, : width // factor * factor : factor
        ].ravel()
        == 255
    )
    ramp = settings.light == "ramp"
    rows, light = learned.light_rows[:, : 6 if ramp else 2], np.zeros(6 if ramp else 2)
    light[:2] = placed.gain, placed.offset
    # a region may be thinner than these pixels
    for _ in range(LIGHT_ROUNDS if counts.any() else 0):
        rest = ours - (rows * light).sum(axis=1)
        spread = 1.4826 * float(np.median(np.abs(rest[counts])))
        weight = counts / (1 + np.square(rest / max(2 * spread, 2.0)))
        normal = cv2.mulTransposed(np.column_stack([rows, rest]) * weight[:, None], True)
        # a flat master cannot tell gain from offset: then stay near the last light
        prior = 1e-3 * np.diag(normal)[:-1] + 1e-9
        light = light + np.linalg.solve(normal[:-1, :-1] + np.diag(prior), normal[:-1, -1])
    if not light[0] > LEAST_GAIN:
        raise Problem("NO_CONTRAST", "the region does not follow the master's light and dark")
    pale = _pale(part, judged, float(light[0]), learned)
    if not ramp or 255 * np.abs(light[2:4]).sum() + np.abs(light[4:]).sum() < LEAST_RAMP:
        return cv2.LUT(part, _levels((np.arange(256) - light[1]) / light[0])), pale
    gain, gain_across, gain_down, offset_across, offset_down = (
        light[[0, 2, 3, 4, 5]].astype(np.float32).tolist()
    )
    across, down = (
        np.linspace(-1, 1, width, dtype=np.float32),
        np.linspace(-1, 1, height, dtype=np.float32)[:, None],
    )
    offset = (offset_across * across + float(light[1])) + offset_down * down
    gains = np.maximum((gain_across * across + gain) + gain_down * down, np.float32(LEAST_GAIN))
    even = cv2.subtract(part, offset, dtype=cv2.CV_32F)  # in half of numpy's time, as the next
    return cv2.divide(even, gains, dtype=cv2.CV_8U), pale


def _pale(part: Pixels, judged: Pixels, gain: float, learned: DifferenceLearned) -> float:
    """How many times more its contrast has changed than a lamp changes it, which makes all of the
    region lighter or darker by as much; 1 or more. Raises Problem NO_CONTRAST if that is too
    much."""
    own = cv2.mean(learned.mean, judged)[0]
    lighter = cv2.mean(part, judged)[0] / max(own, 1.0)
    pale = max(min(1.0, lighter) / gain, gain / max(1.0, lighter), 1.0)
    if not pale <= learned.pale_high:
        raise Problem(
            "NO_CONTRAST",
            f"the region has {gain:.2g} times the master's contrast, but {lighter:.2g} times its"
            " light: pale print, haze on the lens, or another part",
        )
    return pale


def _light_rows(mean: Floats) -> NDArray[np.float64]:
    """n x 6: change of the gray level in small pixels with gain, offset, and what these change by
    to the right and down."""
    factor = max(1, min(round(max(mean.shape) / LIGHT_SIDE), *mean.shape))
    small = shrunk(_levels(mean), factor).astype(np.float64)
    v, u = (
        axis.ravel()
        for axis in np.mgrid[-1 : 1 : small.shape[0] * 1j, -1 : 1 : small.shape[1] * 1j]
    )
    level = small.ravel()
    return np.stack([level, np.ones_like(level), level * u, level * v, u, v], axis=1)


def _differs(part: Pixels, judged: Pixels, learned: DifferenceLearned) -> Pixels:
    """255 where the part differs."""
    around = _around(learned.tolerance_px)
    extra = cv2.inRange(part, learned.low, learned.high)  # 255 is what is allowed
    least, most = cv2.erode(part, around), cv2.dilate(part, around)
    gone = cv2.bitwise_or(
        cv2.compare(most, learned.mean_low, cv2.CMP_LT),
        cv2.compare(least, learned.mean_high, cv2.CMP_GT),
    )
    return cv2.bitwise_and(cv2.bitwise_or(cv2.bitwise_not(extra), gone), judged)


def _areas(
    part: _Part, found: list[_Defect], settings: Difference, learned: DifferenceLearned
) -> list[_Defect]:
    """Areas that differ by less than a pixel may, but all over (smeared print, print gone from a
    ground of nearly its gray), and where nothing was found yet."""
    if learned.area_high is None:
        return []
    off = cv2.max(cv2.subtract(part.gray, learned.most), cv2.subtract(learned.least, part.gray))
    mean = cv2.blur(cv2.bitwise_and(off, part.lit), (AREA_SIDE, AREA_SIDE))
    over = cv2.bitwise_and(cv2.compare(mean, learned.area_high, cv2.CMP_GT), part.judged)
    if not cv2.countNonZero(over):
        return []
    _, labels = cv2.connectedComponents(over)
    for x, y, width, height, _ in found:
        here = np.unique(labels[y : y + height, x : x + width])
        over[np.isin(labels, here[here > 0])] = 0
    return _defects(over, settings)


def _defects(differs: Pixels, settings: Difference) -> list[_Defect]:
    """Pieces that are thick enough, joined where they are near, and large enough."""
    thick = settings.thickness_low_px
    # opening; the anchors are opposite ones, else an even square would move everything by a px
    if thick > 1:
        square = np.ones((thick, thick), np.uint8)
        core = cv2.erode(differs, square, anchor=(0, 0))
        differs = cv2.dilate(core, square, anchor=(thick - 1, thick - 1))
    reach = settings.join_px
    joined = cv2.dilate(differs, _around(reach)) if reach else differs
    # faster than labels where little differs
    outer, tree = cv2.findContours(joined, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    defects = []
    for number, contour in enumerate(outer):
        if tree[0, number, 3] >= 0:  # a hole
            continue
        x, y, width, height = cv2.boundingRect(contour)
        inside = np.zeros((height, width), np.uint8)
        cv2.drawContours(inside, outer, number, 255, cv2.FILLED, 8, tree, 1, (-x, -y))
        piece = cv2.bitwise_and(differs[y : y + height, x : x + width], inside)
        area_px = cv2.countNonZero(piece)
        if area_px >= settings.area_low_px:
            left, top, width, height = cv2.boundingRect(piece)
            defects.append(_Defect(x + left, y + top, width, height, area_px))
    return defects


def _boxes(placed: Registration, defects: list[_Defect], settings: Difference) -> tuple[Mark, ...]:
    """The boxes of the largest defects in the frame."""
    spare = settings.margin_px + 0.5
    marks = []
    for x, y, width, height, _ in sorted(defects, key=lambda defect: -defect.area_px)[:MOST_BOXES]:
        left, top, right, bottom = (
            x - spare,
            y - spare,
            x + width - 1 + spare,
            y + height - 1 + spare,
        )
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        marks.append(Mark(placed.to_picture(corners), closed=True))
    return tuple(marks)
