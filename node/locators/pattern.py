"""Finds the master's pattern again: normalised correlation from coarse to fine, then to a fraction
of a pixel.

This is the way for parts that are only shifted; those that may be turned or scaled are left to
`turned`.

The search region is halved again and again (mean of 2 x 2 px) until the pattern is just large
enough to be told from clutter; there it is searched everywhere, and only the best few places are
followed down to full resolution. The correlation is blind to brightness and contrast (J. P. Lewis
1995, Fast normalized cross-correlation). What is found is moved to where the least squares fit of
the pattern, its gain and its offset lie (B. Lucas, T. Kanade 1981), for a parabola through three
correlations is off by up to 0.1 px on sharp edges. All this is done on a smoothed picture: what is
finer than some 2 px looks different each time it falls otherwise on the camera's pixels.

Of the places that lie apart the one where most of the pattern is seen wins (`fitted.seen`): a
correlation falls with every shadow, and rises with every likeness in large. Where none is good
enough, light and what covers the part may have hidden it from the correlation, and it is looked for
by its gradients (`turned`). So is a pattern that was taught: a correlation is of all of it,
gradients are of what is kept.

One file: the coarse place, the fine one and its refusals are steps of one search.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame, Pixels
from node.vision.patterns import fixed, turned
from node.vision.patterns.alone import CLOSE, HALF, single
from node.vision.patterns.pyramid import LEAST_SPREAD, correlation, halved, keeps
from node.vision.patterns.sizes import SURE, Ruler, check_size, ruler_of
from node.vision.patterns.turned_fit import (
    Likeness,
    gradients,
    likeness_of,
    reduced,
    seen,
)
from schemas import Pattern, Pose, Problem, Region

LEAST_SIDE = 10  # px of the coarsest pattern
# correlation of the coarse pattern with itself half a coarse px away: the worst case of a search
LEAST_AGREEMENT = 0.7
FOLLOWED = 8  # places followed down from the coarsest level, half as many at each level, at least 2
LAGGING = 0.2  # a place whose correlation is so far behind the best of its level is given up
STAINED = 0.9  # the same for one that lies apart: another part, which something covers
OTHERS = 1  # places followed to the end besides the best one: other parts, if there are any
# of the best score, to the nearest px: from here on another place is looked at closely
ROUGH = 0.6
# of the pattern where it is compared: most px, least px of the shorter side
SEEN_PX, SEEN_SIDE = 10_000, 20
# score of another place in the master that is refused, by what is looked for in a part
TAUGHT = 0.85
TAUGHT_WHOLE = 0.7  # the same by all of the pattern
ONCE = "choose what is there once, narrow the search, or set alone to false if neighbours are meant"
# a part that is a little turned or bent is seen badly, but correlates: this much less is as good as
# `seen`
IN_LARGE = 0.15
SMALL = 24  # px of a side: in less, the windows of `seen` say too little, and all of it must agree
SMOOTH_PX = 1.0  # sigma: a camera's fine textures change when they move by half a px (aliasing)
RIM = 4  # px of the surroundings that smoothing needs
STEPS = 4  # of the least squares fit; it mostly ends after 2
MOST_MOVED = 1.5  # px
REACH = 4  # px to each side that the interpolation needs when it moves an image by less than 2 px
# weights of 6 px by powers of the fraction
LAGRANGE = np.linalg.inv(np.vander(np.arange(-2, 4), increasing=True)).T


@dataclass(frozen=True, eq=False)
class PatternLearned:
    """The pattern. levels: from full resolution to the coarsest; unit: its pixels with mean 0 and
    length 1, flat.

    fit: 3 x pixels; times a patch it gives the patch's gain and the gain times its shift to the
    left and up. like: what the score compares with. ruler: to see that the size is the master's.
    rescue: how it is looked for by its gradients where this does not find it.
    """

    levels: tuple[Pixels, ...]
    fit: NDArray[np.float32]
    like: Likeness
    ruler: Ruler
    rescue: turned.TurnedPattern | None


def learn(
    frame: Frame, settings: Pattern, round_too: bool = False, kept: Pixels | None = None
) -> PatternLearned | turned.TurnedPattern:
    """The pattern of the master; with round_too its turn need not be told; kept: which of its
    pixels count, None for all.

    Raises Problem NO_CONTRAST if it is flat or does not fix the place, REGION_INVALID if it leaves
    the frame.
    """
    if (
        kept is not None
        and min(settings.region.width, settings.region.height) < turned.LEAST_REGION
    ):
        raise Problem(
            "NO_CONTRAST",
            f"a region below {turned.LEAST_REGION} px is too small to leave anything out of it",
        )
    if not settings.shift_only or kept is not None:
        turnable = turned.learn(frame, settings, kept)
        turns = settings.angle_deg > 0 and not round_too
        fixed.check(frame, settings.region, turns, settings.scale_low < settings.scale_high, kept)
        if not (round_too or settings.shift_only):
            turned.check_symmetry(frame, settings, turnable, kept)
        _check_master(
            settings, lambda told, share: turned.find(frame, told, turnable, round_too, share=share)
        )
        return turnable
    pattern = _smoothed(frame, settings.region)
    if float(pattern.std()) < LEAST_SPREAD:
        raise Problem("NO_CONTRAST", "the locator's region shows nothing that could be found again")
    fixed.check(frame, settings.region)
    levels = [pattern]
    while min(levels[-1].shape) >= 2 * LEAST_SIDE and keeps(pattern, len(levels), LEAST_AGREEMENT):
        levels.append(halved(levels[-1]))
    smooth = pattern.astype(np.float32)
    columns = [smooth, *np.gradient(smooth)[::-1], np.ones_like(smooth)]
    system = np.stack([column.ravel() for column in columns]).astype(np.float64)
    fit = np.linalg.solve(system @ system.T + 1e-3 * np.eye(4), system)[:3]
    factor = 1
    while (
        pattern.size / factor**2 > SEEN_PX / (4 if factor == 1 else 1)
        and min(pattern.shape) / (2 * factor) >= SEEN_SIDE
    ):
        factor *= 2
    like = likeness_of(np.ascontiguousarray(frame.view(settings.region).gray), factor)
    try:
        rescue = (
            turned.learn(frame, settings) if min(pattern.shape) >= turned.LEAST_REGION else None
        )
    except Problem:  # that would take too long
        rescue = None
    made = PatternLearned(
        tuple(levels),
        np.ascontiguousarray(fit, np.float32),
        like,
        ruler_of(frame, settings.region, factor, None, rescue.coarse if rescue else None),
        rescue,
    )
    _check_master(
        settings,
        lambda told, share: _only(_placed(frame, told, made, share), frame, told, made, True),
    )
    if rescue is not None:
        _check_master(settings, lambda told, share: turned.find(frame, told, rescue, share=share))
    return made


def _check_master(settings: Pattern, find: Callable[[Pattern, float], Pose]) -> None:
    """Raises Problem NO_CONTRAST, with both places, if the pattern is seen elsewhere in the master
    too.

    There nothing covers a place, so all of the pattern counts (a line is much of a crossing, but
    not all); and nearly all of what is looked for in a part must not be there twice.
    """
    if not settings.alone:
        return
    told = "the locator's region must be found in the master once"
    # of two places that are half seen either may be the part
    half = min(TAUGHT, settings.low) if settings.covered else TAUGHT
    for share, score in ((settings.seen_low, half), (1.0, TAUGHT_WHOLE)):
        try:
            find(settings.model_copy(update={"low": score}), share)
        except Problem as problem:
            if problem.code != "PART_NOT_FOUND":
                raise
            raise Problem(
                "NO_CONTRAST", f"{told}: {problem.message.partition(': ')[2]}; {ONCE}"
            ) from problem


def origin(settings: Pattern, _learned: Any) -> tuple[float, float]:
    """The point of the master that a pose locates: the centre of the pattern."""
    return settings.region.centre


def find(frame: Frame, settings: Pattern, learned: PatternLearned | turned.TurnedPattern) -> Pose:
    """Where the centre of the pattern is; the score is how well the best seven tenths of it are
    seen; never a guess.

    The pattern may leave the search region by settings.beyond_px. Raises Problem PART_NOT_FOUND if
    no place reaches settings.low, or the best one is not a peak (the pattern is cut off), or there
    are two; REGION_INVALID if the search region leaves the frame.
    """
    if isinstance(learned, turned.TurnedPattern):
        pose = turned.find(frame, settings, learned)
        return _shifted(pose) if settings.shift_only else pose
    try:
        if not (settings.covered and learned.rescue):  # a correlation is of all of the pattern
            return _only(_placed(frame, settings, learned), frame, settings, learned)
    except Problem as problem:
        seen_well = any(pose.score >= CLOSE for pose in problem.details.get("places", ()))
        if learned.rescue is None or problem.code != "PART_NOT_FOUND" or seen_well:
            raise
    return _shifted(turned.find(frame, settings, learned.rescue))


def _shifted(pose: Pose) -> Pose:
    return pose.model_copy(update={"angle_deg": 0.0, "scale": 1.0})


def _only(
    poses: list[Pose],
    frame: Frame,
    settings: Pattern,
    learned: PatternLearned,
    taught: bool = False,
) -> Pose:
    if not poses:
        raise Problem("PART_NOT_FOUND", "nothing like the whole pattern can be seen")
    search = settings.search or Region(x=0, y=0, width=frame.width, height=frame.height)
    rows, columns = learned.levels[0].shape
    x, y, score = poses[0].x - (columns - 1) / 2, poses[0].y - (rows - 1) / 2, poses[0].score
    right, bottom = search.right - columns, search.bottom - rows
    if not (search.x - 0.5 <= x <= right + 0.5 and search.y - 0.5 <= y <= bottom + 0.5):
        raise Problem("PART_NOT_FOUND", "the part is cut off by the border of the search region")
    if not score >= settings.low:
        raise Problem(
            "PART_NOT_FOUND", f"the best score is {score:.2f}, the least is {settings.low:g}"
        )
    if score < SURE:
        _check_size(frame, poses[0], learned)
    return single(poses, settings, taught)


def _check_size(frame: Frame, pose: Pose, learned: PatternLearned) -> None:
    """Raises Problem PART_NOT_FOUND if what was found has another size than the master."""
    rows, columns = learned.levels[0].shape
    left, top = (max(round(at - side), 0) for at, side in ((pose.x, columns), (pose.y, rows)))
    near = np.ascontiguousarray(frame.gray[top : top + 2 * rows, left : left + 2 * columns])
    factor = learned.ruler.points.factor
    at = np.array([[pose.x - left, pose.y - top, 0.0, 1.0]])
    check_size(near, gradients(reduced(near, factor)), learned.ruler, at, pose.score)


def _placed(
    frame: Frame, settings: Pattern, learned: PatternLearned, share: float | None = None
) -> list[Pose]:
    """Where the pattern may be, best first: the best place and others that lie apart from it and
    are nearly as good.

    Raises Problem REGION_INVALID if the search region leaves the frame, or is smaller than the
    pattern.
    """
    search = settings.search or Region(x=0, y=0, width=frame.width, height=frame.height)
    rows, columns = learned.levels[0].shape
    share = share or settings.seen_low
    if columns > search.width or rows > search.height:
        raise Problem(
            "REGION_INVALID",
            f"the pattern of {columns} x {rows} px is larger than where to look for it",
        )
    images = [_smoothed(frame, search)]
    while len(images) < len(learned.levels):
        images.append(halved(images[-1]))
    places = _everywhere(images[-1], learned.levels[-1])
    for level in range(len(images) - 2, -1, -1):
        kept = max(2, FOLLOWED >> (len(images) - 1 - level))
        peaks = _followed(images[level], learned.levels[level], [(2 * x, 2 * y) for x, y in places])
        best = next(iter(peaks.values()), 0.0)
        near = [place for place, score in peaks.items() if score >= best - LAGGING][:kept]
        others = _apart(
            [place for place, score in peaks.items() if score >= best - STAINED],
            learned.levels[level].shape,
        )
        places = near + [place for place in others[: 1 + OTHERS] if place not in near]
    placed = _apart(places, (rows, columns))[: 1 + OTHERS]
    poses = [
        pose
        for pose in (_pose(images[0], frame, search, learned, place, share) for place in placed[:1])
        if pose is not None
    ]
    gray = frame.view(search).gray
    for x, y in placed[1:]:  # to the nearest px only: mostly it is just clutter
        at = x + (columns - 1) / 2, y + (rows - 1) / 2
        rough = min(seen(gray, learned.like, np.array([[*at, 0.0, 1.0]])))
        if not poses or rough >= ROUGH * poses[0].score:
            pose = _pose(images[0], frame, search, learned, (x, y), share)
            if pose is not None:
                poses.append(pose)
    return sorted(poses, key=lambda pose: -pose.score)


def _pose(
    smooth: Pixels,
    frame: Frame,
    search: Region,
    learned: PatternLearned,
    place: tuple[int, int],
    share: float,
) -> Pose | None:
    """The pose near a place of the search region, with its score; None if it is not a peak."""
    refined = _refined(smooth, learned, *place)
    if refined is None:
        return None
    rows, columns = learned.levels[0].shape
    x, y = refined[0] + (columns - 1) / 2, refined[1] + (rows - 1) / 2
    score = min(
        *seen(frame.view(search).gray, learned.like, np.array([[x, y, 0.0, 1.0]]), share), 1.0
    )
    score = (
        min(score, refined[2]) if min(rows, columns) < SMALL else max(score, refined[2] - IN_LARGE)
    )
    return Pose(x=x + search.x, y=y + search.y, score=score)


def _smoothed(frame: Frame, region: Region) -> Pixels:
    """The region without what is too fine to bear a shift. Raises Problem REGION_INVALID if it
    leaves the frame."""
    frame.view(region)
    left, top = max(region.x - RIM, 0), max(region.y - RIM, 0)
    smooth: Any = cv2.GaussianBlur(
        frame.gray[top : region.bottom + RIM, left : region.right + RIM], (0, 0), SMOOTH_PX
    )
    return np.ascontiguousarray(
        smooth[region.y - top :, region.x - left :][: region.height, : region.width]
    )


def _everywhere(image: Pixels, pattern: Pixels) -> list[tuple[int, int]]:
    """The best peaks in the whole image as (x, y), best first."""
    scores = correlation(image, pattern)
    y, x = np.nonzero((scores >= cv2.dilate(scores, np.ones((3, 3), np.uint8))) & (scores > 0))
    best = np.argsort(scores[y, x])[::-1][:FOLLOWED]
    return list(zip(x[best].tolist(), y[best].tolist(), strict=True))


def _followed(
    image: Pixels, pattern: Pixels, places: list[tuple[int, int]]
) -> dict[tuple[int, int], float]:
    """The best peak within 2 px of each place, or beyond while it still rises, and the correlation
    there; best first."""
    rows, columns = pattern.shape
    peaks: dict[tuple[int, int], float] = {}
    for x, y in places:
        for _ in range(3):
            left, top = max(x - 2, 0), max(y - 2, 0)
            scores = correlation(image[top : y + rows + 2, left : x + columns + 2], pattern)
            _, score, _, (dx, dy) = cv2.minMaxLoc(scores)
            moved = abs(left + dx - x), abs(top + dy - y)
            x, y = left + dx, top + dy
            if max(moved) < 2:
                break
        peaks[x, y] = score
    return dict(sorted(peaks.items(), key=lambda each: -each[1]))


def _apart(places: list[tuple[int, int]], shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Those of the places, best first, that overlap by less than half with all better ones."""
    kept: list[tuple[int, int]] = []
    for x, y in places:
        if all(
            max(1 - abs(x - u) / shape[1], 0) * max(1 - abs(y - v) / shape[0], 0) < HALF
            for u, v in kept
        ):
            kept.append((x, y))
    return kept


