"""In how many rows of its region an edge is seen: a mean over all of them hides that half of it is
broken off.

A caliper measures the mean over the rows of its strip, which is what makes it exact. A bar of which
only a quarter is left still has the same width. So each edge is looked for in bands of a few rows,
too, and a part must show it where the master does.
"""

import math
from typing import NamedTuple

import numpy as np

from node.vision.edges.caliper import Edges, Flags, Floats, Strip, bands, profile, strength_of
from schemas import Problem
from schemas.tools.caliper import RowsTool

BANDS, LEAST_ROWS = 16, 4  # most bands of a strip, and rows of one: fewer are mostly noise
LEAST_BANDS = 3
FOLLOWED_PX = 3  # an edge moves no further from one band to the next
SEEN = 0.4  # of an edge's strength where it is whole
# quantile of its strengths: it is whole if it is so in a quarter of the bands; where less than that
# is left, noise would be, so never less than their mean, nor than what the mean over all rows
# shows: that may come from the rows left over at the end, which are in no band
WHOLE = 0.75


class Followed(NamedTuple):
    """n edges in b bands of `height` rows: where each seems to be, in which bands it is due and in
    which of these it is seen (b x n each); gray levels of the bands, which of them count, their
    gradient (b x columns), and their middle rows."""

    height: int
    columns: Floats
    due: Flags
    there: Flags
    values: Floats
    counts: Flags
    strength: Floats
    middles: Floats


def least_shown(one: Followed | None) -> float:
    """Share of the rows, 0 to 1, in which the edge that is seen in the fewest is seen; 1 where no
    row, or fewer than three bands, could show it."""
    if one is None:
        return 1.0
    due = one.due.sum(axis=0)
    shares = np.where(due > 0, one.there.sum(axis=0) / np.maximum(due, 1), 1.0)
    return float(shares.min(initial=1.0))


def check_share(share: float, settings: RowsTool, master: float | None) -> None:
    """Raises Problem NO_VALUE if an edge is seen in too few rows.

    share, master: `least_shown` of the part and of the master, None without one.
    """
    least = settings.found_low * (1.0 if master is None else master)
    if share < least:
        raise Problem(
            "NO_VALUE",
            f"an edge is seen in {share:.0%} of the rows, {least:.0%} are needed: "
            "a piece of it is missing or covered, or it leaves the region",
        )


def followed(strip: Strip, edges: Edges, smoothing_px: float) -> Followed | None:
    """Each edge in the bands of a strip, from the middle outwards, for it may lean or be bent; None
    where there are fewer than three bands, or no edges."""
    height = max(LEAST_ROWS, math.ceil(strip.gray.shape[0] / BANDS))
    values, counts, middles = bands(strip, height)
    if len(values) < LEAST_BANDS or not len(edges):
        return None
    strength, wide = strength_of(values, smoothing_px), values.shape[1]
    signs, reach = np.sign(edges.step), _reaches(edges)
    offsets = np.arange(-FOLLOWED_PX, FOLLOWED_PX + 1)
    seen, due, where = np.zeros((3, len(values), len(edges)))
    middle = int(np.abs(middles - strip.middle).argmin())
    for way in (range(middle, len(values)), range(middle - 1, -1, -1)):
        place = edges.at.copy()
        for band in way:
            columns = np.clip(np.rint(place)[:, None] + offsets, 0, wide - 1).astype(np.intp)
            near = np.where(
                np.abs(columns - place[:, None]) <= reach[:, None], strength[band, columns], 0
            )
            along = near * signs[:, None]
            best = along.argmax(axis=1)
            seen[band] = along[np.arange(len(place)), best]
            due[band] = counts[band, columns].all(axis=1)
            caught = seen[band] >= SEEN * np.abs(edges.step)
            place = np.where(caught, columns[np.arange(len(place)), best], place)
            where[band] = place
    whole = np.zeros(len(edges))
    for shown in np.unique(due > 0, axis=1).T:
        if shown.any():  # edges that are due in the same bands, at once
            alike = ((due > 0) == shown[:, None]).all(axis=0)
            one = np.ascontiguousarray(seen[shown][:, alike].T)
            whole[alike] = np.maximum(np.quantile(one, WHOLE, axis=1), one.mean(axis=1))
    mean = strength_of(profile(strip)[0], smoothing_px)[0]
    whole = np.maximum(whole, signs * mean[np.clip(np.rint(edges.at), 0, wide - 1).astype(np.intp)])
    there = (seen >= SEEN * whole) & (due > 0)
    return Followed(height, where, due > 0, there, values, counts, strength, middles)


def _reaches(edges: Edges) -> Floats:
    """How far each may move from one band to the next: not as far as to a neighbour of its sign."""
    reach = np.full(len(edges), float(FOLLOWED_PX))
    for sign in (1, -1):
        same = np.flatnonzero(np.sign(edges.step) == sign)
        gaps = np.diff(edges.at[same]) / 2
        reach[same[1:]] = np.minimum(reach[same[1:]], gaps)
        reach[same[:-1]] = np.minimum(reach[same[:-1]], gaps)
    return reach
