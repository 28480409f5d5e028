"""Edges to a fraction of a px: where the gray level steps along the scans of a region.

A strip is the region sampled with the scan to the right and its rows sheared until the edges stand
upright in it, so that a mean over many rows keeps a slanted edge sharp. Steps are found as peaks of
the gradient smoothed by a Gaussian (J. Canny 1986), and each is then placed by a least squares fit
of a blurred step, integrated over the pixel as a sensor does it: the blur is fitted too, so that
sharp, soft and slanted edges all come out without bias and close to what the noise allows (the fit
is the maximum likelihood estimate for white noise; compare F. Devernay 1995, C. Steger 1998).

One file: a strip, its profile and its edges are steps of one measurement, each used by the next.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.calibration import Flat
from node.frame import View
from node.measurement import Feature, Given, Mark
from node.vision.edges.fit import circle
from node.vision.edges.half import stays
from node.vision.edges.steps import alone, together
from node.vision.light import noisy
from schemas import Problem
from schemas.tools.caliper import CaliperTool, Polarity, ScanTool

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SIGNS = {"dark_to_light": 1, "light_to_dark": -1, "any": 0}
WORDS = {1: "dark to light", -1: "light to dark", 0: "of either polarity"}
REACH = 16  # px to each side of a peak in which its width is looked for
MOST_SLANT = 1.0  # columns per row
LEAST_ROWS = 0.25  # share of the rows that must count for a column to count
PIXEL = 0.29  # sigma of a pixel, as a blur
TOGETHER = 6.0  # sigmas of the blur: edges nearer to each other are fitted together
LEAST_TOGETHER_PX, LEAST_NEAR_PX = 4.0, 3.0  # the blur of thin lines may seem less than it is
SOFTER = 2.5  # sigmas of a softer one's blur, from which on it is a slope beside the edge
NEAR = 4.0  # and those nearer than this may not be known well enough
BESIDE = 0.25  # of an edge's strength: a weaker one beside it does not pull it
MOST_TOGETHER = 24  # edges in one fit
ASIDE = 3.0  # px
UNKNOWN = 1e4  # px^2, of a place that is not known at all
# px, and of the blur or the smoothing: an edge needs this much of the region on either side
ROOM_PX, ROOM = 1.4, 1.3
MOST_UNSURE_PX = 0.025  # sigma, above which a place or a width is no value
WHITE, BLACK = 254.9, 0.1  # gray levels of a mean over rows: nearly all of them are clipped
MOST_BURNT = 0.5  # share of the scans of a line or a circle: the others say where it lies
BESIDE_BLURS, BESIDE_PX = 2.5, 2.0  # a clipped side this near to an edge moves it


@dataclass(frozen=True, eq=False)
class Strip:
    """A region for scanning to the right: gray levels and which of them count (height x width),
    times `matrix` in the frame."""

    gray: Any
    counts: Flags | None
    matrix: Floats

    @property
    def middle(self) -> float:
        """The row in the middle."""
        return float(self.gray.shape[0] - 1) / 2

    @property
    def along(self) -> Floats:
        """Direction of the edges in the frame, as long as a row is high."""
        return self.matrix[:, 1]

    def to_frame(self, x: Floats, y: Floats | float) -> Floats:
        """Points of the strip as points of the frame, n x 2."""
        points = np.stack([x, np.broadcast_to(y, np.shape(x))], axis=1)
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of one or many scans: which scan, where along it in px, steps up (+) or down (-) in
    gray levels, blur in px.

    covariance: of the places of those that have a near one and were fitted with it, n x n in px^2;
    0 for all others, and infinite for those that the region's border cuts off: where half of an
    edge is seen, many places explain it. burnt: which have a side that is white or black.
    """

    scan: NDArray[np.intp]
    at: Floats
    step: Floats
    blur: Floats
    covariance: Floats
    burnt: Flags

    def __len__(self) -> int:
        return len(self.at)

    def only(self, chosen: Any) -> "Edges":
        """Those of an index or mask."""
        covariance = self.covariance[chosen][:, chosen]
        return Edges(
            self.scan[chosen],
            self.at[chosen],
            self.step[chosen],
            self.blur[chosen],
            covariance,
            self.burnt[chosen],
        )

    def unsure(self, weights: Floats) -> float:
        """Sigma of the weighted sum of the places in px: how little is known of it because edges
        are near to each other."""
        used = np.flatnonzero(weights)
        part = self.covariance[np.ix_(used, used)]
        return math.sqrt(max(float(weights[used] @ part @ weights[used]), 0.0))

    @property
    def cut(self) -> Flags:
        """Which of them the border of the region cuts off."""
        return np.isinf(np.diag(self.covariance))


