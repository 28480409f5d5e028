"""Position of an edge along the region, or how many edges there are."""

import math

import numpy as np

from node.calibration import flat
from node.frame import View
from node.measurement import Feature, Given, Measurement
from node.vision.edges.caliper import (
    Edges,
    Strip,
    axes,
    bars,
    check_lit,
    check_sure,
    choose,
    clipped,
    every,
    nothing,
    profile,
    strip,
)
from node.vision.edges.rows import check_shown, least_shown
from schemas import Edge


def learn(view: View, settings: Edge) -> float:
    """In which share of the rows the master shows it; Problem NO_CONTRAST if it has none."""
    where, edges = _found(view, settings)
    return least_shown(where, _wanted(view, edges, settings), settings)


def measure(
    view: View, settings: Edge, learned: float | None = None, given: Given | None = None
) -> Measurement:
    """Where the edge crosses the middle of the region, from the centre of the region's first pixel
    along the scan.

    The region moves with the part to a fraction of a px, so the value is the edge's place on the
    part. A count may be 0, but not of one gray level. Raises Problem NO_CONTRAST if there is no
    such edge, NO_VALUE if the next one is too near for the blur and noise, or an edge is seen in
    too few rows, and for mm without a calibration.
    """
    where, edges = _found(view, settings)
    wanted = _wanted(view, edges, settings)
    check_shown(where, wanted, settings, learned)
    if settings.value == "count":
        if len(edges) == 0 and view.uniform:
            raise nothing(settings, settings.polarity)
        return Measurement(len(wanted), bars(where, wanted.at))
    point = where.to_frame(wanted.at, where.middle)
    placed = axes(view)
    along = placed[:, 1 if settings.scan == "down" else 0]
    away = float((point[0] - placed[:, 2]) @ along / (along @ along))
    to_plane = flat(given.calibration if given else None, settings.unit)
    start, end = to_plane(np.vstack([point[0] - away * along, point]))
    value = math.copysign(math.hypot(*(end - start)), away)
    return Measurement(value, bars(where, wanted.at), feature=Feature(*point[0].tolist()))


def _found(view: View, settings: Edge) -> tuple[Strip, Edges]:
    where = strip(view, settings)
    return where, every(*profile(where), settings)


def _wanted(view: View, edges: Edges, settings: Edge) -> Edges:
    """All to be counted, or the one to be measured: Problem NO_CONTRAST if there is none."""
    wanted = choose(edges, settings.polarity)
    if settings.value == "count":
        return wanted
    if len(wanted) == 0:
        raise nothing(settings, settings.polarity, len(edges))
    place = {"first": 0, "last": len(wanted) - 1, "strongest": int(np.abs(wanted.step).argmax())}[
        settings.which
    ]
    one = wanted.only(slice(place, place + 1))
    check_sure(one.unsure(np.ones(1)), "the edge")
    check_lit(clipped(view, one), "the edge")
    return one
