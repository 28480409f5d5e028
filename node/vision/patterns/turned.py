"""Finds a pattern that may be turned and scaled: gradient directions in all angles at once, then
from coarse to fine.

Gradients are taken where noise is averaged away but fine lines are still seen, and shortened; the
places where their doubled angles agree at a coarse level (`coarse`) are followed in the finer
picture by gradients that keep their sign, the worse ones are given up; the last few are told apart
by how much is seen (`fitted`).

One file: the levels of one search, from coarse to fine.
"""

import math
from typing import Any

import cv2
import numpy as np

from node.frame import Frame, Pixels
from node.vision.patterns.alone import single
from node.vision.patterns.coarse import coarse_of, doubled_of, everywhere, turns_of
from node.vision.patterns.following import Known, same_place, told_apart
from node.vision.patterns.following import TurnedPattern as TurnedPattern
from node.vision.patterns.sizes import check_size, ruler_of
from node.vision.patterns.turned_fit import (
    Poses,
    corners,
    gradients,
    grays_of,
    level_of,
    likeness_of,
    reduced,
    surrounded,
)
from schemas import Pattern, Pose, Problem, Region

# coarse px times angles and sizes that are searched, if the pattern stays large enough
PRODUCTS = 2.2e6
MOST_PRODUCTS = 2e7  # more would take seconds
LEAST_COARSE = 4  # px of the frame per coarse px, unless the pattern is too small
COARSE_PX = 1900  # most px of the pattern at the coarse level
LEAST_SIDE = 9  # px of the shorter side there
MIDDLE_PX = 10_000  # most px of the pattern where gradients are taken and places are followed
MIDDLE_SIDE = 20  # px of the shorter side there, if the pattern has them
ROUGH_SHARE = 0.8  # most px in between, of a coarse one
# points of the pattern that are looked at in between, in the first step, and in those after it
FEWEST_POINTS, FEW_POINTS, MANY_POINTS = 150, 300, 1200
# by how much score and agreement must be better than at another turn, this many rad away or more
CLEAR, OTHER_TURN = 0.004, 0.17
SPOT_PX, SPOT = 5, 20.0  # a spot of this many px that differs by this many gray levels tells a turn
LEAST_REGION = 12  # px of a pattern's shorter side
# standard deviation of the pattern in gray levels; less is the noise of a camera
LEAST_SPREAD = 3.0
LEAST_LIKE = 0.05  # score of a place that is like the pattern at all
# that a result may lie beyond what was asked for; less than 1 px, from which on a part is cut off
SLACK_DEG, SLACK_SIZE, SLACK_PX = 1.0, 0.01, 0.9


