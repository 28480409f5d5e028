"""The coarse search for a turned pattern: its gradients in all turns and sizes at once, everywhere.

The angles of shortened gradients are doubled, so that both edges of a line count alike (J. Bigun,
G. Granlund 1987, Optimal orientation detection of linear symmetry): their means over coarse pixels
keep what a coarse picture has lost. They are correlated with those of the pattern in every turn and
size, in frequency space (A. Fitch et al. 2002, Orientation correlation). Two correlations are real
and imaginary part of one transform, and what is made of each pixel is made strip by strip, in what
a processor keeps near: memory, not arithmetic, takes the time of large pictures.

One file: templates, spectra and the search are three views of one correlation.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels
from node.vision.patterns.turned_fit import SLOPE, Floats, Gradients, Poses, gradients, reduced
from schemas import Pattern, Region

STEP_PX = 1.4  # coarse px that the pattern's corner moves between two turns or sizes
PAIRED = 4  # middle px in a coarse one from which on they are doubled in twos: it costs less
STRIP_PX = 30  # rows of gradients that are doubled in one go
KEPT = 400  # places that may be followed
LEAST = 0.05  # agreement of a place that is looked at
Doubled = tuple[Floats, Floats]


@dataclass(frozen=True, eq=False)
class Spectra:
    """For pictures of `size` (rows, columns): of each two templates, one the real, one the
    imaginary part of what comes back.

    across, down: pairs x rows x columns. rims: of each pair, coarse columns and rows at the border
    where the middle of no whole pattern lies. spare: what came back, to be written over: fresh
    memory takes as long as the work.
    """

    size: tuple[int, int]
    rims: list[tuple[int, int]]
    across: NDArray[np.complex64]
    down: NDArray[np.complex64]
    spare: list[NDArray[np.float32]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Coarse:
    """The pattern of (rows, columns) `full`: a px is `factor` px of the frame, its gradients taken
    in pixels of `middle` px.

    turns: degrees and size (n x 2) of its templates.
    """

    full: tuple[int, int]
    factor: int
    middle: int
    dull: float
    turns: NDArray[np.float64]
    templates: tuple[Doubled, ...]
    spectra: Spectra


def turns_of(region: Region, factor: int, settings: Pattern) -> NDArray[np.float64]:
    """The angles in degrees and sizes (n x 2) of a search where a px is `factor` px of the frame,
    sizes outermost."""
    reach = math.hypot(region.width, region.height) / 2 / factor
    step, half = math.degrees(STEP_PX / reach), settings.angle_deg
    whole, each = max(3, math.ceil(360 / step)), math.ceil(half / step)
    angles = (
        np.arange(whole) * (360 / whole) if half >= 180 else np.linspace(-half, half, 2 * each + 1)
    )
    sizes = np.linspace(
        settings.scale_low,
        settings.scale_high,
        1 + math.ceil((settings.scale_high - settings.scale_low) * reach / STEP_PX),
    )
    return np.array([(angle, size) for size in sizes for angle in angles])


def coarse_of(
    pattern: Pixels,
    turns: NDArray[np.float64],
    factor: int,
    middle: int,
    dull: float,
    shape: tuple[int, ...],
    kept: Pixels | None = None,
) -> Coarse:
    """The pattern, given at full size, in all turns; shape: rows and columns of the pictures to
    come.

    kept: which of its pixels count (1 or 0), None for all.
    """
    templates = tuple(
        _template(pattern, angle, size, factor, middle, dull, kept)
        for angle, size in turns.tolist()
    )
    full = pattern.shape[0], pattern.shape[1]
    spectra = spectra_of(templates, size_of(shape, factor, middle), _rims(full, factor, turns))
    return Coarse(full, factor, middle, dull, turns, templates, spectra)


def size_of(shape: tuple[int, ...], factor: int, middle: int) -> tuple[int, int]:
    """Rows and columns of a picture at the coarse level: whole pixels of the middle one."""
    return tuple(
        next(n for n in range(side // factor, -1, -1) if n * factor % middle == 0)
        for side in shape[:2]
    )  # type: ignore[return-value]


def doubled_of(slopes: Gradients, shape: tuple[int, ...], coarse: Coarse) -> Doubled:
    """What the search needs of a picture's gradients at the middle level; shape: its rows and
    columns in the frame."""
    return _doubled(
        slopes,
        size_of(shape, coarse.factor, coarse.middle),
        coarse.factor,
        coarse.middle,
        coarse.dull,
    )


def _doubled(
    slopes: Gradients, size: tuple[int, int], factor: int, middle: int, dull: float
) -> Doubled:
    rows, columns = size
    each = middle // math.gcd(factor, middle)  # coarse rows that are whole rows of the middle level
    strip = max(round(STRIP_PX * middle / factor / each), 1) * each
    found = np.zeros(size, np.float32), np.zeros(size, np.float32)
    wide, least = columns * factor // middle, np.float32((SLOPE * dull) ** 2)
    for top in range(0, rows if columns else 0, strip):
        bottom = min(top + strip, rows)
        taken = slice(top * factor // middle, bottom * factor // middle), slice(0, wide)
        across, down = (slope[taken].astype(np.float32) for slope in slopes)
        both = across * down
        across *= across
        down *= down
        if factor // middle >= PAIRED and not across.shape[0] % 2 and not wide % 2:
            halves = wide // 2, across.shape[0] // 2
            across, down, both = (_shrunk(part, halves) for part in (across, down, both))
        length = across + down
        length += least
        across -= down
        for whole, part in zip(found, (across, both), strict=True):
            part /= length
            whole[top:bottom] = _means(part, (columns, bottom - top))
    np.multiply(found[1], 2, out=found[1])
    return found


def _means(part: Floats, size: tuple[int, int]) -> Any:
    """Means over the cells of a picture of (columns, rows); down first, for then there is less to
    do."""
    each, rest = divmod(part.shape[0], size[1])
    if not rest:
        part = np.add.reduce(part.reshape(size[1], each, -1), axis=1) / np.float32(each)
    return _shrunk(part, size)


def _shrunk(part: Floats, size: tuple[int, int]) -> Any:
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA)


def _template(
    pattern: Pixels,
    angle_deg: float,
    size: float,
    factor: int,
    middle: int,
    dull: float,
    kept: Pixels | None,
) -> Doubled:
    """The coarse field of the pattern turned and scaled, its centre in the middle pixel; its
    lengths sum up to 1."""
    rows, columns = pattern.shape
    reach = math.ceil(size * math.hypot(rows, columns) / 2 / factor) + 1
    side = (2 * reach + 1) * factor
    centre = factor * reach + (factor - 1) / 2
    c, s = size * math.cos(math.radians(angle_deg)), size * math.sin(math.radians(angle_deg))
    x, y = (columns - 1) / 2, (rows - 1) / 2
    turn = np.array([[c, -s, centre - c * x + s * y], [s, c, centre - s * x - c * y]])
    pixels: Any = cv2.warpAffine(pattern, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    covered: Any = reduced(cv2.warpAffine(np.full_like(pattern, 255), turn, (side, side)), factor)
    inside: Any = cv2.erode(covered, np.ones((3, 3), np.uint8)) > 250
    if kept is not None:  # the share of a coarse pixel that is
        share: Any = reduced(cv2.warpAffine(kept * np.uint8(255), turn, (side, side)), factor)
        inside = inside * (share / np.float32(255)) ** 2
    across, down = _doubled(gradients(reduced(pixels, middle)), covered.shape, factor, middle, dull)
    lengths = np.hypot(across, down)
    total = float((lengths[inside] if kept is None else lengths * inside).sum()) + 1e-9
    return across * inside / total, down * inside / total


def spectra_of(
    templates: tuple[Doubled, ...], size: tuple[int, int], rims: list[tuple[int, int]]
) -> Spectra:
    """For the correlation with pictures of that size, the templates' centres at (0, 0)."""
    rows, columns = (cv2.getOptimalDFTSize(n) for n in size)
    made = []
    for part in (0, 1):
        both = np.zeros(((len(templates) + 1) // 2, rows, columns), np.complex64)
        for number, template in enumerate(templates):
            around = np.arange(-(template[part].shape[0] // 2), template[part].shape[0] // 2 + 1)
            own = -1j * template[part] if number % 2 else template[part]
            np.add.at(both[number // 2], np.ix_(around % rows, around % columns), own)
        for page in both:
            page[:] = np.conj(np.fft.fft2(page)) / (rows * columns)
        made.append(both)
    return Spectra(size, rims, made[0], made[1])


def correlated(
    doubled: Doubled, spectra: Spectra
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Agreement of each two templates everywhere: pairs x rows x columns x 2, to be put back into
    `spare`; and the best of all pairs at each place where a whole pattern may lie, -1 elsewhere."""
    (rows, columns), (pairs, *whole) = spectra.size, spectra.across.shape
    across, down = (_transformed(part, (whole[0], whole[1])) for part in doubled)
    try:
        scores = spectra.spare.pop()
    except IndexError:  # the first search, or another one at the same time
        scores = np.empty((pairs, *whole, 2), np.float32)
    best: Any = np.full((rows, columns, 2), -1, np.float32)
    both, other = np.empty(whole, np.complex64), np.empty(whole, np.complex64)
    parts = both.view(np.float32).reshape(*whole, 2)
    for page, one, two, (x, y) in zip(
        scores, spectra.across, spectra.down, spectra.rims, strict=True
    ):
        np.multiply(one, across, out=both)
        np.multiply(two, down, out=other)
        both += other
        cv2.dft(parts, page, flags=cv2.DFT_INVERSE)
        inner = slice(y, max(rows - y, 0)), slice(x, max(columns - x, 0))
        cv2.max(best[inner], page[inner], dst=best[inner])
    return scores, best


def _transformed(part: Floats, size: tuple[int, int]) -> NDArray[np.complex64]:
    whole = np.zeros((*size, 2), np.float32)
    whole[: part.shape[0], : part.shape[1], 0] = part
    found: Any = cv2.dft(whole)
    return found.view(np.complex64)[:, :, 0]  # type: ignore[no-any-return]


def _rims(full: tuple[int, int], factor: int, turns: NDArray[np.float64]) -> list[tuple[int, int]]:
    """As in `Spectra`, of a pattern of (rows, columns) `full`."""
    c, s = np.abs(np.cos(np.radians(turns[:, 0]))), np.abs(np.sin(np.radians(turns[:, 0])))
    half = turns[:, 1] / 2 / factor
    wide, high = (half * (full[1] * one + full[0] * two) for one, two in ((c, s), (s, c)))
    rims = np.maximum(np.stack([wide, high], axis=1) - 1, 0).astype(int)
    return [tuple(rims[n : n + 2].min(axis=0).tolist()) for n in range(0, len(rims), 2)]


def everywhere(doubled: Doubled, coarse: Coarse) -> Poses:
    """The best coarse places, best first; a place may come in several angles, for a part may look
    alike upside down."""
    rows, columns = size = doubled[0].shape
    if not (rows and columns):
        return np.empty((0, 4))
    spectra = coarse.spectra
    if size != spectra.size:
        spectra = spectra_of(coarse.templates, size, spectra.rims)
    (whole, best), turns = correlated(doubled, spectra), coarse.turns
    scores = whole[:, :rows, :columns]
    top = np.maximum(best[:, :, 0], best[:, :, 1])
    peaks = np.flatnonzero((top >= cv2.dilate(top, np.ones((3, 3), np.uint8))) & (top > LEAST))
    peaks = peaks[np.argsort(top.ravel()[peaks])[::-1][:KEPT]]
    found = (
        scores[:, peaks // columns, peaks % columns]
        .transpose(0, 2, 1)
        .reshape(2 * len(scores), len(peaks))[: len(turns)]
    )
    good = (
        (found >= np.roll(found, 1, axis=0))
        & (found >= np.roll(found, -1, axis=0))
        & (found > LEAST)
    )
    turn, place = np.nonzero(good)
    order = np.argsort(found[turn, place])[::-1][:KEPT]
    turn, place = turn[order], peaks[place[order]]
    row, column = place // columns, place % columns
    x, y = (
        column + _between(scores, turn, row, column, (0, 1)),
        row + _between(scores, turn, row, column, (1, 0)),
    )
    spectra.spare.append(whole)
    x, y = (coarse.factor * n + (coarse.factor - 1) / 2 for n in (x, y))
    return np.stack([x, y, np.radians(turns[turn, 0]), turns[turn, 1]], axis=1)


def _between(scores: Any, turn: Any, row: Any, column: Any, way: tuple[int, int]) -> Any:
    """How far, up to half a px, a parabola's top lies beside each place, `way` (down, right) from
    it."""
    rows, columns = scores.shape[1:3]
    before, peak, after = (
        scores[
            turn // 2,
            np.clip(row + by * way[0], 0, rows - 1),
            np.clip(column + by * way[1], 0, columns - 1),
            turn % 2,
        ]
        for by in (-1, 0, 1)
    )
    bend = np.minimum(before - 2 * peak + after, -1e-9)
    return np.clip((before - after) / (2 * bend), -0.5, 0.5)