def strip(view: View, settings: ScanTool, rows: int | None = None) -> Strip:
    """The region of a tool that scans; its edges are stood upright if they lean over that many rows
    (None: all)."""
    down = settings.scan == "down"
    mask = None if view.mask is None else view.mask.T > 0 if down else view.mask > 0
    # other tools that scan the same view need the same
    made = view.once if mask is None else lambda _, make: make()
    straight = (
        Strip(view.gray.T, mask, view.matrix[:, [1, 0, 2]])
        if down
        else Strip(view.gray, mask, view.matrix)
    )
    slant = made(
        f"slant {settings.scan}",
        lambda: _slant([g.T for g in view.gradients[::-1]] if down else view.gradients, mask),
    )
    if abs(slant) * (rows or straight.gray.shape[0]) < 0.5:
        return straight

    def leaned() -> Strip:
        upright = sheared(view, straight, slant)
        # the gradient's direction is exact only close to upright: at 20 degrees it is wrong by a
        # degree, so look again
        blurred = cv2.GaussianBlur(upright.gray, (3, 3), 0)
        return sheared(view, straight, slant + _slant(cv2.spatialGradient(blurred), upright.counts))

    return made(f"upright {settings.scan}", leaned)  # type: ignore[no-any-return]


def sheared(view: View, straight: Strip, slant: float) -> Strip:
    """The strip with its rows moved by `slant` columns each, about the middle row; what came in
    from outside does not count."""
    height, width = straight.gray.shape
    shear = np.array([[1.0, slant, -slant * straight.middle], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    matrix = straight.matrix @ shear
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    gray = cv2.warpAffine(
        view.frame.gray, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    x = np.arange(width) + slant * (np.arange(height)[:, None] - straight.middle)
    counts = (x >= 0) & (x <= width - 1)
    if straight.counts is not None:
        counts &= np.take_along_axis(
            straight.counts, np.clip(np.rint(x), 0, width - 1).astype(np.intp), axis=1
        )
    return Strip(gray, counts, matrix)


def _slant(gradients: Any, counts: Flags | None) -> float:
    """Columns by which the edges move to the right from one row to the next: least squares over the
    steep pixels."""
    # not the single px: noise would pull the slant to 0
    gx, gy = (
        cv2.boxFilter(np.ascontiguousarray(gradient), cv2.CV_32F, (5, 5)) for gradient in gradients
    )
    steep = np.abs(gx)
    usable = steep > np.abs(gy)
    if counts is not None:
        usable &= counts
    if not usable.any():
        return 0.0
    usable &= steep > 0.5 * float(steep[usable].max())
    gx, gy = gx[usable], gy[usable]
    energy = float(gx @ gx)
    slant = -float(gx @ gy) / energy if energy > 0 else 0.0
    return slant if abs(slant) <= MOST_SLANT else 0.0


def bands(strip: Strip, height: int) -> tuple[Floats, Flags, Floats]:
    """Means of every `height` rows, which columns count in them, and their middle rows; rows left
    over at the end are dropped."""
    height = min(height, strip.gray.shape[0])
    count = strip.gray.shape[0] // height
    rows = slice(0, count * height)
    columns = strip.gray.shape[1]
    gray = strip.gray[rows].reshape(count, height, columns)
    middles = np.arange(count) * height + (height - 1) / 2
    if strip.counts is None:
        return gray.mean(axis=1, dtype=np.float64), np.ones((count, columns), bool), middles
    counts = strip.counts[rows].reshape(count, height, columns)
    number = counts.sum(axis=1)
    total = (gray * counts).sum(axis=1, dtype=np.float64)
    enough = number >= max(1.0, LEAST_ROWS * height)
    return _bridged(total / np.maximum(number, 1), enough), enough, middles


def profile(strip: Strip) -> tuple[Floats, Flags]:
    """Mean over all rows and which columns count, 1 x width each."""
    if strip.counts is None:
        return cv2.reduce(strip.gray, 0, cv2.REDUCE_AVG, dtype=cv2.CV_64F), np.ones(
            (1, strip.gray.shape[1]), bool
        )
    values, counts, _ = bands(strip, strip.gray.shape[0])
    return values, counts


def _bridged(values: Floats, counts: Flags) -> Floats:
    """Fills in what does not count from both sides, so that it makes no step of its own."""
    columns = np.arange(values.shape[1])
    for row in np.nonzero(~counts.all(axis=1))[0]:
        if counts[row].any():
            values[row] = np.interp(columns, columns[counts[row]], values[row, counts[row]])
        else:
            values[row] = 0
    return values


@lru_cache(maxsize=64)
def _kernel(sigma: float) -> Floats:
    """Derivative of a Gaussian, scaled so that a sharp step of C gray levels peaks at C."""
    reach = math.ceil(4 * sigma)
    x = np.arange(-reach, reach + 1)
    weights = x * np.exp(-0.5 * (x / sigma) ** 2)
    return (weights / (weights @ x) * math.sqrt(2 * math.pi * (sigma**2 + 1 / 12)))[None, :]


def strength_of(values: Floats, smoothing_px: float) -> Floats:
    """The gradient at each place, as the contrast of a sharp step there."""
    return np.asarray(
        cv2.filter2D(values, cv2.CV_64F, _kernel(smoothing_px), borderType=cv2.BORDER_REPLICATE),
        float,
    )


def _peaks(strength: Floats, counts: Flags, low: float) -> Flags:
    """Where the strength is greatest among its neighbours, counts, and is at least `low`; never the
    first or last column."""
    peaks = np.zeros(strength.shape, bool)
    if strength.shape[1] >= 3:
        inner = strength[:, 1:-1]
        peaks[:, 1:-1] = (inner >= low) & (inner >= strength[:, :-2]) & (inner > strength[:, 2:])
        peaks[:, 1:-1] &= counts[:, 1:-1] & counts[:, :-2] & counts[:, 2:]
    return peaks


def every(values: Floats, counts: Flags, settings: CaliperTool, alone: bool = False) -> Edges:
    """All edges of one scan (1 x width), in order; those near to each other fitted together, or
    each alone."""
    strength = strength_of(values, settings.smoothing_px)
    columns: list[int] = []
    signs: list[int] = []
    least = max(BESIDE * settings.contrast_low, 6 * float(np.median(np.abs(strength))))
    for sign in (1, -1):
        along = sign * strength[0]
        kept: list[int] = []
        for column in np.nonzero(
            _peaks(along[None, :], counts, min(least, settings.contrast_low))[0]
        )[0].tolist():
            # one soft edge
            if kept and along[kept[-1] : column + 1].min() > 0.5 * min(
                along[kept[-1]], along[column]
            ):
                kept[-1] = max(kept[-1], column, key=lambda place: float(along[place]))
            else:
                kept.append(column)
        columns += kept
        signs += [sign] * len(kept)
    order = np.argsort(columns)
    places, steps = np.array(columns, np.intp)[order], np.array(signs, float)[order]
    strong = np.abs(strength[0, places]) >= settings.contrast_low
    beside = strong | _beside(places, np.abs(strength[0, places]), strong)
    places, steps, strong = places[beside], steps[beside], strong[beside]
    edges = placed(
        values,
        counts,
        strength,
        np.zeros(len(places), np.intp),
        places,
        steps,
        settings.smoothing_px,
    )
    edges = edges.only(strong) if alone else _settled(values[0], counts[0], edges, strong)
    return edges.only(np.argsort(edges.at, kind="stable"))


def _beside(columns: Any, strength: Floats, strong: Flags) -> Flags:
    """Weak edges that lie near a strong one and are not too weak to pull it."""
    apart = np.abs(columns[:, None] - columns[strong][None])
    return np.asarray(
        ((apart <= REACH) & (strength[:, None] >= BESIDE * strength[strong][None])).any(axis=1)
    )


def _apart(values: Floats, counts: Flags, edges: Edges, strong: Flags) -> Edges:
    """The edges, those that are near to each other placed together."""
    sigma = np.hypot(edges.blur, PIXEL)
    apart = np.diff(edges.at) >= np.maximum(
        TOGETHER * np.maximum(sigma[:-1], sigma[1:]), LEAST_TOGETHER_PX
    )
    if apart.all():
        return edges
    at, step, blur, covariance = (
        array.copy() for array in (edges.at, edges.step, edges.blur, edges.covariance)
    )
    starts = np.flatnonzero(np.concatenate([[True], apart])).tolist()
    for first, end in zip(starts, [*starts[1:], len(at)], strict=True):
        for start, stop in _parts(first, end) if end - first > 1 else ():
            group = slice(max(start - 1, first), min(stop + 1, end))
            if not strong[start:stop].any():
                continue
            left, right = _window(edges.at, group, len(values))
            seen, weights = values[left:right], counts[left:right].astype(float)
            joint = together(
                seen, weights, edges.at[group] - left, float(np.median(edges.blur[group]))
            )
            mine = slice(start - group.start, stop - group.start)
            own = covariance[start:stop, start:stop]
            if joint is None:
                np.fill_diagonal(own, UNKNOWN)
                continue
            gaps = np.concatenate([[math.inf], np.diff(joint.at), [math.inf]])
            near = np.minimum(gaps[:-1], gaps[1:])[mine] < max(
                NEAR * math.hypot(joint.blur, PIXEL), LEAST_NEAR_PX
            )
            own[:] = np.where(near[:, None] & near, joint.covariance[mine, mine], 0)
            own[np.diag_indices(len(own))] += np.where(
                np.sign(joint.step[mine]) != np.sign(step[start:stop]), UNKNOWN, 0
            )
            sure = np.diag(own) <= 1.0  # else they stay where they seem to be
            for target, fitted in (
                (at, left + joint.at[mine]),
                (step, joint.step[mine]),
                (blur, joint.blur),
            ):
                target[start:stop] = np.where(sure, fitted, target[start:stop])
    return Edges(edges.scan, at, step, blur, covariance, edges.burnt)


def _settled(values: Floats, counts: Flags, single: Edges, strong: Flags) -> Edges:
    """The strong edges. Those that steps fitted together do not place stay where each is by itself
    if nothing is near it for its own blur, or at half of its depth if more blur leaves it there."""
    edges, free = _apart(values, counts, single, strong), _free(single)
    at, step, blur, covariance = (
        array.copy() for array in (edges.at, edges.step, edges.blur, edges.covariance)
    )
    unknown = strong & ~single.cut & (np.diag(covariance) > (MOST_UNSURE_PX / 2) ** 2)
    alone_, among = np.flatnonzero(unknown & free), np.flatnonzero(unknown & ~free)
    at[alone_], step[alone_], blur[alone_] = (
        whole[alone_] for whole in (single.at, single.step, single.blur)
    )
    halves = stays(values, counts, single.at[among], np.copysign(1.0, single.step[among]))
    placed_ = alone_.tolist()
    for number, edge in zip(among.tolist(), halves, strict=True):
        if edge is not None and abs(edge.at - float(single.at[number])) <= ASIDE:
            at[number], step[number], blur[number] = edge
            placed_.append(number)
    covariance[placed_], covariance[:, placed_] = 0, 0
    covariance[np.diag(single.cut)] = math.inf
    return Edges(edges.scan, at, step, blur, covariance, edges.burnt).only(strong)


def _free(edges: Edges) -> Flags:
    """Which edges have no other that reaches them: others may be softer, as shadows are."""
    sigma = np.hypot(edges.blur, PIXEL)
    reach = np.maximum(
        np.maximum(TOGETHER * sigma[:, None], SOFTER * sigma[None]), LEAST_TOGETHER_PX
    )
    near = np.abs(edges.at[:, None] - edges.at[None]) < reach
    return np.asarray(near.sum(axis=1) == 1)


def _window(at: Floats, group: slice, width: int) -> tuple[int, int]:
    """The first column, and the one after the last, that show a group of edges and none of its
    neighbours."""
    left, right = math.floor(at[group][0]) - REACH, math.ceil(at[group][-1]) + REACH
    if group.start > 0:
        left = max(left, math.ceil((at[group.start - 1] + at[group.start]) / 2))
    if group.stop < len(at):
        right = min(right, math.floor((at[group.stop - 1] + at[group.stop]) / 2))
    return max(left, 0), min(right, width - 1) + 1


def _parts(first: int, end: int) -> list[tuple[int, int]]:
    """A group of edges in parts that one fit takes."""
    if end - first <= MOST_TOGETHER:
        return [(first, end)]
    return [
        (start, min(start + MOST_TOGETHER - 2, end))
        for start in range(first, end, MOST_TOGETHER - 2)
    ]


def aside(
    values: Floats, counts: Flags, edges: Edges, settings: CaliperTool
) -> tuple[float, float]:
    """How far the edges of many scans lie from where they were found, because others are near them,
    and sigma of that; px.

    The scans are laid over each other at the edges, for a single one is too noisy to tell; 0 and 0
    if nothing is near.
    """
    # one of them, so that it is never between two heaps
    middle = np.sort(edges.at)[len(edges) // 2]
    chosen = np.abs(edges.at - middle) <= ASIDE
    at, scan, sign = edges.at[chosen], edges.scan[chosen], np.sign(edges.step[chosen].sum())
    near = max(TOGETHER * math.hypot(float(np.median(edges.blur)), PIXEL), LEAST_TOGETHER_PX)
    reach = REACH + math.ceil(near)
    x = (at[:, None] + np.arange(-reach, reach + 1)).astype(np.float32)
    y = np.repeat(scan[:, None].astype(np.float32), x.shape[1], axis=1)
    usable = cv2.remap(
        counts.view(np.uint8), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT
    )
    looked = cv2.remap(
        values.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    number = usable.sum(axis=0)
    mean = np.einsum("ij,ij->j", looked, usable)[None] / np.maximum(number, 1)
    enough = (number >= LEAST_ROWS * len(at))[None]
    strength = np.abs(strength_of(mean, settings.smoothing_px))
    beside = _peaks(strength, enough, BESIDE * float(strength[0, reach]))[
        0, reach - math.ceil(near) : reach + math.ceil(near) + 1
    ]
    if not enough[0, reach] or beside.sum() < 2:
        return 0.0, 0.0
    shown = every(_bridged(mean.astype(float), enough), enough, settings)
    like = shown.only(np.sign(shown.step) == sign)
    if len(like) == 0:
        return 0.0, 0.0
    place = int(np.abs(like.at - reach).argmin())
    shift, unsure = float(like.at[place]) - reach, math.sqrt(float(like.covariance[place, place]))
    return (shift if abs(shift) <= ASIDE else 0.0), unsure


def check_sure(unsure: float, what: str) -> None:
    """Raises Problem NO_VALUE if another edge, or the region's border, is so near an edge that its
    place is not known."""
    if math.isinf(unsure):
        raise Problem(
            "NO_VALUE",
            f"{what} lies at the border of the region, which cuts an edge off: draw it larger",
        )
    if unsure > MOST_UNSURE_PX:
        raise Problem(
            "NO_VALUE",
            f"{what} lies between edges too near to each other for this blur and noise: it is known"
            f" to {unsure:.2g} px, {MOST_UNSURE_PX:g} px (sigma) are needed",
        )


def clipped(view: View, edges: Edges, most: float = 0.0) -> bool:
    """Whether more than a share of the edges lie beside what is white or black, as a sensor shows
    it that was given too much light: the more light, the farther they move."""
    return float(edges.burnt.mean()) > most and noisy(view)


def check_lit(burnt: bool, what: str) -> None:
    """Raises Problem NO_VALUE if what was found is `clipped`."""
    if burnt:
        raise Problem(
            "NO_VALUE",
            f"{what} lies beside something burnt out or black, which moves its edges: less light"
            " or contrast, for black a higher black level in the camera",
        )


def one_each(
    values: Floats,
    counts: Flags,
    settings: CaliperTool,
    polarity: Polarity,
    which: str,
    rough: bool = False,
    whole: bool | Flags = False,
) -> Edges:
    """One edge of each scan (n x width) that has any: the first, last or strongest; if rough,
    placed by its peak alone, to 0.3 px.

    A scan whose edge the border of the region cuts off has none; if whole (of all scans, or of
    these), as for a form, Problem NO_VALUE is raised: what is left out might be what is wrong.
    """
    strength = strength_of(values, settings.smoothing_px)
    wanted = SIGNS[polarity]
    along = np.abs(strength) if wanted == 0 else wanted * strength
    peaks = _peaks(along, counts, settings.contrast_low)
    scans = np.nonzero(peaks.any(axis=1))[0]
    if which == "first":
        columns = peaks.argmax(axis=1)
    elif which == "last":
        columns = peaks.shape[1] - 1 - peaks[:, ::-1].argmax(axis=1)
    else:
        columns = np.where(peaks, along, 0).argmax(axis=1)
    columns = columns[scans]
    signs = np.sign(strength[scans, columns])
    edges = placed(values, counts, strength, scans, columns, signs, settings.smoothing_px, rough)
    cut = edges.cut & np.broadcast_to(whole, len(values))[edges.scan]
    if cut.any():
        raise Problem(
            "NO_VALUE",
            f"the border of the region cuts the edge off in {int(cut.sum())} scans: draw it larger",
        )
    return edges.only(~edges.cut)


def check_unbroken(due: Flags, edges: Edges, closed: bool) -> None:
    """Raises Problem NO_VALUE if two neighbouring scans in which a form's edge is due have none: a
    missing piece is no straight or round one. A single one is allowed: the median of three leaves
    it out. closed: the last scan is beside the first.
    """
    missing = due.copy()
    missing[edges.scan] = False
    pairs = missing & np.roll(missing, 1)
    if pairs[0 if closed else 1 :].any():
        raise Problem(
            "NO_VALUE",
            f"no edge shows in {int(missing.sum())} of {int(due.sum())} scans: draw the region"
            " larger, or ignore a known gap",
        )


def placed(
    values: Floats,
    counts: Flags,
    strength: Floats,
    scans: Any,
    columns: Any,
    signs: Floats,
    smoothing_px: float,
    rough: bool = False,
) -> Edges:
    """The peaks as edges, each fitted in a window as wide as its blur asks for and its neighbours
    allow."""
    if len(scans) == 0:
        none = np.zeros(0)
        return Edges(scans, none, none, none, np.zeros((0, 0)), none > 0)
    peak, before, after = (strength[scans, columns + beside] for beside in (0, -1, 1))
    curve = 2 * peak - before - after
    start = np.clip((after - before) / 2 / np.where(curve == 0, np.inf, curve), -0.5, 0.5)
    if rough:
        n = len(scans)
        return Edges(scans, columns + start, peak, np.zeros(n), np.zeros((n, n)), np.zeros(n, bool))
    width = values.shape[1]
    offsets = np.arange(-REACH, REACH + 1)
    around = columns[:, None] + offsets
    inside = np.clip(around, 0, width - 1)
    lobe = strength[scans[:, None], inside] / peak[:, None]
    noise = np.median(np.abs(strength[scans]), axis=1) / np.abs(peak)
    usable = (around >= 0) & (around < width) & counts[scans[:, None], inside]
    half_right, end_right = _sides(lobe[:, REACH:], usable[:, REACH:], noise)
    half_left, end_left = _sides(lobe[:, REACH::-1], usable[:, REACH::-1], noise)
    total = (half_left + half_right) / 2.3548  # sigma of the lobe: blur and smoothing
    blur = np.sqrt(np.maximum(total**2 - smoothing_px**2 - 1 / 12, 0.01))
    reach = np.clip(np.ceil(3.5 * np.hypot(blur, 0.3) + 2), 3, REACH)
    weights = (
        usable
        & (offsets >= -np.minimum(reach, end_left)[:, None])
        & (offsets <= np.minimum(reach, end_right)[:, None])
    )
    used = weights.any(axis=0)
    at, step, softness = alone(
        values[scans[:, None], inside[:, used]],
        weights[:, used].astype(float),
        offsets[used],
        start,
        blur,
    )
    good = (np.abs(at) <= 1 + total) & (np.sign(step) == signs) & np.isfinite(at)
    at, step = np.where(good, at, start), np.where(good, step, peak)
    needed = np.maximum(ROOM_PX, ROOM * np.maximum(softness, smoothing_px))
    room = np.minimum(_run(usable[:, REACH:]) - at, _run(usable[:, REACH::-1]) + at)
    return Edges(
        scans,
        columns + at,
        step,
        softness,
        np.diag(np.where(room < np.minimum(needed, REACH - 1), math.inf, 0.0)),
        _burnt(values[scans[:, None], inside], usable, softness),
    )


def _burnt(around: Floats, usable: Flags, blur: Floats) -> Flags:
    """Whether two px in a row are white, or black, on a side of each edge (n x 2 REACH + 1 px):
    nothing is known of what was cut off there, so neither is where half of the step lies."""
    clipped = usable & ((around >= WHITE) | (around <= BLACK))
    pairs = clipped[:, :-1] & clipped[:, 1:]
    near = np.abs(np.arange(2 * REACH) + 0.5 - REACH)[None]
    return np.asarray((pairs & (near <= (BESIDE_BLURS * blur + BESIDE_PX)[:, None])).any(axis=1))


def _run(usable: Flags) -> Floats:
    """How many px outwards from the first of each row are part of the region, without a gap."""
    return np.asarray(np.where(usable.all(axis=1), usable.shape[1], usable.argmin(axis=1)) - 1.0)


def _sides(lobe: Floats, usable: Flags, noise: Floats) -> tuple[Floats, Floats]:
    """Of lobes from their peak outwards: the distance to half of the height, and how wide the next
    edge lets the window be."""
    n = len(lobe)
    below = lobe < 0.5
    first = np.where(below.any(axis=1), below.argmax(axis=1), lobe.shape[1] - 1)
    inner = lobe[np.arange(n), np.maximum(first - 1, 0)]
    outer = lobe[np.arange(n), first]
    drop = np.maximum(inner - outer, 1e-9)
    half = first - 1 + np.clip((inner - 0.5) / drop, 0, 1)
    limit = np.clip(3 * noise, 0.1, 0.35)[:, None]
    lowest = np.minimum.accumulate(lobe, axis=1)
    other = (lobe < -limit) | ((lobe > lowest + limit + 0.1) & (lowest < 0.5)) | ~usable
    end = np.where(other.any(axis=1), other.argmax(axis=1) - 1, lobe.shape[1] - 1)
    return half, np.maximum(end, 1)


def choose(edges: Edges, polarity: Polarity) -> Edges:
    """The edges of a polarity."""
    sign = SIGNS[polarity]
    return edges if sign == 0 else edges.only(np.sign(edges.step) == sign)


def nothing(
    settings: CaliperTool, polarity: Polarity, others: int = 0, what: str = "no edge"
) -> Problem:
    """The problem of a tool that did not find what it looks for."""
    also = f"; {others} of the other polarity" if others else ""
    return Problem(
        "NO_CONTRAST",
        f"{what} {WORDS[SIGNS[polarity]]} of at least {settings.contrast_low:g} gray levels{also}",
    )


def axes(view: View) -> Floats:
    """2 x 3: times (x, y, 1) of the region's own axes gives (x, y) of the frame, where the part
    lies to a fraction of a px."""
    return np.asarray(view.placement.matrix @ np.vstack([view.site.matrix, [0.0, 0.0, 1.0]]), float)


def across(points: Floats, along: Floats) -> Floats:
    """How far each of n x 2 points lies to the right of the first, square to the direction
    `along`."""
    normal = np.array([along[1], -along[0]]) / np.hypot(*along)
    return np.asarray((points - points[0]) @ normal)


def bars(strip: Strip, at: Floats) -> Callable[[], tuple[Mark, ...]]:
    """Marks: each edge as a bar over the strip's height."""
    height = strip.gray.shape[0] - 1.0

    def marks() -> tuple[Mark, ...]:
        return tuple(
            Mark(strip.to_frame(np.array([x, x]), np.array([0.0, height])), closed=True)
            for x in at[:200]
        )

    return marks


def found_by(given: Given, name: str) -> Feature:
    """What another tool found. Raises Problem NO_VALUE."""
    measured = given.measured.get(name)
    if measured is None or measured.feature is None:
        raise Problem("NO_VALUE", f"the tool {name} found nothing to measure from")
    return measured.feature


def on_plane(feature: Feature, to_plane: Flat) -> Feature:
    """A feature of the frame on the part's plane."""
    if feature.radius is not None:
        turns = np.arange(36) * math.tau / 36
        rim = np.stack(
            [
                feature.x + feature.radius * np.cos(turns),
                feature.y + feature.radius * np.sin(turns),
            ],
            axis=1,
        )
        fitted = circle(to_plane(rim), math.inf)
        assert fitted is not None
        return Feature(fitted.x, fitted.y, radius=fitted.radius)
    ux, uy = feature.direction or (0.0, 0.0)
    (x, y), (end_x, end_y) = to_plane(
        [(feature.x, feature.y), (feature.x + ux, feature.y + uy)]
    ).tolist()
    if feature.direction is None:
        return Feature(x, y)
    length = math.hypot(end_x - x, end_y - y)
    return Feature(x, y, ((end_x - x) / length, (end_y - y) / length))