def learn(frame: Frame, settings: Pattern, kept: Pixels | None = None) -> TurnedPattern:
    """The pattern of the master, or what is kept of it (rows x columns, 1 or 0).

    Raises Problem NO_CONTRAST if it is flat, PROGRAM_INVALID if the search takes too long.
    """
    region = settings.region
    pattern = np.ascontiguousarray(frame.view(region).gray)
    if spread_of(pattern, kept) < LEAST_SPREAD:
        raise Problem("NO_CONTRAST", "the locator's region shows nothing that could be found again")
    search = settings.search or Region(x=0, y=0, width=frame.width, height=frame.height)
    middle, coarse = _factors(region, search, settings)
    scaled = settings.scale_low < settings.scale_high
    wide = surrounded(frame, region, middle)
    sketch, level = (
        level_of(wide, middle, pattern.shape, scaled, most, kept)
        for most in (FEW_POINTS, MANY_POINTS)
    )
    between = middle
    while 2 * between <= ROUGH_SHARE * coarse:
        between *= 2
    rough = (
        level_of(
            surrounded(frame, region, between), between, pattern.shape, scaled, FEWEST_POINTS, kept
        )
        if between > middle
        else None
    )
    turns = turns_of(region, coarse, settings)
    whole = search.height + 2 * settings.beyond_px, search.width + 2 * settings.beyond_px
    finer = sorted({max(middle // 4, 1), 1}, reverse=True)
    grays = tuple(
        grays_of(reduced(pattern, factor), factor, pattern.shape, scaled, kept) for factor in finer
    )
    everywhere_ = coarse_of(pattern, turns, coarse, middle, level.dull, whole, kept)
    return TurnedPattern(
        everywhere_,
        rough,
        sketch,
        level,
        grays,
        likeness_of(pattern, middle, kept),
        None if scaled else ruler_of(frame, region, middle, kept, everywhere_),
    )


def spread_of(pattern: Pixels, kept: Pixels | None) -> float:
    """Standard deviation of the gray levels that are kept; 0 if none is."""
    chosen = pattern if kept is None else pattern[kept > 0]
    return float(chosen.std()) if chosen.size else 0.0


def find(
    frame: Frame,
    settings: Pattern,
    learned: TurnedPattern,
    round_too: bool = False,
    clear: float = CLEAR,
    share: float | None = None,
) -> Pose:
    """Where the centre of the pattern is, its turn and size; the score is how well the best four
    fifths of it are seen.

    The turned pattern may leave the search region by settings.beyond_px. With round_too any turn
    will do: a round pattern looks the same in all. Raises Problem PART_NOT_FOUND if the score is
    below settings.low, or the pattern is cut off, or turned or scaled further than allowed, or it
    is seen as well, but for `clear`, when turned otherwise, or there are two; REGION_INVALID if the
    search region leaves the frame. share: as when teaching, places are scored by that share of the
    pattern, and any other is too much.
    """
    search = settings.search or Region(x=0, y=0, width=frame.width, height=frame.height)
    if settings.region.width > search.width or settings.region.height > search.height:
        raise Problem("REGION_INVALID", "the pattern is larger than where to look for it")
    gray, level, rim = frame.view(search).gray, learned.level, settings.beyond_px
    if rim:
        gray = cv2.copyMakeBorder(gray, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
    images: dict[int, Pixels] = {1: gray}
    factors = {level.factor, *(grays.factor for grays in learned.grays)}
    for factor in sorted(factors | ({learned.rough.factor} if learned.rough else set())):
        finest = max(images)
        images[factor] = reduced(images[finest], factor // finest)
    slopes = gradients(images[level.factor])
    places = everywhere(doubled_of(slopes, gray.shape, learned.coarse), learned.coarse)
    if not len(places):
        raise Problem("PART_NOT_FOUND", "nothing like the pattern can be seen")
    region = settings.region
    known = told_apart(images, slopes, places, settings, learned, clear, share)
    # the score leaves out what is not seen: of two that are seen alike, one agrees in more
    best = max(known, key=lambda each: each[0])
    ordered = sorted(known, key=lambda each: each is not best)
    placed = [_pose(pose, score, search.x - rim, search.y - rim) for _, score, pose in ordered]
    score, pose = best[1:]
    angle_deg, size = placed[0].angle_deg, placed[0].scale
    if not score >= settings.low:
        raise Problem(
            "PART_NOT_FOUND", f"the best score is {score:.2f}, the least is {settings.low:g}"
        )
    if not (round_too or abs(angle_deg) <= settings.angle_deg + SLACK_DEG):
        raise Problem(
            "PART_NOT_FOUND",
            f"the part is turned by {angle_deg:.1f} degrees, the most is {settings.angle_deg:g}",
        )
    if not settings.scale_low - SLACK_SIZE <= size <= settings.scale_high + SLACK_SIZE:
        raise Problem("PART_NOT_FOUND", f"the part has {size:.3f} of the master's size")
    if not round_too:
        _check_turn(best, known, region, clear)
    if learned.ruler is not None:
        check_size(gray, slopes, learned.ruler, pose, score)
    at = corners(pose, (settings.region.height, settings.region.width))
    if (
        at.min() < -SLACK_PX
        or (at.max(axis=0) > (gray.shape[1] - 1 + SLACK_PX, gray.shape[0] - 1 + SLACK_PX)).any()
    ):
        raise Problem("PART_NOT_FOUND", "the part is cut off by the border of the search region")
    return single(placed, settings, share is not None or settings.covered)


def next_best(frame: Frame, settings: Pattern, learned: TurnedPattern) -> Pose | None:
    """The other place in the master that is most alike, with its score by all of the pattern; None
    if nothing there is like it."""
    anything = settings.model_copy(update={"low": LEAST_LIKE, "alone": True})
    try:
        find(frame, anything, learned, share=1.0)
    except Problem as problem:
        places: tuple[Pose, ...] = problem.details.get("places", ())
        return places[1] if places else None
    return None


def _check_turn(best: Known, known: list[Known], region: Region, clear: float) -> None:
    """Raises Problem PART_NOT_FOUND if the part is seen nearly as well at the same place, but
    turned otherwise."""
    for other in known:
        turn = abs(math.remainder(float(other[2][0, 2] - best[2][0, 2]), math.tau))
        if (
            same_place(best[2], other[2], region)
            and turn > OTHER_TURN
            and other[0] > best[0] - clear
        ):
            said = f"turned by {math.degrees(turn):.0f} degrees it looks nearly the same"
            raise Problem("PART_NOT_FOUND", said, turned=other[2])


def check_symmetry(
    frame: Frame, settings: Pattern, learned: TurnedPattern, kept: Pixels | None = None
) -> None:
    """Raises Problem NO_CONTRAST if the master's pattern (what is kept) looks the same at another
    turn that is looked for."""
    region = settings.region
    near = settings.model_copy(update={"search": None, "alone": False})
    try:
        find(frame, near, learned, clear=2.0)
    except Problem as problem:
        if "turned" not in problem.details:
            return
        x, y, turn, size = problem.details["turned"][0].tolist()
        c, s = size * math.cos(turn), size * math.sin(turn)
        u, v = (region.width - 1) / 2, (region.height - 1) / 2
        matrix = np.array([[c, -s, x - c * u + s * v], [s, c, y - s * u - c * v]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        other: Any = cv2.warpAffine(frame.gray, matrix, (region.width, region.height), flags=flags)
        own: Any = frame.view(region).gray
        rim = math.ceil(0.1 * min(region.width, region.height))
        differs = own.astype(np.float32) - other
        apart = cv2.blur(differs if kept is None else differs * kept, (SPOT_PX, SPOT_PX))[
            rim:-rim, rim:-rim
        ]
        if float(np.abs(apart).max()) < SPOT:
            raise Problem(
                "NO_CONTRAST",
                f"the locator's region is symmetrical: {problem.message.partition(': ')[2]}",
            ) from None


def _pose(pose: Poses, score: float, left: int, top: int) -> Pose:
    x, y, turn, size = (float(value) for value in pose[0])
    turned = math.degrees(math.remainder(turn, math.tau))
    return Pose(x=x + left, y=y + top, angle_deg=turned, scale=size, score=score)


def _factors(region: Region, search: Region, settings: Pattern) -> tuple[int, int]:
    """Px of the frame per px of the middle and of the coarse level. Raises Problem PROGRAM_INVALID
    if the search is too long."""
    area, side = region.width * region.height, min(region.width, region.height)
    middle = 1
    while (middle == 1 or area / middle**2 > MIDDLE_PX) and side / (2 * middle) >= MIDDLE_SIDE:
        middle *= 2

    def products(factor: int) -> float:
        return len(turns_of(region, factor, settings)) * search.width * search.height / factor**2

    coarse = max(middle, math.ceil(math.sqrt(area / COARSE_PX)))
    while (coarse < LEAST_COARSE or products(coarse) > PRODUCTS) and side / (
        coarse + 1
    ) >= LEAST_SIDE:
        coarse += 1
    whole = math.ceil(coarse / middle) * middle  # such means are faster to take
    coarse = whole if side / whole >= LEAST_SIDE else coarse
    if products(coarse) > MOST_PRODUCTS:
        raise Problem(
            "PROGRAM_INVALID",
            "search: too large for so small a pattern; narrow search, angle_deg or the scale",
        )
    return middle, coarse
