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
    check_sure,
    choose,
    every,
    nothing,
    profile,
    strip,
)
from schemas import Edge


def learn(view: View, settings: Edge) -> None:
    """Nothing is kept. Raises Problem NO_CONTRAST if the master has no such edge."""
    if settings.value == "position":
        _one(_found(view, settings)[1], settings)


def measure(
    view: View, settings: Edge, _learned: None = None, given: Given | None = None
) -> Measurement:
    """Where the edge crosses the middle of the region, from the centre of the region's first pixel
    along the scan.

    The region moves with the part to a fraction of a px, so the value is the edge's place on the
    part. A count may be 0, but not of one gray level. Raises Problem NO_CONTRAST if there is no
    such edge, NO_VALUE if the next one is too near for the blur and noise, and for mm without a
    calibration.
    """
    where, edges = _found(view, settings)
    wanted = choose(edges, settings.polarity)
    if settings.value == "count":
        if len(edges) == 0 and view.uniform:
            raise nothing(settings, settings.polarity)
        return Measurement(len(wanted), bars(where, wanted.at))
    one = _one(edges, settings)
    point = where.to_frame(one.at, where.middle)
    placed = axes(view)
    along = placed[:, 1 if settings.scan == "down" else 0]
    away = float((point[0] - placed[:, 2]) @ along / (along @ along))
    to_plane = flat(given.calibration if given else None, settings.unit)
    start, end = to_plane(np.vstack([point[0] - away * along, point]))
    value = math.copysign(math.hypot(*(end - start)), away)
    return Measurement(value, bars(where, one.at), feature=Feature(*point[0].tolist()))


def _found(view: View, settings: Edge) -> tuple[Strip, Edges]:
    where = strip(view, settings)
    return where, every(*profile(where), settings)


def _one(edges: Edges, settings: Edge) -> Edges:
    """The edge to be measured, one of one. Raises Problem NO_CONTRAST."""
    wanted = choose(edges, settings.polarity)
    if len(wanted) == 0:
        raise nothing(settings, settings.polarity, len(edges))
    place = {"first": 0, "last": len(wanted) - 1, "strongest": int(np.abs(wanted.step).argmax())}[
        settings.which
    ]
    one = wanted.only(slice(place, place + 1))
    check_sure(one.unsure(np.ones(1)), "the edge")
    return one
