"""Which scans of a line or a circle show the master's edge: not where a hair, thread or scratch
lies.

A robust fit leaves out what lies far from the form; what pulls an edge by less than that, or lies
along it, it takes in. Therefore what the master shows across its edge is kept: the mean of its
scans, laid over each other at the edge, and how much they scatter. A scan that shows something else
there, whatever the light, or an edge of the other polarity, is left out. Where the master has
another edge nearby, as the far side of a bar has, which may be elsewhere on a part, the scans are
compared with each other there.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np

from node.vision.edges.caliper import PIXEL, Edges, Flags, Floats
from schemas import Problem

AROUND = 11  # px to each side of the edge
LEAST_CLOSE_PX = 7  # and at most what the fit of a softer edge takes in: this moves it
MOSTLY = 2 / 3  # of the scans that must look alike close to the edge must do so all around
LEAST_POINTS = 5
LEAST_COLUMNS = 6  # px that must count, of a scan
BLOCKS = ((3, 5), (3, 1))  # px and scans whose mean difference counts: noise of single px does not
BLOCK_NOISE = 1.3  # times that of independent px
LEAST_UNLIKE = 0.06  # of the edge's contrast
SIGMAS = 4.5
NORMAL = 1.4826  # sigma of normal numbers, in medians of their size
MOST_CONTRAST = 1.75  # times that of the other scans, and as much less
MOST_LIGHT = 1.75  # of the master's
LEAST_ADDED, MOST_ADDED = -40.0, 90.0  # gray levels: a black level, haze on the lens
BESIDE = 0.25  # of the edge's contrast: where another edge begins
FIT_BLURS, FIT_PX = 3.5, 2.0  # around the edge: what its fit takes in
OWN_BLURS, OWN_PX = 2.5, 1.5  # around the edge: its own slope
MOVES_PX = 1.0  # what lies beyond the next edge may be elsewhere
LEAST_SOFTER = 0.3  # px: a difference of blur below this is none
LEAST_KEPT = 0.6  # share of the master's own scans: a more ragged edge is not compared
ENOUGH = 8  # scans


class EdgeProfile(NamedTuple):
    """What the master shows across its edge, at -AROUND to AROUND px: the mean over its scans as a
    share of the step there, NaN where it shows nothing; how much the means of BLOCKS scatter about
    it, for each size of these; which columns lie on this side of the next edge; the edge's blur in
    px; its contrast and its darkest level, in gray levels; the share of its scans that look like
    this."""

    mean: Floats
    scatter: Floats
    near: Flags
    blur: float
    contrast: float
    dark: float
    share: float


def look(
    values: Floats, counts: Flags, edges: Edges, good: Flags, closed: bool
) -> EdgeProfile | None:
    """Of the master's scans (n x width) those that make up the form (good, of the edges); None if
    they look too unlike each other to tell."""
    if good.sum() < ENOUGH:
        return None
    kept = edges.only(good)
    seen, shown = _laid_over(values, counts, kept)
    enough = shown.mean(axis=0) > 0.5
    if enough.sum() < LEAST_COLUMNS:
        return None
    typical = _typical(seen, shown, enough)
    contrast = float(np.median(np.abs(kept.step)))
    typical = (typical - np.nanmin(typical)) / contrast
    blur = float(np.median(kept.blur))
    near = _near(typical, blur) & enough
    left, _, dark = _differences(seen, shown, typical, enough)
    scatter = np.zeros((len(BLOCKS), len(typical)))
    for one, size in zip(scatter, BLOCKS, strict=True):
        one[enough] = NORMAL * _median(np.abs(_means(left, size, closed)[:, enough]))
    made = EdgeProfile(typical, scatter, near, blur, contrast, float(np.median(dark)), 1.0)
    share = float(_compared(values, counts, kept, made, closed).mean())
    return made._replace(share=share) if share >= LEAST_KEPT else None


def alike(
    values: Floats, counts: Flags, edges: Edges, master: EdgeProfile, least: float, closed: bool
) -> Flags:
    """Which of the edges, one a scan, show what the master shows.

    Those that do so close to the edge, if too few do all around it. Raises Problem NO_VALUE for
    fewer than `least` edges close to it, and if most show something else beside it: that lies along
    the edge, which may be its own.
    """
    least = max(least * master.share, LEAST_POINTS)
    around = _compared(values, counts, edges, master, closed)
    if around.sum() >= least:
        return around
    close = _compared(values, counts, edges, master, closed, all_around=False)
    if close.sum() < least or around.sum() < MOSTLY * least:
        raise Problem(
            "NO_VALUE",
            f"only {int(around.sum())} of {len(edges)} scans show the edge and what is beside it as"
            " the master does: something lies across or along it, as a hair does",
        )
    return close


def _compared(
    values: Floats,
    counts: Flags,
    edges: Edges,
    master: EdgeProfile,
    closed: bool,
    all_around: bool = True,
) -> Flags:
    """Which of the edges show what the master shows all around, or only close to the edge."""
    seen, shown = _laid_over(values, counts, edges)
    blur = float(np.median(edges.blur))
    due, now = _softened(master, blur)
    if now > 0:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), sigmaX=now, sigmaY=1e-3), float)
    known = ~np.isnan(due)
    near = master.near & known
    left, gain, dark = _differences(seen, shown, due, near)
    typical = float(np.median(gain[gain > 0])) if (gain > 0).any() else 0.0
    like = (gain > typical / MOST_CONTRAST) & (gain < typical * MOST_CONTRAST)
    # light multiplies, haze adds: neither makes black of what the master has dark, or white
    light = gain / master.contrast
    added = dark - light * master.dark
    like &= (light < MOST_LIGHT) & (added > LEAST_ADDED) & (added < MOST_ADDED)
    if not all_around:
        reach = max(LEAST_CLOSE_PX, math.ceil(FIT_BLURS * math.hypot(blur, PIXEL) + FIT_PX))
        known &= np.abs(np.arange(-AROUND, AROUND + 1)) <= reach
    if like.any():
        like &= ~_far(left, master, known & near, np.zeros(len(due)), closed)
    if like.sum() < ENOUGH:
        return like
    # and with each other, as far as the master shows anything
    usual = _typical(seen[like], shown[like], known) / typical
    slope = np.abs(np.gradient(np.nan_to_num(due)))
    slope = np.maximum(slope, np.maximum(np.roll(slope, 1), np.roll(slope, -1)))
    rest, _, _ = _differences(seen, shown, usual, known)
    moves = np.where(near, 0, MOVES_PX * slope)
    return np.asarray(like & ~_far(rest, master, known & ~np.isnan(usual), moves, closed))


def _median(values: Floats) -> Floats:
    """Of each column, without what is NaN."""
    known = not np.isnan(values).any()  # nanmedian takes ten times as long
    return np.asarray(np.median(values, axis=0) if known else np.nanmedian(values, axis=0))


def _laid_over(values: Floats, counts: Flags, edges: Edges) -> tuple[Floats, Flags]:
    """The scans of edges at -AROUND to AROUND px from each, and which of it counts."""
    x = (edges.at[:, None] + np.arange(-AROUND, AROUND + 1)).astype(np.float32)
    y = np.repeat(edges.scan[:, None].astype(np.float32), x.shape[1], axis=1)
    seen = cv2.remap(
        values.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    counted = cv2.remap(
        counts.view(np.uint8), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT
    )
    inside = (x >= 0) & (x <= values.shape[1] - 1)
    return np.asarray(seen, float), np.asarray((counted > 0) & inside)


def _typical(seen: Floats, shown: Flags, enough: Flags) -> Floats:
    """The median over scans of each column, each scan brought to the same light; NaN where too few
    count."""
    counted = shown & enough
    light = (seen * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    level = np.where(shown, seen - light[:, None], np.nan)
    enough = enough & shown.any(axis=0)
    typical = np.full(seen.shape[1], np.nan)
    typical[enough] = _median(level[:, enough])
    return typical


def _differences(
    seen: Floats, shown: Flags, due: Floats, columns: Flags
) -> tuple[Floats, Floats, Floats]:
    """What is left of each scan (n x columns, NaN where it does not count) when light and contrast
    are fitted to what is due in some columns, as a share of its contrast; that contrast; and its
    level where 0 is due."""
    used = shown & columns
    weights = used.astype(float)
    expected = np.nan_to_num(due)
    number = np.maximum(weights.sum(axis=1), 1)
    mean_due = weights @ expected / number
    mean = (weights * seen).sum(axis=1) / number
    off = (expected - mean_due[:, None]) * weights
    energy = (off**2).sum(axis=1)
    gain = (off * (seen - mean[:, None])).sum(axis=1) / np.maximum(energy, 1e-9)
    gain = np.where((number >= LEAST_COLUMNS) & (energy > 1e-3), gain, 0.0)
    left = seen - mean[:, None] - gain[:, None] * (expected - mean_due[:, None])
    share = left / np.where(gain > 0, gain, np.inf)[:, None]
    return np.where(shown & ~np.isnan(due), share, np.nan), gain, mean - gain * mean_due


def _means(left: Floats, size: tuple[int, int], closed: bool) -> Floats:
    """Means of blocks of so many px and scans around each place, of what counts there."""
    beside = size[1] // 2
    wide = np.pad(left, ((beside, beside), (0, 0)), mode="wrap" if closed else "reflect")
    counts = ~np.isnan(wide)
    total, number = (
        cv2.boxFilter(
            each.astype(float), cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT
        )[beside : beside + len(left)]
        for each in (np.nan_to_num(wide), counts)
    )
    return np.where(~np.isnan(left), total / np.maximum(number, 1), np.nan)


def _far(left: Floats, master: EdgeProfile, columns: Flags, more: Floats, closed: bool) -> Flags:
    """Which scans, or their neighbours, lie off what is due in some columns by more than noise and
    the master's own scatter, and `more` than that, explain."""
    steps = np.abs(np.diff(left[:, columns], axis=0))
    steps = steps[~np.isnan(steps)]
    noise = NORMAL * float(np.median(steps)) / math.sqrt(2) if steps.size else 0.0
    far = np.zeros(len(left), bool)
    for size, scatter in zip(BLOCKS, master.scatter, strict=True):
        own = np.maximum(scatter, BLOCK_NOISE * noise / math.sqrt(math.prod(size)))
        limit = np.maximum(LEAST_UNLIKE, SIGMAS * own) + more
        away = np.nan_to_num(np.abs(_means(left, size, closed)))
        far |= (away > limit)[:, columns].any(axis=1)
    wide = np.pad(far, 1, mode="wrap" if closed else "edge")
    return np.asarray(wide[:-2] | wide[1:-1] | wide[2:])


