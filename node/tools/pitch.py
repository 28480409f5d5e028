"""Distances between neighbouring edges of one polarity."""

import numpy as np

from node.calibration import flat
from node.frame import Measurement, View
from node.tools import Given
from node.tools.caliper import Edges, Strip, across, bars, check_sure, choose, every, nothing, profile, strip
from schemas import Pitch


def learn(view: View, settings: Pitch) -> None:
    """Nothing is kept. Raises Problem NO_CONTRAST if the master has fewer than two such edges."""
    _found(view, settings)


def measure(view: View, settings: Pitch, _learned: None = None, given: Given | None = None) -> Measurement:
    """Mean, least or greatest distance from one edge to the next, square to them, at the middle of the region.

    Raises Problem NO_CONTRAST with fewer than two edges, NO_VALUE if an edge has another too near for the blur and noise,
    and for mm without a calibration.
    """
    where, edges = _found(view, settings)
    points = where.to_frame(edges.at, where.middle)
    to_plane = flat(given.calibration if given else None, settings.unit)
    first, second = to_plane(points), to_plane(points + where.along)
    distances = np.abs(np.diff(across(first, (second - first).mean(axis=0))))
    return Measurement(float(getattr(np, settings.value)(distances)), bars(where, edges.at))


def _found(view: View, settings: Pitch) -> tuple[Strip, Edges]:
    where = strip(view, settings)
    edges = every(*profile(where), settings)
    like = choose(edges, settings.polarity)
    if len(like) < 2:
        raise nothing(settings, settings.polarity, len(edges) - len(like), "fewer than two edges")
    steps = np.diff(np.eye(len(like)), axis=0)
    if settings.value == "mean":
        check_sure(like.unsure(steps.mean(axis=0)), "the mean pitch")
    else:
        check_sure(max(like.unsure(step) for step in steps), "a pitch")
    return where, like
