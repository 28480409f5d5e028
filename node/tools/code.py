"""Reads 1D and 2D codes with zxing-cpp, and looks again in other ways where it finds too few.

The first look is zxing-cpp's own, on the region with its contrast stretched if that is low. It
finds all codes of fair pictures. What it misses are linear codes that are light on dark or lie
askew, and small, noisy or blurred codes, so those are looked for one after the other until there
are enough, cheapest first. These looks leave out what zxing-cpp tries by itself and would not help
again (other sizes, inversion), so that all of them together take about twice the first one's time,
and most pictures need none. Codes without a strong check are left out then (unless they were asked
for), for the more often a picture is looked at, the more of those are read where there are none.

One file: the looks at a picture, one after the other, are one list whose order was measured.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from node.frame import Pixels, View
from node.measurement import Given, Mark, Measurement
from node.vision.reading.spellings import spellings
from node.vision.reading.stacked import parted
from node.vision.reading.text_match import judge, shown
from schemas import Code, Problem
from schemas.tools.code import CodeFormat

Z = zxingcpp.BarcodeFormat
FORMATS: dict[CodeFormat, zxingcpp.BarcodeFormat] = {
    "aztec": Z.Aztec,
    "codabar": Z.Codabar,
    "code_128": Z.Code128,
    "code_39": Z.Code39Std,
    "code_39_full_ascii": Z.Code39Std,
    "code_93": Z.Code93,
    "data_matrix": Z.DataMatrix,
    "databar": Z.DataBar,
    "ean_13": Z.EAN13,
    "ean_8": Z.EAN8,
    "itf": Z.ITF,
    "maxicode": Z.MaxiCode,
    "micro_qr": Z.MicroQRCode,
    "pdf417": Z.PDF417,
    "qr": Z.QRCode,
    "rmqr": Z.RMQRCode,
    "upc_a": Z.UPCA,
    "upc_e": Z.UPCE,
}
LINEAR = {
    Z.Codabar,
    Z.Code128,
    Z.Code39,
    Z.Code39Std,
    Z.Code39Ext,
    Z.Code93,
    Z.EAN13,
    Z.EAN8,
    Z.ITF,
    Z.UPCA,
    Z.UPCE,
}
STRONG: tuple[CodeFormat, ...] = (
    "aztec",
    "code_128",
    "code_39",
    "code_93",
    "data_matrix",
    "ean_13",
    "pdf417",
    "qr",
    "upc_a",
)
SQUARE: tuple[CodeFormat, ...] = (
    "aztec",
    "data_matrix",
    "maxicode",
    "micro_qr",
    "qr",
    "rmqr",
)  # read at any angle, also inverted

# gray levels from the 0.5th to the 99.5th percentile: fewer are stretched
LOW_RANGE = 100
LEAST_SIDE = 8  # px
LEAST_ASKEW_DEG = 4.0
ENOUGH_ROWS, MOST_ROWS_MEAN = 128, 3  # of a picture in which only upright bars are looked for
# larger ones take as long as all else together, and no longer hold small codes
MOST_ENLARGED_PX = 400_000
WIDE_PX = 3.0  # blur that takes modules of some px away
# of what that blur takes, what a slight one does: with less there is no noise and no small code
LEAST_FINE = 0.25
DOTTED: tuple[CodeFormat, ...] = ("data_matrix",)
# 0.3 to 0.5 of modules from 4 to 16 px; the middle one alone where no formats are named
DOTS_SIGMA_PX = (1.6, 2.6, 4.8)
DOTS_SMALL = 1.6
DOTS_CLOSED_PX = (5, 9)
MOST_AGAIN_PX = 8_000_000  # for all further looks together
# least of grade 1 to 4, as symbol contrast in ISO/IEC 15415
CONTRAST_GRADES = (0.2, 0.4, 0.55, 0.7)
CLEARNESS_GRADES = (0.5, 0.6, 0.7, 0.8)
UNUSED_GRADES = (0.25, 0.37, 0.5, 0.62)  # as unused error correction in ISO/IEC 15415
AGAIN_GRADE = 2  # at most, if it was not found at the first look


@dataclass(frozen=True, eq=False)
class _Look:
    """A picture to look at. back: 2 x 3, times (x, y, 1) of it gives (x, y) of the view."""

    pixels: Pixels
    back: NDArray[np.float64]
    formats: tuple[CodeFormat, ...] | None  # None is all
    turns: bool = True  # whether linear codes are looked for upwards, too
    sizes: bool = False  # whether smaller sizes are looked at, too
    inverted: bool = False  # whether it is looked at inverted, too
    again: bool = True  # whether it is a further look, needed for what is hard to read
    # whether these formats were asked for; if not, they are read as zxing-cpp would by itself
    named: bool = True


@dataclass(frozen=True, eq=False)
class _Read:
    """A code: its text, where its corners are in the view (4 x 2), and how readable it was."""

    texts: tuple[str, ...]  # what it may be compared as; the first one is shown
    format: str
    corners: NDArray[np.float64]
    unused: float | None
    again: bool


@dataclass(frozen=True, eq=False)
class _Soft:
    """A picture smoothed a little and much, and whether it has anything that is fine: if not,
    smoothing it changes nothing, and no code in it is too small."""

    smooth: Pixels
    wide: Pixels
    fine: bool

    @classmethod
    def of(cls, gray: Pixels) -> "_Soft":
        smooth = cv2.GaussianBlur(gray, (5, 5), 0)
        wide = cv2.GaussianBlur(gray, (0, 0), WIDE_PX)
        taken, all_taken = (cv2.norm(gray, each, cv2.NORM_L1) for each in (smooth, wide))
        return cls(smooth, wide, taken >= LEAST_FINE * all_taken)


def learn(_view: View, _settings: Code) -> None:
    """Nothing is kept of the master."""


def measure(view: View, settings: Code, _learned: None, given: Given) -> Measurement:
    """How many codes are right, or the worst grade among them; none read is 0, and the text says
    what was read.

    Raises Problem NO_CONTRAST if the view has one value only, NO_VALUE if the trigger lacks what it
    is compared with.
    """
    right = judge(settings, given.trigger)
    if min(view.width, view.height) < LEAST_SIDE:
        raise Problem("REGION_INVALID", f"{view.width} x {view.height} px are too few for a code")
    wanted = max(1, math.ceil(settings.low or 0)) if settings.value == "count" else 1
    reads: list[_Read] = []
    good: list[_Read] = []
    for look in _looks(view, settings):
        new = [
            read
            for read in _read(look)
            if _counts(view, read) and not any(_same(read, old) for old in reads)
        ]
        reads += new
        good += [read for read in new if any(right(text) for text in read.texts)]
        if len(good) >= wanted:
            break
        if not reads and view.uniform:
            raise Problem("NO_CONTRAST", "all pixels have one value")
    value = (
        len(good)
        if settings.value == "count"
        else min((_grade(view, read) for read in good), default=0)
    )
    texts = [read.texts[0] for read in good or reads]
    return Measurement(
        float(value),
        lambda: tuple(Mark(view.to_frame(r.corners), closed=True) for r in good or reads),
        shown(texts),
    )


def _looks(view: View, settings: Code) -> Iterator[_Look]:
    """The pictures to look at, the first one first; the later ones are only made if they are asked
    for."""
    raw = _filled(view)
    place = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    first = _Look(
        raw,
        place,
        settings.formats or None,
        sizes=True,
        inverted=True,
        again=False,
        named=bool(settings.formats),
    )
    yield first
    gray = _stretched(raw)
    if gray is not raw:
        yield replace(first, pixels=gray)
    if settings.effort == "fast":
        return
    formats = settings.formats or STRONG
    bars = tuple(name for name in formats if name not in SQUARE)
    square = tuple(name for name in formats if name in SQUARE)
    dotted = tuple(name for name in formats if name in DOTTED)
    left_px = MOST_AGAIN_PX
    soft = lru_cache(1)(lambda: _Soft.of(gray))
    further: tuple[Callable[[], _Look | None], ...] = (
        lambda: _Look(cv2.bitwise_not(gray), place, bars),
        lambda: _upright(gray, bars),
        lambda: _Look(soft().smooth, place, formats if soft().fine else square),
        lambda: _Look(_sharpened(gray, soft().wide), place, square),
        lambda: (
            _enlarged(gray, formats if soft().fine else square)
            if 4 * gray.size <= MOST_ENLARGED_PX
            else None
        ),
        *(
            partial(_dots_joined, gray, sigma_px, dotted)
            for sigma_px in (DOTS_SIGMA_PX if settings.formats else DOTS_SIGMA_PX[1:2])
        ),
        *(partial(_dots_closed, gray, side, dotted) for side in DOTS_CLOSED_PX if settings.formats),
    )
    for look in further:
        made = look() if left_px > 0 else None
        if made is not None and (made.formats is None or made.formats):
            left_px -= made.pixels.size
            yield replace(made, named=bool(settings.formats))


def _read(look: _Look) -> list[_Read]:
    names = look.formats
    # if none is named, zxing-cpp chooses: all that it calls readable includes ITF of two digits,
    # which any print may be
    asked = (
        []
        if names is None
        else [Z.Code39 if name == "code_39" and not look.named else FORMATS[name] for name in names]
    )
    formats = zxingcpp.BarcodeFormats(asked)
    answer = []
    barcodes = zxingcpp.read_barcodes(
        look.pixels,
        formats=formats,
        try_rotate=look.turns,
        try_downscale=look.sizes,
        try_invert=look.inverted,
        text_mode=zxingcpp.TextMode.Plain,
    )
    for code in barcodes:
        at = code.position
        corners = np.array(
            [(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)],
            float,
        )
        extra = code.extra if isinstance(code.extra, dict) else {}
        texts = spellings(code.text, str(code.format), extra.get("UPCE"))
        if (
            names is not None
            and "code_39" not in names
            and "code_39_full_ascii" in names
            and len(texts) > 1
        ):
            texts = (texts[1], texts[0])
        for part in (
            parted(look.pixels, corners, code.text, code.format)
            if code.format in LINEAR
            else [corners]
        ):
            placed = part @ look.back[:, :2].T + look.back[:, 2]
            answer.append(_Read(texts, str(code.format), placed, extra.get("UEC"), look.again))
    # as it is printed: `/F` is not yet `&`
    if not look.named and any(read.format == "Code 39 Extended" for read in answer):
        standard = _read(replace(look, formats=("code_39",), named=True))
        answer = [read for read in answer if read.format != "Code 39 Extended"] + standard
    return answer


def _counts(view: View, read: _Read) -> bool:
    """Whether the middle of a code lies on a pixel that counts."""
    x, y = (int(v) for v in np.rint(read.corners.mean(axis=0)))
    return (
        0 <= x < view.width and 0 <= y < view.height and (view.mask is None or view.mask[y, x] > 0)
    )


def _same(one: _Read, two: _Read) -> bool:
    """Whether it is the same code, read twice."""
    apart = float(np.hypot(*(one.corners.mean(axis=0) - two.corners.mean(axis=0))))
    reach = max(
        float(np.hypot(*(r.corners[i] - r.corners[j])))
        for r in (one, two)
        for i, j in ((0, 2), (1, 3))
    )
    return one.texts == two.texts and one.format == two.format and apart < max(reach / 2, 4)


def _filled(view: View) -> Pixels:
    """The gray picture, with everything that does not count as light as its border, so that no edge
    is made that could be a bar."""
    gray = np.ascontiguousarray(view.gray)
    if view.mask is None:
        return gray
    rim = cv2.subtract(view.mask, cv2.erode(view.mask, np.ones((3, 3), np.uint8)))
    level = cv2.mean(gray, rim if cv2.countNonZero(rim) else view.mask)[0]
    return np.where(view.mask > 0, gray, np.uint8(round(level)))


def _stretched(gray: Pixels) -> Pixels:
    """The picture with its gray levels spread out, if they span few; else the picture itself."""
    below = np.cumsum(cv2.calcHist([gray], [0], None, [256], [0, 256]))
    low, high = (int(np.searchsorted(below, share * below[-1])) for share in (0.005, 0.995))
    if high - low >= LOW_RANGE or high <= low:
        return gray
    table = np.clip(np.rint((np.arange(256) - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
    return cv2.LUT(gray, table)


def _upright(gray: Pixels, formats: tuple[CodeFormat, ...]) -> _Look | None:
    """The picture turned so that most of its edges are upright (structure tensor); None if they
    nearly are."""
    across, down = cv2.spatialGradient(cv2.GaussianBlur(gray, (3, 3), 0))
    xx, yy, both = (cv2.norm(each, cv2.NORM_L2SQR) for each in (across, down, across + down))
    turn = math.degrees(math.atan2(both - xx - yy, xx - yy)) / 2  # both is xx + yy + 2 xy
    if min(abs(turn), 90 - abs(turn)) < LEAST_ASKEW_DEG:
        return None
    height, width = gray.shape
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    wide, high = (
        math.ceil(width * abs(c) + height * abs(s)),
        math.ceil(width * abs(s) + height * abs(c)),
    )
    shift_x = (width - 1) / 2 - c * (wide - 1) / 2 + s * (high - 1) / 2
    shift_y = (height - 1) / 2 - s * (wide - 1) / 2 - c * (high - 1) / 2
    back = np.array([[c, -s, shift_x], [s, c, shift_y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(gray, back, (wide, high), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    # where bars stand upright, all rows say the same
    rows = max(math.ceil(high / MOST_ROWS_MEAN), min(high, ENOUGH_ROWS))
    down = high / rows
    fewer = cv2.resize(turned, (wide, rows), interpolation=cv2.INTER_AREA)
    return _Look(
        fewer,
        back @ np.array([[1, 0, 0], [0, down, (down - 1) / 2], [0, 0, 1]]),
        formats,
        turns=False,
    )


def _enlarged(gray: Pixels, formats: tuple[CodeFormat, ...]) -> _Look:
    """The picture at twice the size."""
    large = cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return _Look(large, np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]]), formats)


def _dots_joined(gray: Pixels, sigma_px: float, formats: tuple[CodeFormat, ...]) -> _Look:
    """Separate dots (dot peen, laser, ink jet) blurred until they touch, and made smaller by as
    much as that allows."""
    joined = cv2.GaussianBlur(gray, (0, 0), sigma_px)
    factor = min(1.0, DOTS_SMALL / sigma_px)
    small = cv2.resize(joined, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    across, down = gray.shape[1] / small.shape[1], gray.shape[0] / small.shape[0]
    back = np.array([[across, 0.0, (across - 1) / 2], [0.0, down, (down - 1) / 2]])
    return _Look(small, back, formats, inverted=True)


def _dots_closed(gray: Pixels, side: int, formats: tuple[CodeFormat, ...]) -> _Look:
    """The gaps between dots filled with what is darker, or lighter, on either side of them:
    whichever changes more."""
    square = np.ones((side, side), np.uint8)
    dark, light = (cv2.morphologyEx(gray, how, square) for how in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE))
    closed = (
        dark if cv2.norm(gray, dark, cv2.NORM_L1) > cv2.norm(gray, light, cv2.NORM_L1) else light
    )
    joined = cv2.GaussianBlur(closed, (0, 0), side / 3)
    return _Look(joined, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), formats, inverted=True)


def _sharpened(gray: Pixels, wide: Pixels) -> Pixels:
    """The sharpness that blur has taken from modules of some px, given back (unsharp mask)."""
    return cv2.addWeighted(gray, 5, wide, -4, 0)


def _grade(view: View, read: _Read) -> int:
    """Readability, 4 (best) to 0: the worst of contrast, clearness, unused error correction and how
    it was found.

    contrast: from the 5th to the 95th percentile of the code's pixels, of 255. clearness: how far
    the means of its light and its dark pixels lie apart, of that range: 1 is crisp, a blurred one
    has most pixels in between.
    """
    cover = np.zeros((view.height, view.width), np.uint8)
    corners = np.rint(read.corners).astype(np.int32).reshape(-1, 1, 2)
    cv2.fillConvexPoly(cover, corners, 255)
    # a linear code may be found as a line with no height
    cv2.polylines(cover, [corners], True, 255, 3)
    inside = view.gray[cover > 0]
    low, high = (float(v) for v in np.percentile(inside, (5, 95)))
    level, _ = cv2.threshold(inside, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light, dark = inside[inside > level], inside[inside <= level]
    if not light.size or not dark.size or high <= low:
        return 0
    clearness = (float(light.mean()) - float(dark.mean())) / (high - low)
    grades = [_step((high - low) / 255, CONTRAST_GRADES), _step(clearness, CLEARNESS_GRADES)]
    if read.unused is not None:
        grades.append(_step(read.unused, UNUSED_GRADES))
    if read.again:
        grades.append(AGAIN_GRADE)
    return min(grades)


def _step(value: float, grades: tuple[float, ...]) -> int:
    return sum(value >= least for least in grades)