def _near(typical: Floats, blur: float) -> Flags:
    """The columns as far as halfway to the next edge on either side."""
    slope = np.abs(np.nan_to_num(np.convolve(np.nan_to_num(typical), (1, 1, 0, -1, -1), "same")))
    columns = np.arange(-AROUND, AROUND + 1)
    own = OWN_BLURS * math.hypot(blur, PIXEL) + OWN_PX
    near = np.ones(len(columns), bool)
    for side in (-1, 1):
        others = columns[(side * columns > own) & (slope > BESIDE) & (np.abs(columns) < AROUND - 1)]
        if len(others):
            near &= side * columns <= np.abs(others).min() / 2
    return near


def _softened(master: EdgeProfile, blur: float) -> tuple[Floats, float]:
    """The master's mean at a part's blur, or how much blur the part's scans need for the
    master's."""
    apart = math.sqrt(abs(blur**2 - master.blur**2))
    if apart < LEAST_SOFTER or blur < master.blur:
        return master.mean, apart if apart >= LEAST_SOFTER else 0.0
    known = ~np.isnan(master.mean)
    columns = np.arange(len(known))
    filled = np.interp(columns, columns[known], master.mean[known])
    soft = cv2.GaussianBlur(filled[None], (0, 0), apart, borderType=cv2.BORDER_REPLICATE)[0]
    return np.where(known, soft, np.nan), 0.0
