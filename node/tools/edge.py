"""Position of an edge along the region, or how many edges there are."""

import math

import numpy as np

from node.calibration import flat
from node.frame import View
from node.measurement import Feature, Given, Measurement
from node.vision.edges.agree import MasterShown, StripEdges, settled, shown
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
from node.vision.edges.rows import check_share, followed, least_shown
from schemas import Edge


def learn(view: View, settings: Edge) -> MasterShown:
    """What the master shows of it; Problem NO_CONTRAST if it has none."""
    where = strip(view, settings)
    return shown(view, settings, where, lambda one: _found(view, settings, one))[1]


def measure(
    view: View, settings: Edge, learned: MasterShown | None = None, given: Given | None = None
) -> Measurement:
    """Where the edge crosses the middle of the region, from the centre of the region's first pixel
    along the scan.

    The region moves with the part to a fraction of a px, so the value is the edge's place on the
    part. A count may be 0, but not of one gray level. Raises Problem NO_CONTRAST if there is no
    such edge, NO_VALUE if the next one is too near for the blur and noise, an edge is seen in too
    few rows, these do not agree on it, or it is another one than the master's, and for mm without a
    calibration.
    """
    whole = strip(view, settings)
    if settings.value == "count":
        where, wanted = _found(view, settings, whole)
        share = least_shown(followed(where, wanted, settings.smoothing_px))
        check_share(share, settings, learned.share if learned else None)
        if len(wanted) == 0 and view.uniform:
            raise nothing(settings, settings.polarity)
        return Measurement(len(wanted), bars(where, wanted.at))
    where, wanted = settled(view, settings, whole, lambda one: _found(view, settings, one), learned)
    point = where.to_frame(wanted.at, where.middle)
    placed = axes(view)
    along = placed[:, 1 if settings.scan == "down" else 0]
    away = float((point[0] - placed[:, 2]) @ along / (along @ along))
    to_plane = flat(given.calibration if given else None, settings.unit)
    start, end = to_plane(np.vstack([point[0] - away * along, point]))
    value = math.copysign(math.hypot(*(end - start)), away)
    return Measurement(value, bars(where, wanted.at), feature=Feature(*point[0].tolist()))


def _found(view: View, settings: Edge, where: Strip) -> StripEdges:
    return StripEdges(where, _wanted(view, every(*profile(where), settings), settings))


def _wanted(view: View, edges: Edges, settings: Edge) -> Edges:
    """All edges to be counted, or the one to be measured: Problem NO_CONTRAST if there is none."""
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
