"""Diameter, roundness and place of a circle, from edge points on rays."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from node.calibration import Flat, flat, in_px, px_length
from node.frame import Pixels, View, site
from node.measurement import Feature, Given, Mark, Measurement
from node.vision.edges.alike import EdgeProfile, alike, look
from node.vision.edges.caliper import (
    MOST_BURNT,
    Edges,
    Flags,
    Floats,
    aside,
    check_lit,
    check_sure,
    check_unbroken,
    clipped,
    nothing,
    one_each,
)
from node.vision.edges.fit import Round, circle, peak_to_valley
from schemas import CircleTool, Problem
from schemas.geometry import Circle, Ring

RAYS = 72  # each the mean of rays about 1 px apart, 8 at most
FINE_RAYS = 216  # for roundness: a bite of 4 px shows on a circle of 120 px
LEAST_POINTS = 6
BESIDE_PX = 4  # of the rim: what is ignored there may cut it


@dataclass(frozen=True)
class CircleLearned:
    """Centre of the master's circle in px, and what is seen across its rim, None if that is another
    on every ray."""

    x: float
    y: float
    look: EdgeProfile | None = None


class _Rays(NamedTuple):
    points: Floats  # of the view
    others: Floats  # those that do not look like the master's
    due: int  # on how many rays the rim counts
    unsure_px: float  # sigma of the radius, if another edge is near
    burnt: bool  # whether most of the rim lies beside something burnt out or black
    values: Floats
    usable: Flags
    edges: Edges


class _FittedCircle(NamedTuple):
    points: Floats  # of the frame
    fitted: Round  # on the plane, in px of where it lies
    in_frame: Round
    px: float  # length of a px on the plane, in its unit
    rays: _Rays


def learn(view: View, settings: CircleTool) -> CircleLearned:
    """The master's centre. Raises Problem NO_CONTRAST if the master has no such circle."""
    ring = _find(view, settings, in_px, None)
    seen = ring.in_frame
    rim = look(ring.rays.values, ring.rays.usable, ring.rays.edges, seen.good, closed=True)
    return CircleLearned(seen.x, seen.y, rim)


def measure(
    view: View,
    settings: CircleTool,
    learned: CircleLearned | None = None,
    given: Given | None = None,
) -> Measurement:
    """Diameter of the circle, roundness (ISO 12181, about the least squares centre), or how far its
    centre is from its place.

    Roundness is the greatest less the least distance of the edge points, wrong ones too, from the
    centre, each the median of three neighbours. Raises Problem NO_CONTRAST if fewer than found_low
    of the rays show an edge on one circle, MASTER_IMAGE_NOT_FOUND if there is no centre to compare
    with, NO_VALUE if too few show the master's, for mm without a calibration, and for roundness
    where the rim leaves the region or is missing.
    """
    to_plane = flat(given.calibration if given else None, settings.unit)
    if settings.value == "centre_distance" and learned is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    ring = _find(view, settings, to_plane, learned.look if learned else None)
    seen = ring.in_frame
    if settings.value == "diameter":
        check_sure(2 * ring.rays.unsure_px, "the diameter")
        check_lit(ring.rays.burnt, "the circle")
        value = 2 * ring.fitted.radius * ring.px
    elif settings.value == "roundness":
        value = peak_to_valley(ring.fitted.residuals, closed=True) * ring.px
    else:
        assert learned is not None
        due = view.placement.matrix @ (learned.x, learned.y, 1.0)
        ends = to_plane(np.array([due, (seen.x, seen.y)]))
        value = float(np.hypot(*(ends[1] - ends[0])))
    turns = np.arange(RAYS) * math.tau / RAYS
    rim = np.stack(
        [seen.x + seen.radius * np.cos(turns), seen.y + seen.radius * np.sin(turns)], axis=1
    )
    centre = np.array([[seen.x, seen.y]])
    feature = Feature(
        seen.x, seen.y, radius=seen.radius, unsure_px=ring.rays.unsure_px, burnt=ring.rays.burnt
    )
    return Measurement(
        value, lambda: (Mark(rim, closed=True), Mark(ring.points), Mark(centre)), feature=feature
    )


def _find(
    view: View, settings: CircleTool, to_plane: Flat, master: EdgeProfile | None
) -> _FittedCircle:
    """Rays from the middle of the region give a first circle; rays from its centre, square to the
    edge, the circle."""
    centre = np.array([(view.width - 1) / 2, (view.height - 1) / 2])
    if isinstance(settings.region, Circle):
        inverse = np.linalg.inv(view.site.matrix[:, :2])
        centre = inverse @ (
            np.array([settings.region.x, settings.region.y]) - view.site.matrix[:, 2]
        )
    rough = circle(_points(view, settings, centre).points)
    if rough is None or not _near(view, rough):
        raise Problem("NO_CONTRAST", "no circle through the edges")
    rays = _points(view, settings, np.array([rough.x, rough.y]), rough.radius, master)
    in_frame_points = view.to_frame(rays.points)
    in_frame = circle(in_frame_points)
    # what looks otherwise is not measured, but the rim is there: it has to be, all around
    others = view.to_frame(rays.others)
    on = int(in_frame.good.sum()) + in_frame.holds(others) if in_frame else 0
    if in_frame is None or on < max(LEAST_POINTS, settings.found_low * rays.due):
        raise Problem("NO_CONTRAST", f"only {on} of {rays.due} rays show an edge on one circle")
    if to_plane is in_px:
        return _FittedCircle(in_frame_points, in_frame, in_frame, 1.0, rays)
    px = px_length(to_plane, np.array([in_frame.x, in_frame.y]))
    fitted = circle(to_plane(in_frame_points) / px)
    if fitted is None:
        raise Problem("NO_CONTRAST", "no circle through the edges")
    return _FittedCircle(in_frame_points, fitted, in_frame, px, rays)


