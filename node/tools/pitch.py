"""Distances between neighbouring edges of one polarity."""

import numpy as np

from node.calibration import flat
from node.frame import View
from node.measurement import Given, Measurement
from node.vision.edges.caliper import (
    MOST_UNSURE_PX,
    SIGNS,
    Edges,
    Strip,
    across,
    bars,
    check_sure,
    choose,
    every,
    nothing,
    profile,
    strip,
)
from schemas import Pitch

ALIKE = 0.2  # of the median


def learn(view: View, settings: Pitch) -> None:
    """Nothing is kept. Raises Problem NO_CONTRAST if the master has fewer than two such edges."""
    _found(view, settings)


def measure(
    view: View, settings: Pitch, _learned: None = None, given: Given | None = None
) -> Measurement:
    """Mean, least or greatest distance from one edge to the next, square to them, at the middle of
    the region.

    Raises Problem NO_CONTRAST with fewer than two edges, NO_VALUE if an edge has another too near
    for the blur and noise, and for mm without a calibration.
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
    rows = steps.mean(axis=0, keepdims=True) if settings.value == "mean" else steps
    unsure = max(like.unsure(row) for row in rows)
    if unsure > MOST_UNSURE_PX:  # of teeth that are all alike, each edge is pushed alike
        single = every(*profile(where), settings, alone=True)
        if _alike(single, settings) and not choose(single, settings.polarity).cut.any():
            return where, choose(single, settings.polarity)
    check_sure(unsure, "the pitch")
    return where, like


def _alike(edges: Edges, settings: Pitch) -> bool:
    """Whether edges come in turns, with teeth (from an edge that counts to the next one) of one
    width and contrast."""
    signs = np.sign(edges.step)
    teeth = np.flatnonzero(signs[:-1] == SIGNS[settings.polarity])
    if len(teeth) < 2 or (signs[1:] == signs[:-1]).any():
        return False
    widths, steps = (
        edges.at[teeth + 1] - edges.at[teeth],
        np.abs(edges.step[np.concatenate([teeth, teeth + 1])]),
    )
    width, step = float(np.median(widths)), float(np.median(steps))
    return bool(
        (np.abs(widths - width) <= ALIKE * width).all()
        and (np.abs(steps - step) <= 3 * ALIKE * step).all()
    )
