"""Distances between neighbouring edges of one polarity."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from node.calibration import flat
from node.frame import View
from node.measurement import Given, Measurement
from node.vision.edges.agree import MasterShown, StripEdges, settled, shown
from node.vision.edges.caliper import (
    MOST_UNSURE_PX,
    SIGNS,
    Edges,
    Floats,
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
from schemas import Pitch, Problem

ALIKE = 0.2  # of the median
MISSING, MORE = 1.5, 0.5  # of the master's greatest and least distance: one missing, one too many
CUT_PX = 5.0  # closer than this to the border of the region an edge is not seen


class PitchLearned(NamedTuple):
    """shown: what the master shows of every edge.

    Its least and greatest distance, and those from the region's start to the first edge and from
    the last one to its end, in px of the strip.
    """

    shown: MasterShown
    least: float
    greatest: float
    before: float
    after: float


def learn(view: View, settings: Pitch) -> PitchLearned:
    """What the master shows. Raises Problem NO_CONTRAST if it has fewer than two such edges."""
    (where, edges), every_one = shown(view, settings, strip(view, settings), _finder(settings))
    distances, before, after = _layout(where, edges)
    return PitchLearned(every_one, distances.min(), distances.max(), before, after)


def measure(
    view: View, settings: Pitch, learned: PitchLearned | None = None, given: Given | None = None
) -> Measurement:
    """Mean, least or greatest distance from one edge to the next, square to them, at the middle of
    the region.

    Raises Problem NO_CONTRAST with fewer than two edges, NO_VALUE if an edge has another too near
    for the blur and noise, is seen in too few rows or these do not agree on it, or is missing, one
    too many or another one against the master where the value would not tell (at the ends; mean and
    min; mean and max), and for mm without a calibration.
    """
    where, edges = settled(
        view,
        settings,
        strip(view, settings),
        _finder(settings),
        learned.shown if learned else None,
    )
    if learned is not None:
        _check_complete(where, edges, settings, learned)
    points = where.to_frame(edges.at, where.middle)
    to_plane = flat(given.calibration if given else None, settings.unit)
    first, second = to_plane(points), to_plane(points + where.along)
    distances = np.abs(np.diff(across(first, (second - first).mean(axis=0))))
    return Measurement(float(getattr(np, settings.value)(distances)), bars(where, edges.at))


def _layout(where: Strip, edges: Edges) -> tuple[Floats, float, float]:
    """Distances of the edges along the strip, before the first one and behind the last; px."""
    return np.diff(edges.at), float(edges.at[0]), float(where.gray.shape[1] - 1 - edges.at[-1])


def _check_complete(where: Strip, edges: Edges, settings: Pitch, master: PitchLearned) -> None:
    """Raises Problem NO_VALUE for an edge that is missing or too many, of which the value tells
    nothing.

    Where teeth run out of the region, as those of a thread do, there may be one more or less.
    """
    distances, *ends = _layout(where, edges)
    pitch, least, greatest = (float(f(distances)) for f in (np.median, np.min, np.max))
    for side, empty, was in zip(
        ("first", "last"), ends, (master.before, master.after), strict=True
    ):
        if empty > max(pitch + CUT_PX, was + pitch / 2):
            told = f"{empty:.0f} px are empty beside the {side}, {was:.0f} px in the master"
            raise Problem("NO_VALUE", f"an edge is missing: {told}")
    if settings.value != "max" and greatest > MISSING * master.greatest:
        told = f"two are {greatest:.0f} px apart, at most {master.greatest:.0f} px in the master"
        raise Problem("NO_VALUE", f"an edge is missing: {told}")
    if settings.value != "min" and least < MORE * master.least:
        told = f"two are {least:.0f} px apart, at least {master.least:.0f} px in the master"
        raise Problem("NO_VALUE", f"there is an edge too many: {told}")


def _finder(settings: Pitch) -> Callable[[Strip], StripEdges]:
    return lambda where: _found(settings, where)


def _found(settings: Pitch, where: Strip) -> StripEdges:
    edges = every(*profile(where), settings)
    like = choose(edges, settings.polarity)
    if len(like) < 2:
        raise nothing(settings, settings.polarity, len(edges) - len(like), "fewer than two edges")
    steps = np.diff(np.eye(len(like)), axis=0)
    rows = steps.mean(axis=0, keepdims=True) if settings.value == "mean" else steps
    unsure = max(like.unsure(row) for row in rows)
    if unsure > MOST_UNSURE_PX:  # where all teeth are alike, each edge is pushed alike
        single = every(*profile(where), settings, alone=True)
        if _alike(single, settings) and not choose(single, settings.polarity).cut.any():
            return StripEdges(where, choose(single, settings.polarity))
    check_sure(unsure, "the pitch")
    return StripEdges(where, like)


def _alike(edges: Edges, settings: Pitch) -> bool:
    """Whether edges alternate, with teeth (from an edge that counts to the next one) of one width
    and contrast."""
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
