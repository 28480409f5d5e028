"""Angle and straightness of an edge, from a line through its points."""

import math
from typing import NamedTuple

import numpy as np

from node.calibration import Flat, flat, in_px, px_length
from node.frame import View
from node.measurement import Feature, Given, Mark, Measurement
from node.vision.edges.alike import EdgeProfile, alike, look
from node.vision.edges.caliper import (
    MOST_BURNT,
    Edges,
    Flags,
    Floats,
    aside,
    axes,
    bands,
    check_unbroken,
    clipped,
    nothing,
    one_each,
    strip,
)
from node.vision.edges.fit import Straight, line, peak_to_valley
from schemas import Line, Problem

SCANS = 64  # at most this many, each of as many rows as that takes, up to 8
LEAST_POINTS = 5


class _FittedLine(NamedTuple):
    points: Floats
    fitted: Straight
    to_plane: Flat
    px: float  # length of a px on the plane, in its unit
    unsure_px: float  # sigma of its place across, if another edge is near
    burnt: bool  # whether most of it lies beside something burnt out or black
    values: Floats  # of the scans
    counts: Flags
    edges: Edges


def learn(view: View, settings: Line) -> EdgeProfile | None:
    """What the master shows across the edge, None if that is another in every scan. Raises Problem
    NO_CONTRAST if the master has no such line."""
    traced = _find(view, settings, in_px, None)
    return look(traced.values, traced.counts, traced.edges, traced.fitted.good, closed=False)


def measure(
    view: View, settings: Line, learned: EdgeProfile | None = None, given: Given | None = None
) -> Measurement:
    """Angle of the line against the region's axis across the scan, or how far the edge leaves it.

    Straightness is the greatest less the least distance of the edge points, wrong ones too, from
    the line (ISO 12780), each the median of three neighbours. With a calibration the angle is that
    on the plane, without the lens. Raises Problem NO_CONTRAST if fewer than found_low of the scans
    show an edge on one line, NO_VALUE if too few show the master's, for mm without a calibration,
    and for straightness where the edge leaves the region or is missing.
    """
    calibration = given.calibration if given else None
    corrected = calibration is not None and (settings.value == "angle" or settings.unit == "mm")
    to_plane = flat(calibration, "mm" if corrected else settings.unit)
    traced = _find(view, settings, to_plane, learned)
    in_frame = line(traced.points) if corrected else traced.fitted
    assert in_frame is not None
    if settings.value == "straightness":
        value = peak_to_valley(traced.fitted.residuals, closed=False) * traced.px
    else:
        value = _angle_deg(view, settings, traced, in_frame)
    reach = (traced.points - (in_frame.x, in_frame.y)) @ (in_frame.ux, in_frame.uy)
    ends = np.array([[in_frame.x, in_frame.y]]) + np.outer(
        [reach.min(), reach.max()], [in_frame.ux, in_frame.uy]
    )
    feature = Feature(
        in_frame.x,
        in_frame.y,
        (in_frame.ux, in_frame.uy),
        unsure_px=traced.unsure_px,
        burnt=traced.burnt,
    )
    return Measurement(
        value, lambda: (Mark(ends, closed=True), Mark(traced.points)), feature=feature
    )


def _find(view: View, settings: Line, to_plane: Flat, master: EdgeProfile | None) -> _FittedLine:
    """The edge points in the frame, and the line through them on the plane, in px of the place
    where it lies."""
    rows = min(8, math.ceil((view.width if settings.scan == "down" else view.height) / SCANS))
    where = strip(view, settings, rows)
    values, counts, middles = bands(where, rows)
    form = settings.value == "straightness"
    edges = one_each(values, counts, settings, settings.polarity, settings.which, whole=form)
    usable = int(counts.any(axis=1).sum())
    if len(edges) < LEAST_POINTS:
        raise nothing(
            settings, settings.polarity, what=f"only {len(edges)} of {usable} scans show an edge"
        )
    if form:
        due = np.rint(np.interp(np.arange(len(values)), edges.scan, edges.at)).astype(np.intp)
        check_unbroken(counts[np.arange(len(values)), due], edges, closed=False)
    least = settings.found_low * usable
    burnt = clipped(view, edges, MOST_BURNT)
    like = np.ones(len(edges), bool)
    if master is not None and not burnt:
        looks = alike(values, counts, edges, master, least, closed=False)
        if not form:  # in which what is unlike may be what is wrong
            like = looks
    kept, others = edges.only(like), edges.only(~like)
    shift, unsure_px = aside(values, counts, kept, settings)
    points = where.to_frame(kept.at + shift, middles[kept.scan])
    px = px_length(to_plane, points.mean(axis=0))
    fitted = line(to_plane(points) / px)
    # what looks otherwise is not measured, but the edge is there: it has to be, in most scans
    unlike = where.to_frame(others.at + shift, middles[others.scan])
    on = int(fitted.good.sum()) + fitted.holds(to_plane(unlike) / px) if fitted else 0
    if fitted is None or on < max(LEAST_POINTS, least):
        raise Problem("NO_CONTRAST", f"only {on} of {usable} scans show an edge on one line")
    return _FittedLine(points, fitted, to_plane, px, unsure_px, burnt, values, counts, kept)


def _angle_deg(view: View, settings: Line, traced: _FittedLine, in_frame: Straight) -> float:
    """From the region's axis across the scan to the line on the plane, -90 to 90."""
    axis = axes(view)[:, 0 if settings.scan == "down" else 1]
    place = np.array([in_frame.x, in_frame.y])
    start, end = traced.to_plane(np.array([place - axis, place + axis]))
    (ax, ay), ux, uy = end - start, traced.fitted.ux, traced.fitted.uy
    turned = math.atan2(ax * uy - ay * ux, ax * ux + ay * uy)
    return (math.degrees(turned) + 90) % 180 - 90