def _near(view: View, rough: Round) -> bool:
    """Whether the circle makes sense: edges that lie almost on a line give one whose centre is
    miles away."""
    reach = math.hypot(view.width, view.height)
    return (
        -reach <= rough.x <= view.width + reach
        and -reach <= rough.y <= view.height + reach
        and 0 < rough.radius <= 2 * reach
    )


def _points(
    view: View,
    settings: CircleTool,
    centre: Floats,
    radius: float | None = None,
    master: EdgeProfile | None = None,
) -> _Rays:
    """Edge points on rays from a point of the view, roughly if no radius is known yet."""
    rays = FINE_RAYS if settings.value == "roundness" else RAYS
    inner = math.floor(settings.region.inner_radius) if isinstance(settings.region, Ring) else 1
    corners = (
        np.array(
            [[0, 0], [view.width - 1, 0], [0, view.height - 1], [view.width - 1, view.height - 1]]
        )
        - centre
    )
    outer = float(np.hypot(corners[:, 0], corners[:, 1]).max())
    if isinstance(settings.region, Circle):
        outer = min(outer, 2 * settings.region.radius)
    beside = int(np.clip(round(math.tau * min(outer, (view.width + view.height) / 4) / rays), 1, 8))
    if radius is None:
        beside = min(beside, 3)
    turns = (np.arange(rays * beside) - (beside - 1) / 2) * (math.tau / (rays * beside))
    radii = np.arange(max(0, inner - 2), math.ceil(outer) + 1, dtype=np.float32)
    away = np.stack([np.cos(turns), np.sin(turns)])
    counted = _sampled(
        _all(view) if view.mask is None else view.mask, centre, away, radii, cv2.INTER_NEAREST
    )
    usable = counted.reshape(rays, beside, -1).min(axis=1) > 0
    m = view.matrix
    gray = _sampled(
        view.frame.gray, m[:, :2] @ centre + m[:, 2], m[:, :2] @ away, radii, cv2.INTER_LINEAR
    )
    values = np.add.reduce(gray.reshape(rays, beside, -1), axis=1, dtype=np.uint16) / beside
    form = settings.value == "roundness" and radius is not None
    ignored = (
        _ignored(view, settings, (centre, away, radii), usable) if form else np.zeros_like(usable)
    )
    whole: Flags | bool = ~ignored.any(axis=1) if form else False  # type: ignore[assignment]
    edges = one_each(
        values,
        usable,
        settings,
        settings.polarity,
        settings.which,
        rough=radius is None,
        whole=whole,
    )
    if len(edges) < LEAST_POINTS:
        raise nothing(
            settings, settings.polarity, what=f"only {len(edges)} of {rays} rays show an edge"
        )
    rim = 0 if radius is None else int(np.clip(round(radius - radii[0]), 0, len(radii) - 1))
    due = rays if radius is None else int(usable[:, rim].sum())
    if form:
        near = ignored[:, max(rim - BESIDE_PX, 0) : rim + BESIDE_PX + 1].any(axis=1)
        check_unbroken(usable[:, rim] & ~near, edges, closed=True)
    burnt = radius is not None and clipped(view, edges, MOST_BURNT)
    like = np.ones(len(edges), bool)
    if master is not None and not burnt:
        looks = alike(values, usable, edges, master, settings.found_low * due, closed=True)
        if not form:  # in which what is unlike may be what is wrong
            like = looks
    kept = edges.only(like)
    at, unsure_px = float(radii[0]) + edges.at, 0.0
    # seen through a blur of sigma s, a rim of radius r lies s * s / 2 r nearer to the centre
    if radius is not None:
        shift, unsure_px = aside(values, usable, kept, settings)
        at = at + shift + (float(np.median(kept.blur)) ** 2 + 1 / 12) / (2 * np.maximum(at, 1))
    turns = turns.reshape(rays, beside).mean(axis=1)[edges.scan]
    points = np.stack([centre[0] + at * np.cos(turns), centre[1] + at * np.sin(turns)], axis=1)
    return _Rays(points[like], points[~like], due, unsure_px, burnt, values, usable, kept)


def _sampled(pixels: Pixels, centre: Floats, away: Floats, radii: Any, how: int) -> Any:
    """Pixels on rays from a centre along n directions (2 x n), n x radii; 0 outside where the
    nearest is taken, or the rim."""
    across, down = (
        np.multiply.outer(one.astype(np.float32), radii) + np.float32(at)
        for one, at in zip(away, centre, strict=True)
    )
    border = cv2.BORDER_CONSTANT if how == cv2.INTER_NEAREST else cv2.BORDER_REPLICATE
    return cv2.remap(pixels, across, down, how, borderMode=border)


def _ignored(
    view: View, settings: CircleTool, rays: tuple[Floats, Floats, Any], usable: Flags
) -> Flags:
    """What of the rays does not count although it lies in the region's own shape, like `usable`."""
    if not settings.ignore:
        return np.zeros_like(usable)
    shape = site(settings.region).mask
    inside = _sampled(_all(view) if shape is None else shape, *rays, cv2.INTER_NEAREST)
    return (inside.reshape(len(usable), -1, usable.shape[1]).max(axis=1) > 0) & ~usable  # type: ignore[no-any-return]


def _all(view: View) -> Pixels:
    """A mask in which every pixel counts."""
    return view.once("all", lambda: np.full((view.height, view.width), 255, np.uint8))  # type: ignore[no-any-return]
