"""Angle between two lines that other tools found."""

import math

import numpy as np

from node.calibration import flat
from node.frame import Feature, Mark, Measurement
from node.tools import Given
from node.tools.caliper import found_by, on_plane
from schemas import Angle, Problem


def learn(_view: None, _settings: Angle) -> None:
    """Nothing is kept."""


def measure(_view: None, settings: Angle, _learned: None, given: Given) -> Measurement:
    """The smaller angle of the two lines, or how far the second is turned clockwise against the first, in degrees.

    With a calibration it is the angle on the part's plane, without the lens. Raises Problem NO_VALUE if one of the tools
    found nothing, or no line.
    """
    to_plane = flat(given.calibration, "mm" if given.calibration else "px")
    lines = []
    for name in (settings.first, settings.second):
        found = found_by(given, name)
        if found.direction is None:
            raise Problem("NO_VALUE", f"the tool {name} found no line")
        lines.append(found)
    (ax, ay), (bx, by) = (on_plane(found, to_plane).direction or (0.0, 0.0) for found in lines)
    turned = math.degrees(math.atan2(ax * by - ay * bx, ax * bx + ay * by)) % 180
    value = turned if settings.value == "turned" else min(turned, 180 - turned)
    return Measurement(value, lambda: tuple(_drawn(found) for found in lines))


def _drawn(found: Feature) -> Mark:
    assert found.direction is not None
    return Mark(np.array([(found.x, found.y)]) + np.outer([-20.0, 20.0], found.direction), closed=True)
