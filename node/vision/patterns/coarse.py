"""The coarse search for a turned pattern: its gradients in all turns and sizes at once, everywhere.

The angles of shortened gradients are doubled, so that both edges of a line count alike (J. Bigun,
G. Granlund 1987, Optimal orientation detection of linear symmetry): their means over coarse pixels
keep what a coarse picture has lost. They are correlated with those of the pattern in every turn and
size, in frequency space (A. Fitch et al. 2002, Orientation correlation). Two correlations are real
and imaginary part of one transform; of two turns by half a circle one template is the other one
mirrored, and the spectra of both together are real, but for a factor. What is made of each pixel is
made strip by strip, in what a processor keeps near: memory, not arithmetic, takes the time of large
pictures.

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
PAIRED = 4  # middle px in a coarse one: from here on they are doubled in twos, which costs less
STRIP_PX = 96  # rows of gradients that are doubled in one go
KEPT = 400  # places that may be followed
LEAST = 0.05  # agreement of a place that is looked at
# sides of transforms are multiples of this, which are quicker, unless they are longer by more
SIXTEEN, LONGER = 16, 1.08
Doubled = tuple[Floats, Floats]


@dataclass(frozen=True, eq=False)
class Spectra:
    """For pictures of `size` (rows, columns): of each two templates, one is the real and one the
    imaginary part of what comes back.

    across, down: pairs x rows x columns, complex, or real where templates are mirrored, each number
    twice. pairs: which two templates, pairs x 2; one comes twice if their number is odd. rims: of
    each pair, coarse columns and rows at the border where the middle of no whole pattern lies.
    spare: what came back, to be written over: fresh memory takes as long as the work.
    """

    size: tuple[int, int]
    pairs: NDArray[np.intp]
    rims: list[tuple[int, int]]
    across: NDArray[Any]
    down: NDArray[Any]
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
    whole, each = 2 * max(2, math.ceil(180 / step)), math.ceil(half / step)
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
    pairs, mirrored = _pairs(turns)
    made: dict[int, Doubled] = {}
    for one, two in pairs.tolist():
        for number in (one, two):
            if mirrored and number == two:
                made[two] = made[one][0][::-1, ::-1], made[one][1][::-1, ::-1]
            elif number not in made:
                angle, size = turns[number].tolist()
                made[number] = _template(pattern, angle, size, factor, middle, dull, kept)
    templates = tuple(made[number] for number in range(len(turns)))
    full = pattern.shape[0], pattern.shape[1]
    spectra = spectra_of(
        templates, size_of(shape, factor, middle), pairs, _rims(full, factor, turns[pairs])
    )
    return Coarse(full, factor, middle, dull, turns, templates, spectra)


def _pairs(turns: NDArray[np.float64]) -> tuple[NDArray[np.intp], bool]:
    """Which two templates share a transform, as in `Spectra`, and whether these are mirrored:
    turned by half a circle."""
    numbers = np.arange(len(turns))
    half = len(np.unique(turns[:, 0])) // 2
    if half and len(turns) % (2 * half) == 0:
        pairs = numbers.reshape(-1, 2, half).transpose(0, 2, 1).reshape(-1, 2)
        by = turns[pairs[:, 1]] - turns[pairs[:, 0]]
        if np.allclose(by, (180, 0)):
            return pairs, True
    return np.resize(numbers, (len(turns) + 1) // 2 * 2).reshape(-1, 2), False


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
    doubled = np.zeros(size, np.float32), np.zeros(size, np.float32)
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
        for whole, part in zip(doubled, (across, both), strict=True):
            part /= length
            whole[top:bottom] = _means(part, (columns, bottom - top))
    np.multiply(doubled[1], 2, out=doubled[1])
    return doubled


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
    templates: tuple[Doubled, ...],
    size: tuple[int, int],
    pairs: NDArray[np.intp],
    rims: list[tuple[int, int]],
) -> Spectra:
    """For the correlation with pictures of that size, the templates' centres at (0, 0)."""
    rows, columns = (_quick(n) for n in size)
    # of a template mirrored in its centre the spectrum is the conjugate one
    mirrored = all(
        all(map(np.array_equal, templates[two], (p[::-1, ::-1] for p in templates[one])))
        for one, two in pairs.tolist()
    )
    made = []
    for part in (0, 1):
        pages = []
        for one, two in pairs.tolist():
            page = np.zeros((rows, columns), np.complex64)
            for number, times in ((one, 1), (two, -1j))[: 2 - mirrored]:
                template = templates[number][part]
                around = np.arange(-(template.shape[0] // 2), template.shape[0] // 2 + 1)
                np.add.at(page, np.ix_(around % rows, around % columns), times * template)
            spectrum = np.fft.fft2(page) / (rows * columns)
            real = np.repeat(spectrum.real - spectrum.imag, 2, axis=1) if mirrored else None
            pages.append(np.conj(spectrum).astype(np.complex64) if real is None else real)
        made.append(np.ascontiguousarray(pages, np.float32 if mirrored else np.complex64))
    return Spectra(size, pairs, rims, made[0], made[1])


def _quick(side: int) -> int:
    """A side of a transform, no shorter, that takes the least time."""
    least, even = cv2.getOptimalDFTSize(side), -(-side // SIXTEEN) * SIXTEEN
    return even if even <= LONGER * least else least


def correlated(
    doubled: Doubled, spectra: Spectra
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Agreement of each two templates everywhere: pairs x rows x columns x 2, to be put back into
    `spare`; and the best of all pairs at each place where a whole pattern may lie, -1 elsewhere."""
    mirrored = spectra.across.dtype == np.float32
    pairs, high, wide = spectra.across.shape
    whole = high, wide // 2 if mirrored else wide
    rows, columns = spectra.size
    across, down = (_transformed(part, whole, mirrored) for part in doubled)
    try:
        scores = spectra.spare.pop()
    except IndexError:  # the first search, or another one at the same time
        scores = np.empty((pairs, *whole, 2), np.float32)
    best: Any = np.full((rows, columns, 2), -1, np.float32)
    both, other = np.empty_like(across), np.empty_like(across)
    parts = both.view(np.float32).reshape(*whole, 2)
    for page, one, two, (x, y) in zip(
        scores, spectra.across, spectra.down, spectra.rims, strict=True
    ):
        if mirrored:
            cv2.multiply(one, across, both)
            cv2.accumulateProduct(two, down, both)
        else:
            np.multiply(one, across, out=both)
            np.multiply(two, down, out=other)
            both += other
        cv2.dft(parts, page, flags=cv2.DFT_INVERSE)
        inner = slice(y, max(rows - y, 0)), slice(x, max(columns - x, 0))
        cv2.max(best[inner], page[inner], dst=best[inner])
    return scores, best


def _transformed(part: Floats, size: tuple[int, int], mirrored: bool) -> NDArray[Any]:
    """Its spectrum, complex; or as real and imaginary part in turns, times 1 + i, which is what two
    mirrored templates have in common."""
    whole = np.zeros((*size, 2), np.float32)
    for number in range(1 + mirrored):
        whole[: part.shape[0], : part.shape[1], number] = part
    spectrum: Any = cv2.dft(whole)
    return spectrum.reshape(size[0], -1) if mirrored else spectrum.view(np.complex64)[:, :, 0]  # type: ignore[no-any-return]


def _rims(full: tuple[int, int], factor: int, turns: NDArray[np.float64]) -> list[tuple[int, int]]:
    """As in `Spectra`, of a pattern of (rows, columns) `full`; turns: of the pairs, n x 2 x 2."""
    angles = np.radians(turns[:, :, 0])
    c, s = np.abs(np.cos(angles)), np.abs(np.sin(angles))
    half = turns[:, :, 1] / 2 / factor
    sides = [half * (full[1] * one + full[0] * two) for one, two in ((c, s), (s, c))]
    rims = np.maximum(np.stack(sides, axis=2).min(axis=1) - 1, 0).astype(int)
    return [tuple(each) for each in rims.tolist()]


def everywhere(doubled: Doubled, coarse: Coarse) -> Poses:
    """The best coarse places, best first; a place may come in several angles, for a part may look
    alike upside down."""
    rows, columns = size = doubled[0].shape
    if not (rows and columns):
        return np.empty((0, 4))
    spectra = coarse.spectra
    if size != spectra.size:
        spectra = spectra_of(coarse.templates, size, spectra.pairs, spectra.rims)
    (whole, best), turns = correlated(doubled, spectra), coarse.turns
    scores = whole[:, :rows, :columns]
    top = np.maximum(best[:, :, 0], best[:, :, 1])
    peaks = np.flatnonzero((top >= cv2.dilate(top, np.ones((3, 3), np.uint8))) & (top > LEAST))
    peaks = peaks[np.argsort(top.ravel()[peaks])[::-1][:KEPT]]
    at_peaks = scores[:, peaks // columns, peaks % columns]
    heights = np.empty((len(turns), len(peaks)), np.float32)
    heights[spectra.pairs] = at_peaks.transpose(0, 2, 1)
    good = (
        (heights >= np.roll(heights, 1, axis=0))
        & (heights >= np.roll(heights, -1, axis=0))
        & (heights > LEAST)
    )
    turn, place = np.nonzero(good)
    order = np.argsort(heights[turn, place])[::-1][:KEPT]
    turn, place = turn[order], peaks[place[order]]
    row, column = place // columns, place % columns
    page = np.empty((len(turns), 2), np.intp)  # and part of it, of each template
    page[spectra.pairs] = np.indices(spectra.pairs.shape).transpose(1, 2, 0)
    x, y = (
        column + _between(scores, page[turn], row, column, (0, 1)),
        row + _between(scores, page[turn], row, column, (1, 0)),
    )
    spectra.spare.append(whole)
    x, y = (coarse.factor * n + (coarse.factor - 1) / 2 for n in (x, y))
    return np.stack([x, y, np.radians(turns[turn, 0]), turns[turn, 1]], axis=1)


def _between(scores: Any, page: Any, row: Any, column: Any, way: tuple[int, int]) -> Any:
    """How far, up to half a px, a parabola's top lies beside each place, `way` (down, right) from
    it; page: and its part, of each."""
    rows, columns = scores.shape[1:3]
    before, peak, after = (
        scores[
            page[:, 0],
            np.clip(row + by * way[0], 0, rows - 1),
            np.clip(column + by * way[1], 0, columns - 1),
            page[:, 1],
        ]
        for by in (-1, 0, 1)
    )
    bend = np.minimum(before - 2 * peak + after, -1e-9)
    return np.clip((before - after) / (2 * bend), -0.5, 0.5)
