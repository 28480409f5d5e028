"""Finds a pattern that may be turned and scaled: gradient directions in all angles at once, then from coarse to fine.

At a coarse level the field of shortened gradients is correlated with that of the pattern in every angle and size, in
frequency space (A. Fitch et al. 2002, Orientation correlation). The level is the finest that a fixed number of products
allows: fine textures are lost in coarse pixels. The best places go on to the finer levels (`fitted`), the worse are given up.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame, Pixels
from node.tools.fitted import (
    MARGIN,
    Floats,
    Level,
    Likeness,
    Poses,
    agreement,
    columns_of,
    corners,
    field_of,
    followed,
    level_of,
    likeness_of,
    reduced,
    seen,
    settled,
)
from schemas import Pattern, Pose, Problem, Region

STEP_PX = 1.4  # coarse px that the pattern's corner moves between two angles or sizes
PRODUCTS = 2e6  # coarse px times angles and sizes that are searched, if the pattern stays large enough
MOST_PRODUCTS = 2e7  # more would take seconds
COARSE_PX = 1900  # most px of the pattern at the coarsest level
LEAST_SIDE = 9  # px of the shorter side there
FINE_PX = 40_000  # most px of the pattern at the finest level that is looked at
KEPT = (20, 6, 2)  # places that reach the coarsest level, the next, and all finer ones
STEPS = (3, 3, 2)  # of the fit there
LEAST = 0.1  # agreement of a coarse place that is looked at
LEAST_SPREAD = 3.0  # standard deviation of the pattern in gray levels; less is the noise of a camera
SLACK_DEG, SLACK_SIZE, SLACK_PX = 1.0, 0.01, 1.0  # that a result may lie beyond what was asked for
Template = tuple[Floats, Floats]
Spectra = tuple[NDArray[np.complex64], NDArray[np.complex64]]


@dataclass(frozen=True, eq=False)
class Learned:
    """The pattern. levels: coarsest first; turns: degrees and size (n x 2) of the n templates of the coarse search; spectra:
    of the templates for pictures of `size` (rows, columns); columns: of the last fit."""

    levels: tuple[Level, ...]
    turns: NDArray[np.float64]
    templates: tuple[Template, ...]
    spectra: Spectra
    size: tuple[int, int]
    columns: Floats
    like: Likeness


def learn(frame: Frame, settings: Pattern) -> Learned:
    """The pattern of the master. Raises Problem NO_CONTRAST if it is flat, PROGRAM_INVALID if the search takes too long."""
    region = settings.region
    pattern = np.ascontiguousarray(frame.view(region).gray)
    if float(pattern.std()) < LEAST_SPREAD:
        raise Problem("NO_CONTRAST", "the locator's region shows nothing that could be found again")
    search = settings.search or Region(x=0, y=0, width=frame.width, height=frame.height)

    def products(factor: int) -> float:
        return len(_turns(region, factor, settings)) * search.width * search.height / factor**2

    factor = max(1, math.ceil(math.sqrt(pattern.size / COARSE_PX)))
    while products(factor) > PRODUCTS and min(pattern.shape) / (factor + 1) >= LEAST_SIDE:
        factor += 1
    if products(factor) > MOST_PRODUCTS:
        raise Problem("PROGRAM_INVALID", "search: too large for so small a pattern; narrow search, angle_deg or the scale")
    factors = [factor]
    while factors[-1] > 1 and pattern.size / (factors[-1] // 2) ** 2 <= FINE_PX:
        factors.append(factors[-1] // 2)
    scaled = settings.scale_low < settings.scale_high
    levels = tuple(level_of(_surrounded(frame, region, f), f, pattern.shape, scaled) for f in factors)
    turns = _turns(region, factor, settings)
    templates = tuple(_template(pattern, angle, size, levels[0]) for angle, size in turns.tolist())
    size = (search.height // factor, search.width // factor)
    like = likeness_of(levels[max(len(levels) - 2, 0)])
    return Learned(levels, turns, templates, _spectra(templates, size), size, columns_of(levels[-1], scaled), like)


def find(frame: Frame, settings: Pattern, learned: Learned, round_too: bool = False) -> Pose:
    """Where the centre of the pattern is, its turn and size; the score is how well the best four fifths of it are seen.

    The whole turned pattern must lie in the search region. With round_too any turn will do: a round pattern looks the same in
    all. Raises Problem PART_NOT_FOUND if the score is below settings.low, or the pattern is cut off, or turned or scaled
    further than allowed; REGION_INVALID if the search region leaves the frame.
    """
    search = settings.search or Region(x=0, y=0, width=frame.width, height=frame.height)
    if settings.region.width > search.width or settings.region.height > search.height:
        raise Problem("REGION_INVALID", "the pattern is larger than where to look for it")
    gray = frame.view(search).gray
    images = {level.factor: reduced(gray, level.factor) for level in learned.levels}
    poses = _everywhere(images[learned.levels[0].factor], settings, learned)
    for number, level in enumerate(learned.levels):
        if not len(poses):
            raise Problem("PART_NOT_FOUND", "nothing like the pattern is to be seen")
        image = images[level.factor]
        poses = followed(image, level, poses, STEPS[min(number, len(STEPS) - 1)])
        agrees = agreement(image, level, poses)
        best = np.argsort(agrees)[::-1][: KEPT[min(number + 1, len(KEPT) - 1)]]
        poses, agrees = poses[best], agrees[best]
    finest, pose = learned.levels[-1], poses[:1]
    settled_ = settled(images[finest.factor], finest, learned.columns, pose)
    if settled_ is not None and float(agreement(images[finest.factor], finest, settled_)[0]) >= float(agrees[0]) - 0.02:
        pose = settled_
    score = seen(images[learned.like.level.factor], learned.like, pose)
    x, y, turn, size = (float(value) for value in pose[0])
    angle_deg = math.degrees(math.remainder(turn, math.tau))
    if not score >= settings.low:
        raise Problem("PART_NOT_FOUND", f"the best score is {score:.2f}, the least is {settings.low:g}")
    if not (round_too or abs(angle_deg) <= settings.angle_deg + SLACK_DEG):
        raise Problem("PART_NOT_FOUND", f"the part is turned by {angle_deg:.1f} degrees, the most is {settings.angle_deg:g}")
    if not settings.scale_low - SLACK_SIZE <= size <= settings.scale_high + SLACK_SIZE:
        raise Problem("PART_NOT_FOUND", f"the part has {size:.3f} of the master's size")
    at = corners(pose, (settings.region.height, settings.region.width))
    if at.min() < -SLACK_PX or (at.max(axis=0) > (search.width - 1 + SLACK_PX, search.height - 1 + SLACK_PX)).any():
        raise Problem("PART_NOT_FOUND", "the part is cut off by the border of the search region")
    return Pose(x=x + search.x, y=y + search.y, angle_deg=angle_deg, scale=size, score=score)


def _turns(region: Region, factor: int, settings: Pattern) -> NDArray[np.float64]:
    """The angles in degrees and sizes of the coarse search, sizes outermost."""
    reach = math.hypot(region.width, region.height) / 2 / factor
    step, half = math.degrees(STEP_PX / reach), settings.angle_deg
    whole, each = max(3, math.ceil(360 / step)), math.ceil(half / step)
    angles = np.arange(whole) * (360 / whole) if half >= 180 else np.linspace(-half, half, 2 * each + 1)
    sizes = np.linspace(
        settings.scale_low,
        settings.scale_high,
        1 + math.ceil((settings.scale_high - settings.scale_low) * reach / STEP_PX),
    )
    return np.array([(angle, size) for size in sizes for angle in angles])


def _surrounded(frame: Frame, region: Region, factor: int) -> Pixels:
    """The region and MARGIN coarse px around it, or the frame's rim again and again, at that factor."""
    wide, high = region.width // factor * factor, region.height // factor * factor
    x = np.arange(region.x - MARGIN * factor, region.x + wide + MARGIN * factor).clip(0, frame.width - 1)
    y = np.arange(region.y - MARGIN * factor, region.y + high + MARGIN * factor).clip(0, frame.height - 1)
    return reduced(frame.gray[np.ix_(y, x)], factor)