def _refined(
    gray: Pixels, learned: PatternLearned, x: int, y: int
) -> tuple[float, float, float] | None:
    """The left top corner to a fraction of a px near (x, y), and the correlation there; None if it
    is no peak."""
    rows, columns = learned.levels[0].shape
    top, left = max(y - REACH, 0), max(x - REACH, 0)
    around = gray[top : y + rows + REACH, left : x + columns + REACH]
    dx = dy = 0.0
    for _ in range(STEPS):
        moved = cv2.sepFilter2D(
            around, cv2.CV_32F, _taps(dx), _taps(dy), borderType=cv2.BORDER_REPLICATE
        )
        patch = moved[y - top : y - top + rows, x - left : x - left + columns].ravel()
        gain, right, down = (learned.fit @ patch).tolist()
        if not gain > 0:
            return None
        dx, dy = dx - right / gain, dy - down / gain
        if not max(abs(dx), abs(dy)) <= MOST_MOVED:
            return None
        if max(abs(right), abs(down)) < 0.02 * gain:
            break
    there = patch.reshape(rows, columns)
    return x + dx, y + dy, float(correlation(there, learned.levels[0].astype(np.float32))[0, 0])


def _taps(shift: float) -> NDArray[np.float64]:
    """Weights that take an image from `shift` px further right or down, exact for polynomials of
    degree 5 (Lagrange)."""
    whole = math.floor(shift)
    taps = np.zeros(2 * REACH + 1)
    taps[whole - 2 + REACH : whole + 4 + REACH] = LAGRANGE @ (shift - whole) ** np.arange(6)
    return taps
