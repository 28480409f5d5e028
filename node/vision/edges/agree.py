"""Which rows of a strip agree on its edges: a hair, thread or scratch moves them in the others.

The mean over the rows, which makes a caliper exact, takes in whatever lies across an edge. Each
edge is therefore also placed in bands of a few rows. Bands that lie off the line through the others
(H. Theil 1950, P. Sen 1968), or show a step of another height, by more than noise and the edge's
own roughness explain, are left out with their neighbours, and the rest is measured anew. What lies
along an edge, no band can tell: it shows as an edge of another contrast, blur or slant than the
master's, or as one that is pulled aside when it is smoothed.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from node.frame import View
from node.vision.edges.caliper import (
    PIXEL,
    Edges,
    Flags,
    Floats,
    Strip,
    placed,
    profile,
    sheared,
    strength_of,
)
from node.vision.edges.rows import Followed, check_share, followed, least_shown
from schemas import Problem
from schemas.tools.caliper import RowsTool

ROUNDS = 4
NOISE_PX = 6000  # this many tell the noise
NORMAL = 1.4826  # sigma of normal numbers, in medians of their size
SIGMAS = 4.5
LEAST_OFF_PX, LEAST_PALE = 0.12, 0.12  # and a step's height, as a share
FIT = 1.3  # sigma of a step fitted with its blur, as a multiple of one whose form is known
LEANS_PX = 0.5  # over all rows: by less than this an edge may lean in its strip
LEAST_LEFT = 0.3  # share of the rows
# against the master: of one edge and, at most times as much, of the other one
MOST_UNLIKE, MOST_CONTRAST = 1.25, 1.75
MOST_SOFTER, MOST_BLUR = 1.25, 2.0
SHARP = 0.8  # px: blurs below this can hardly be told apart
# px that an edge of the master moves if it is smoothed this much more; it is plain if it hardly
# moves
BESIDE_SMOOTHING, PLAIN_PX, NOT_PLAIN = 2.5, 0.05, 1.6
MOST_BESIDE_PX, NOISY = 0.02, 4.0
FAR, NEAR_PX = 4.0, 4  # of that smoothing: no other edge is so near; px looked at
MOST_TURNED_DEG = 10.0


class StripEdges(NamedTuple):
    """The edges that make up a value, and the strip they were found in, some rows of which may not
    count."""

    where: Strip
    edges: Edges


Find = Callable[[Strip], StripEdges]


class MasterShown(NamedTuple):
    """What the master shows: the share of the rows in which every edge is seen, and that in which
    they agree, 0 if no agreement is asked; the heights of their steps, their blurs in px, their
    direction in the region in radians, and how far each moves if it is smoothed more, in px."""

    share: float
    agree: float
    step: Floats
    blur: Floats
    slant: float
    beside: Floats


def shown(
    view: View, settings: RowsTool, where: Strip, find: Find
) -> tuple[StripEdges, MasterShown]:
    """What a master shows, and in which strip. Raises what `find` raises; where hardly any rows
    agree, as on an edge that is not straight, no agreement is asked of a part."""
    first = find(where)
    one = followed(first.where, first.edges, settings.smoothing_px)
    try:
        strip_edges, agree = _settled(view, settings, first, one, find)
    except Problem:
        strip_edges, agree = first, 0.0
    return strip_edges, MasterShown(
        least_shown(one),
        agree,
        strip_edges.edges.step,
        strip_edges.edges.blur,
        _slant(view, strip_edges.where),
        _beside(strip_edges, settings),
    )


def settled(
    view: View, settings: RowsTool, where: Strip, find: Find, master: MasterShown | None
) -> StripEdges:
    """What is found in the rows that agree. Raises what `find` raises, and Problem NO_VALUE if its
    edges are seen in too few rows, too few agree, or they are not those of the master."""
    first = find(where)
    one = followed(first.where, first.edges, settings.smoothing_px)
    check_share(least_shown(one), settings, master and master.share)
    if master is not None and master.agree == 0:
        return first
    strip_edges, agree = _settled(view, settings, first, one, find)
    least = settings.found_low * (1.0 if master is None else master.agree)
    if agree < least:
        raise Problem(
            "NO_VALUE",
            f"the edges agree in {agree:.0%} of the rows, {least:.0%} are needed: something lies"
            " across them, as a hair does, or a piece is missing",
        )
    if master is not None:
        _check_same(view, strip_edges, settings, master)
    return strip_edges


def _check_same(
    view: View, strip_edges: StripEdges, settings: RowsTool, master: MasterShown
) -> None:
    """Raises Problem NO_VALUE for edges that are not those of the master: of a contrast or blur
    that light and focus do not account for, or leaning in another way."""
    turned = math.degrees(abs(_slant(view, strip_edges.where) - master.slant))
    if turned > MOST_TURNED_DEG:
        raise Problem(
            "NO_VALUE", f"the edges lean by {turned:.0f} degrees otherwise than the master's"
        )
    if len(strip_edges.edges) != len(master.step):
        return
    height = strip_edges.edges.step / master.step
    soft = np.hypot(strip_edges.edges.blur, SHARP) / np.hypot(master.blur, SHARP)
    # what pulls an edge in the master, too, may vary
    plain = ~(np.abs(master.beside) > PLAIN_PX)
    # teeth and pins shine each in its own way
    strict = plain.all() and len(plain) <= 2
    unlike, softer = (MOST_UNLIKE, MOST_SOFTER) if strict else (NOT_PLAIN, NOT_PLAIN)
    moved = np.abs(_beside(strip_edges, settings) - master.beside)
    if height.min() <= 0 or height.max() > MOST_CONTRAST or _apart(height) > unlike:
        told = "the contrast", height.min(), height.max()
    elif soft.max() > MOST_BLUR or _apart(soft) > softer:
        told = "the blur", soft.min(), soft.max()
    elif (plain & (moved > _most_beside(strip_edges))).any():
        raise Problem("NO_VALUE", "something that the master does not have lies beside an edge")
    else:
        return
    raise Problem(
        "NO_VALUE",
        f"{told[0]} of the edges is {told[1]:.2g} to {told[2]:.2g} times the master's: something"
        " else lies along one of them, or beside it",
    )


def _most_beside(strip_edges: StripEdges) -> Floats:
    """How far, in px, each edge may be from where it is without smoothing, noise included."""
    share = _noise(strip_edges.where) / np.abs(strip_edges.edges.step)
    return MOST_BESIDE_PX + NOISY * share / math.sqrt(len(strip_edges.where.gray))


def _apart(shares: Floats) -> float:
    """By how much one differs from the next at most, as a factor from 1 on."""
    steps = shares[1:] / shares[:-1]
    return float(np.maximum(steps, 1 / steps).max(initial=1.0))


def _settled(
    view: View, settings: RowsTool, strip_edges: StripEdges, one: Followed | None, find: Find
) -> tuple[StripEdges, float]:
    """What is found in the rows that agree, and the share of those of the edge with the fewest;
    one: its edges in the bands."""
    lost, due = None, None
    for _ in range(ROUNDS):
        where, edges = strip_edges
        if one is None:
            return strip_edges, 1.0
        out, slope = _off_the_line(one, edges, settings, _noise(where))
        if lost is None or due is None:
            lost, due = out, one.due.sum(axis=0)
        elif lost.shape != out.shape:
            break
        else:
            lost = lost | out
        share = 1 - float((lost.sum(axis=0) / np.maximum(due, 1)).max())
        leans = abs(slope) * where.gray.shape[0] > LEANS_PX
        if not out.any() and not leans:
            return strip_edges, share
        if share < LEAST_LEFT:
            break
        where = Strip(where.gray, _without(where, edges, out, one.height), where.matrix)
        strip_edges = find(sheared(view, where, slope) if leans else where)
        one = followed(strip_edges.where, strip_edges.edges, settings.smoothing_px)
    raise Problem(
        "NO_VALUE", "the rows do not agree on the edges: something lies across or along them"
    )


def _without(where: Strip, edges: Edges, out: Flags, height: int) -> Flags:
    """What counts in a strip without the bands in which an edge is off, and those beside them: of
    two edges the whole rows, of more as far as halfway to the next ones."""
    counts = np.ones(where.gray.shape, bool) if where.counts is None else where.counts.copy()
    if len(edges) <= 2:
        out = np.broadcast_to(out.any(axis=1, keepdims=True), out.shape)
    halfway = (np.rint((edges.at[:-1] + edges.at[1:]) / 2)).astype(int).tolist()
    for number, (left, right) in enumerate(pairwise([0, *halfway, counts.shape[1]])):
        near = np.repeat(np.convolve(out[:, number], np.ones(3), "same") > 0, height)
        counts[: len(near), left:right][near] = False
    return counts


def _off_the_line(
    one: Followed, edges: Edges, settings: RowsTool, noise: float
) -> tuple[Flags, float]:
    """In which bands each edge is due and off (b x n), and by how many columns per row the edges
    lean in the strip."""
    out = one.due & ~one.there
    scans, which = np.nonzero(one.there)
    columns = np.clip(one.columns[scans, which], 1, one.values.shape[1] - 2).astype(np.intp)
    signs = np.sign(edges.step)[which]
    seen = placed(
        one.values, one.counts, one.strength, scans, columns, signs, settings.smoothing_px
    )
    fewest = np.count_nonzero(one.there, axis=0)
    share = noise / math.sqrt(one.height) / np.abs(edges.step)
    sigma = FIT * share * np.sqrt(3.545 * np.hypot(edges.blur, PIXEL))
    order = np.argsort(which, kind="stable")
    starts = np.concatenate([[0], np.cumsum(fewest)])
    leans = np.full(len(edges), np.nan)
    for count in np.unique(fewest[fewest >= 3]).tolist():  # edges seen in as many bands, at once
        alike = np.flatnonzero(fewest == count)
        mine = order[starts[alike][:, None] + np.arange(count)]
        rows, height = one.middles[scans[mine]], seen.step[mine] / edges.step[alike, None]
        off, leans[alike] = _off(rows, seen.at[mine], _least(LEAST_OFF_PX, sigma[alike]))
        pale, _ = _off(rows, height, _least(LEAST_PALE, share[alike]))
        out[scans[mine], alike[:, None]] = off | pale
    slopes = leans[fewest >= 3]
    return out, float(np.mean(slopes)) if slopes.size else 0.0


def _least(px: float, sigma: Floats) -> Floats:
    return np.maximum(px, SIGMAS * sigma)


def _off(rows: Floats, values: Floats, least: Floats) -> tuple[Flags, Floats]:
    """Which values (edges x n) lie off the robust line of their edge over the rows, and its
    slope."""
    first, second = np.triu_indices(rows.shape[1], 1)
    steps = (values[:, second] - values[:, first]) / (rows[:, second] - rows[:, first])
    slope = np.median(steps, axis=1)
    rest = values - slope[:, None] * rows
    rest = np.abs(rest - np.median(rest, axis=1)[:, None])
    most = np.maximum(least, SIGMAS * NORMAL * np.median(rest, axis=1))
    return rest > most[:, None], slope


def _noise(where: Strip) -> float:
    """Sigma of the gray levels from row to row: second differences, which slopes do not change."""
    step = max(1, where.gray.size // NOISE_PX)
    gray = where.gray[:, ::step].astype(np.int16)
    bends = np.abs(gray[:-2] - 2 * gray[1:-1] + gray[2:])
    return NORMAL * float(np.median(bends)) / math.sqrt(6) if bends.size else 0.0


def _beside(strip_edges: StripEdges, settings: RowsTool) -> Floats:
    """How far, in px, the greatest slope lies from each edge when the profile is smoothed more,
    pulled by what lies beside it; NaN where another edge would pull it."""
    values, _ = profile(strip_edges.where)
    at = strip_edges.edges.at
    far = np.array([np.abs(np.delete(at, n) - at[n]).min(initial=math.inf) for n in range(len(at))])
    strength = strength_of(values, BESIDE_SMOOTHING * settings.smoothing_px)[0]
    near = np.rint(at).astype(np.intp)[:, None] + np.arange(-NEAR_PX, NEAR_PX + 1)
    near = np.clip(near, 1, values.shape[1] - 2)
    best = (np.sign(strip_edges.edges.step)[:, None] * strength[near]).argmax(axis=1)
    columns = near[np.arange(len(at)), best]
    before, peak, after = (strength[columns + by] for by in (-1, 0, 1))
    curve = 2 * peak - before - after
    moved = columns + (after - before) / 2 / np.where(curve == 0, np.inf, curve) - at
    return np.where((far > FAR * BESIDE_SMOOTHING * settings.smoothing_px), moved, np.nan)


def _slant(view: View, where: Strip) -> float:
    """Direction of the edges in the region's own axes, radians."""
    along = np.linalg.solve(view.matrix[:, :2], where.along)
    return math.atan2(float(along[0]), float(along[1]))
