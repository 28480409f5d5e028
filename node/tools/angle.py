"""Angle between two lines that other tools found."""

import math

import numpy as np

from node.calibration import flat
from node.measurement import Feature, Given, Mark, Measurement
from node.vision.edges.caliper import found_by, on_plane
from schemas import Angle, Problem

FARTHEST_PX = 4000  # beyond this, the place where two lines meet is of no use in a picture


def learn(_view: None, _settings: Angle) -> None:
    """Nothing is kept of the master."""


def measure(_view: None, settings: Angle, _learned: None, given: Given) -> Measurement:
    """The smaller angle of the two lines, or how far the second is turned clockwise against the
    first, in degrees.

    With a calibration it is the angle on the part's plane, without the lens. Raises Problem
    NO_VALUE if one of the tools found nothing, or no line.
    """
    to_plane = flat(given.calibration, "mm" if given.calibration else "px")
    lines = []
    for name in (settings.first, settings.second):
        feature = found_by(given, name)
        if feature.direction is None:
            raise Problem("NO_VALUE", f"the tool {name} found no line")
        lines.append(feature)
    turned = _turned(*(on_plane(feature, to_plane) for feature in lines))
    value = turned if settings.value == "turned" else min(turned, 180 - turned)
    return Measurement(value, lambda: _drawn(lines[0], lines[1], settings.value == "turned"))


def _turned(first: Feature, second: Feature) -> float:
    """By how many degrees the second is turned clockwise against the first, 0 to 180."""
    (ax, ay), (bx, by) = first.direction or (0.0, 0.0), second.direction or (0.0, 0.0)
    return math.degrees(math.atan2(ax * by - ay * bx, ax * bx + ay * by)) % 180


def _drawn(first: Feature, second: Feature, clockwise: bool) -> tuple[Mark, ...]:
    """Both lines from where they meet, and the angle there as a sector; parallel ones by a piece of
    either."""
    (ax, ay), (bx, by) = first.direction or (0.0, 0.0), second.direction or (0.0, 0.0)
    across = ax * by - ay * bx
    reach = (
        ((second.x - first.x) * by - (second.y - first.y) * bx) / across
        if abs(across) > 0.02
        else math.inf
    )
    if abs(reach) > FARTHEST_PX:
        pieces = ((first, ax, ay), (second, bx, by))
        return tuple(
            Mark(
                np.array([(f.x - 20 * x, f.y - 20 * y), (f.x + 20 * x, f.y + 20 * y)]), closed=True
            )
            for f, x, y in pieces
        )
    meet = np.array([first.x + reach * ax, first.y + reach * ay])
    legs = tuple(Mark(np.array([meet, (line.x, line.y)]), closed=True) for line in (first, second))
    turned = _turned(first, second)
    sweep = turned if clockwise or turned <= 90 else turned - 180
    away = np.array([(line.x, line.y) for line in (first, second)]) - meet
    middle = (away / np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-9)[:, None]).sum(axis=0)
    # or the other way along the first line: whichever points to where the edges are
    start = math.degrees(math.atan2(ay, ax))
    if (
        middle
        @ (math.cos(math.radians(start + sweep / 2)), math.sin(math.radians(start + sweep / 2)))
        < 0
    ):
        start += 180
    angles = np.radians(start + np.linspace(0, sweep, 24))
    radius = min(max(0.4 * abs(reach), 15), 60)
    arc = meet + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (*legs, Mark(np.vstack([meet, arc]), closed=True))