def _template(pattern: Pixels, angle_deg: float, size: float, coarse: Level) -> Template:
    """The field of the pattern turned and scaled, its centre in the middle pixel; its lengths sum up to 1."""
    factor, (rows, columns) = coarse.factor, pattern.shape
    reach = math.ceil(size * math.hypot(rows, columns) / 2 / factor) + 1
    middle = factor * reach + (factor - 1) / 2
    c, s = size * math.cos(math.radians(angle_deg)), size * math.sin(math.radians(angle_deg))
    x, y = (columns - 1) / 2, (rows - 1) / 2
    turn = np.array([[c, -s, middle - c * x + s * y], [s, c, middle - s * x - c * y]])
    fine = ((2 * reach + 1) * factor, (2 * reach + 1) * factor)
    pixels: Any = cv2.warpAffine(pattern, turn, fine, borderMode=cv2.BORDER_REPLICATE)
    covered: Any = reduced(cv2.warpAffine(np.full_like(pattern, 255), turn, fine), factor)  # type: ignore[arg-type]
    inside = cv2.erode(covered, np.ones((3, 3), np.uint8)) > 250
    across, down = field_of(reduced(pixels, factor), coarse.dull)
    total = float(np.hypot(across, down)[inside].sum()) + 1e-9
    return across * inside / total, down * inside / total


