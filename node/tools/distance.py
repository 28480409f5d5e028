"""Distance between what two other tools found."""

import math

import numpy as np

from node.calibration import flat
from node.measurement import Feature, Given, Mark, Measurement
from node.vision.edges.caliper import check_lit, check_sure, found_by, on_plane
from schemas import Distance, Problem

MOST_ANGLE_DEG = 30.0


def learn(_view: None, _settings: Distance) -> None:
    """Nothing is kept of the master."""


def measure(_view: None, settings: Distance, _learned: None, given: Given) -> Measurement:
    """Shortest distance of two points, or of a point and a line through the edge, however long; of
    two lines halfway.

    Between two lines it is the mean of the distances from the middle of either to the other. From
    the rim of a circle its radius is taken off. Raises Problem NO_VALUE if one of the tools found
    nothing, or something too near to another edge, if two lines are more than 30 degrees from
    parallel, or for mm without a calibration.
    """
    to_plane = flat(given.calibration, settings.unit)
    ends = [found_by(given, name) for name in (settings.first, settings.second)]
    for name, end in zip((settings.first, settings.second), ends, strict=True):
        if end.radius is None or settings.circles == "rim":
            check_sure(end.unsure_px, f"what the tool {name} found")
            check_lit(end.burnt, f"what the tool {name} found")
    first, second = (on_plane(feature, to_plane) for feature in ends)
    value = _between(first, second)
    if settings.circles == "rim":
        value -= (first.radius or 0.0) + (second.radius or 0.0)
    points = np.array([_nearest(ends[0], ends[1]), _nearest(ends[1], ends[0])])
    return Measurement(value, lambda: (Mark(points, closed=True),))


def _between(first: Feature, second: Feature) -> float:
    if first.direction is None and second.direction is None:
        return math.hypot(second.x - first.x, second.y - first.y)
    if first.direction is None or second.direction is None:
        point, straight = (first, second) if first.direction is None else (second, first)
        return _from_line(point, straight)
    turned = abs(
        first.direction[0] * second.direction[1] - first.direction[1] * second.direction[0]
    )
    if turned > math.sin(math.radians(MOST_ANGLE_DEG)):
        raise Problem(
            "NO_VALUE",
            f"the lines are {math.degrees(math.asin(min(turned, 1))):.0f} degrees from parallel",
        )
    return (_from_line(first, second) + _from_line(second, first)) / 2


def _from_line(point: Feature, straight: Feature) -> float:
    assert straight.direction is not None
    return abs(
        (point.x - straight.x) * straight.direction[1]
        - (point.y - straight.y) * straight.direction[0]
    )


def _nearest(of: Feature, to: Feature) -> tuple[float, float]:
    """The point on one of them from which the distance is drawn."""
    if of.direction is None or to.direction is not None:
        return of.x, of.y
    along = (to.x - of.x) * of.direction[0] + (to.y - of.y) * of.direction[1]
    return of.x + along * of.direction[0], of.y + along * of.direction[1]
