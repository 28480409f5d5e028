"""Reads 1D and 2D codes with zxing-cpp, and looks again in other ways where it finds too few.

The first look is zxing-cpp's own, on the region with its contrast stretched if that is low. It finds all codes of fair
pictures. What it misses are linear codes that are light on dark or lie askew, and small, noisy or blurred codes, so those are
looked for one after the other until there are enough, cheapest first. These looks leave out what zxing-cpp tries by itself and
would not help again (other sizes, inversion), so that all of them together take about twice the first one's time, and most
pictures need none. Codes without a strong check are left out then (unless they were asked for), for the more often a picture
is looked at, the more of those are read where there are none.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from node.frame import Mark, Measurement, Pixels, View
from node.tools import Given
from node.tools.reading import judge, shown
from schemas import Code, Problem
from schemas.tools.code import CodeFormat

Z = zxingcpp.BarcodeFormat
FORMATS: dict[CodeFormat, zxingcpp.BarcodeFormat] = {
    "aztec": Z.Aztec,
    "codabar": Z.Codabar,
    "code_128": Z.Code128,
    "code_39": Z.Code39,
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
STRONG: tuple[CodeFormat, ...] = ("aztec", "code_128", "code_39", "code_93", "data_matrix", "ean_13", "pdf417", "qr", "upc_a")
SQUARE: tuple[CodeFormat, ...] = (
    "aztec",
    "data_matrix",
    "maxicode",
    "micro_qr",
    "qr",
    "rmqr",
)  # read at any angle, also inverted

LOW_RANGE = 100  # gray levels from the 0.5th to the 99.5th percentile, below which they are stretched
LEAST_SIDE = 8  # px
LEAST_ASKEW_DEG = 4.0
MOST_ENLARGED_PX = 400_000  # larger ones take as long as all else together, and hold small codes no more
MOST_AGAIN_PX = 8_000_000  # of all further looks together
CONTRAST_GRADES = (0.2, 0.4, 0.55, 0.7)  # least of grade 1 to 4, as symbol contrast in ISO/IEC 15415
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


@dataclass(frozen=True, eq=False)
class _Read:
    """A code: its text, where its corners are in the view (4 x 2), and how readable it was."""

    text: str
    format: str
    corners: NDArray[np.float64]
    unused: float | None
    again: bool


def learn(_view: View, _settings: Code) -> None:
    """Nothing is learned."""


def measure(view: View, settings: Code, _learned: None, given: Given) -> Measurement:
    """How many codes are right, or the worst grade among them; none read is 0, and the text says what was read.

    Raises Problem NO_CONTRAST if the view has one value only, NO_VALUE if the trigger lacks what it is compared with.
    """
    right = judge(settings, given.trigger)
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    if min(view.width, view.height) < LEAST_SIDE:
        raise Problem("REGION_INVALID", f"{view.width} x {view.height} px are too few for a code")
    wanted = max(1, math.ceil(settings.low or 0)) if settings.value == "count" else 1
    found: list[_Read] = []
    good: list[_Read] = []
    for number, look in enumerate(_looks(view, settings)):
        new = [read for read in _read(look, number > 0) if _counts(view, read) and not any(_same(read, old) for old in found)]
        found += new
        good += [read for read in new if right(read.text)]
        if len(good) >= wanted:
            break
    value = len(good) if settings.value == "count" else min((_grade(view, read) for read in good), default=0)
    texts = [read.text for read in good or found]
    return Measurement(
        float(value), lambda: tuple(Mark(view.to_frame(r.corners), closed=True) for r in good or found), shown(texts)
    )


def _looks(view: View, settings: Code) -> Iterator[_Look]:
    """The pictures to look at, the first one first; the later ones are only made if they are asked for."""
    gray = _stretched(_filled(view))
    place = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    yield _Look(gray, place, settings.formats or None)
    if settings.effort == "fast":
        return
    formats = settings.formats or STRONG
    bars = tuple(name for name in formats if name not in SQUARE)
    square = tuple(name for name in formats if name in SQUARE)
    left_px = MOST_AGAIN_PX
    further: tuple[Callable[[], _Look | None], ...] = (
        lambda: _Look(cv2.bitwise_not(gray), place, bars),  # type: ignore[arg-type]
        lambda: _upright(gray, bars),
        lambda: _Look(cv2.GaussianBlur(gray, (5, 5), 0), place, formats),  # type: ignore[arg-type]
        lambda: _Look(_sharpened(gray), place, square),
        lambda: _enlarged(gray, formats) if 4 * gray.size <= MOST_ENLARGED_PX else None,
    )
    for look in further:
        made = look() if left_px > 0 else None
        if made is not None and (made.formats is None or made.formats):
            left_px -= made.pixels.size
            yield made


def _read(look: _Look, again: bool) -> list[_Read]:
    names = look.formats
    formats = zxingcpp.BarcodeFormats([Z.AllReadable] if names is None else [FORMATS[name] for name in names])
    answer = []
    found = zxingcpp.read_barcodes(
        look.pixels,
        formats=formats,
        try_rotate=look.turns,
        try_downscale=not again,
        try_invert=not again,
        text_mode=zxingcpp.TextMode.Plain,
    )
    for code in found:
        at = code.position
        corners = np.array([(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)], float)
        placed = corners @ look.back[:, :2].T + look.back[:, 2]
        unused = code.extra.get("UEC") if isinstance(code.extra, dict) else None
        answer.append(_Read(code.text, str(code.format), placed, unused, again))
    return answer


def _counts(view: View, read: _Read) -> bool:
    """Whether the middle of a code lies on a pixel that counts."""
    x, y = (int(v) for v in np.rint(read.corners.mean(axis=0)))
    return 0 <= x < view.width and 0 <= y < view.height and (view.mask is None or view.mask[y, x] > 0)


def _same(one: _Read, two: _Read) -> bool:
    """Whether it is the same code, seen twice."""
    apart = float(np.hypot(*(one.corners.mean(axis=0) - two.corners.mean(axis=0))))
    reach = max(float(np.hypot(*(r.corners[i] - r.corners[j]))) for r in (one, two) for i, j in ((0, 2), (1, 3)))
    return one.text == two.text and one.format == two.format and apart < max(reach / 2, 4)


def _filled(view: View) -> Pixels:
    """The gray picture, with what does not count as light as its border: no edge is made that could be a bar."""
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
    return cv2.LUT(gray, table)  # type: ignore[return-value]


def _upright(gray: Pixels, formats: tuple[CodeFormat, ...]) -> _Look | None:
    """The picture turned so that most of its edges are upright (structure tensor); None if they nearly are."""
    across, down = cv2.spatialGradient(cv2.GaussianBlur(gray, (3, 3), 0))
    gx, gy = across.astype(np.float32).ravel(), down.astype(np.float32).ravel()
    turn = math.degrees(math.atan2(2 * float(gx @ gy), float(gx @ gx - gy @ gy))) / 2
    if min(abs(turn), 90 - abs(turn)) < LEAST_ASKEW_DEG:
        return None
    height, width = gray.shape
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    wide, high = math.ceil(width * abs(c) + height * abs(s)), math.ceil(width * abs(s) + height * abs(c))
    shift_x = (width - 1) / 2 - c * (wide - 1) / 2 + s * (high - 1) / 2
    shift_y = (height - 1) / 2 - s * (wide - 1) / 2 - c * (high - 1) / 2
    back = np.array([[c, -s, shift_x], [s, c, shift_y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(gray, back, (wide, high), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return _Look(turned, back, formats, turns=False)  # type: ignore[arg-type]


def _enlarged(gray: Pixels, formats: tuple[CodeFormat, ...]) -> _Look:
    """Twice as large."""
    large = cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return _Look(large, np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]]), formats)  # type: ignore[arg-type]


def _sharpened(gray: Pixels) -> Pixels:
    """What blur has taken from modules of some px, given back (unsharp mask)."""
    return cv2.addWeighted(gray, 5, cv2.GaussianBlur(gray, (0, 0), 3), -4, 0)  # type: ignore[return-value]


def _grade(view: View, read: _Read) -> int:
    """Readability, 4 (best) to 0: the worst of contrast, clearness, unused error correction and how it was found.

    contrast: from the 5th to the 95th percentile of the code's pixels, of 255. clearness: how far the means of its light
    and its dark pixels lie apart, of that range: 1 is crisp, a blurred one has most pixels in between.
    """
    cover = np.zeros((view.height, view.width), np.uint8)
    corners = np.rint(read.corners).astype(np.int32).reshape(-1, 1, 2)
    cv2.fillConvexPoly(cover, corners, 255)
    cv2.polylines(cover, [corners], True, 255, 3)  # a linear code may be found as a line without height
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