def _spectra(templates: tuple[Template, ...], size: tuple[int, int]) -> Spectra:
    """Spectra for the correlation with pictures of that size, the templates' centres at (0, 0)."""
    rows, columns = (cv2.getOptimalDFTSize(n) for n in size)
    made = []
    for part in (0, 1):
        stack = np.zeros((len(templates), rows, columns), np.float32)
        for page, template in zip(stack, templates, strict=True):
            reach = template[part].shape[0] // 2
            around = np.arange(-reach, reach + 1)
            np.add.at(page, np.ix_(around % rows, around % columns), template[part])
        made.append(np.conj(np.fft.rfft2(stack)).astype(np.complex64))
    return made[0], made[1]


def _everywhere(image: Pixels, settings: Pattern, learned: Learned) -> Poses:
    """The best coarse places, best first; a place may come in several angles, for a part may look alike upside down."""
    coarse, (rows, columns) = learned.levels[0], image.shape
    fast = cv2.getOptimalDFTSize(rows), cv2.getOptimalDFTSize(columns)
    across, down = learned.spectra if (rows, columns) == learned.size else _spectra(learned.templates, (rows, columns))
    right, below = field_of(image, coarse.dull)
    spectrum = across * np.fft.rfft2(right, s=fast)
    spectrum += down * np.fft.rfft2(below, s=fast)
    scores = np.fft.irfft2(spectrum, s=fast)[:, :rows, :columns]
    c, s = np.abs(np.cos(np.radians(learned.turns[:, 0]))), np.abs(np.sin(np.radians(learned.turns[:, 0])))
    half = learned.turns[:, 1] / 2 / coarse.factor
    rims_x = np.maximum(half * (settings.region.width * c + settings.region.height * s) - 1, 0).astype(int)
    rims_y = np.maximum(half * (settings.region.width * s + settings.region.height * c) - 1, 0).astype(int)
    for page, x, y in zip(scores, rims_x.tolist(), rims_y.tolist(), strict=True):  # the whole pattern must be in sight
        page[:y] = page[max(rows - y, 0) :] = -1
        page[:, :x] = page[:, max(columns - x, 0) :] = -1
    top = scores.max(axis=0)
    peaks = np.flatnonzero((top >= cv2.dilate(top, np.ones((3, 3), np.uint8))) & (top > LEAST))
    peaks = peaks[np.argsort(top.ravel()[peaks])[::-1][: KEPT[0]]]
    found = scores[:, peaks // columns, peaks % columns]
    good = (found >= np.roll(found, 1, axis=0)) & (found >= np.roll(found, -1, axis=0)) & (found > LEAST)
    turn, place = np.nonzero(good)
    best = np.argsort(found[turn, place])[::-1][: KEPT[0]]
    turn, place = turn[best], peaks[place[best]]
    x, y = (coarse.factor * n + (coarse.factor - 1) / 2 for n in (place % columns, place // columns))
    return np.stack([x, y, np.radians(learned.turns[turn, 0]), learned.turns[turn, 1]], axis=1)
