"""Finds two marks of the master, each by itself: the line between them gives shift, turn and size
of the part."""

import math
from dataclasses import dataclass
from typing import Any

from node.frame import Frame
from node.locators import pattern
from node.vision.patterns import turned
from schemas import Marks, Pattern, Pose, Problem
from schemas.locators.marks import Fiducial

SLACK_DEG = 0.5  # that the part may be turned beyond what was asked for


@dataclass(frozen=True, eq=False)
class MarksLearned:
    """Settings and pattern of each mark."""

    marks: tuple[tuple[Pattern, Any], ...]


def learn(frame: Frame, settings: Marks) -> MarksLearned:
    """Both marks of the master. Raises Problem NO_CONTRAST, REGION_INVALID naming the mark and the
    field."""
    marks = []
    for name, mark in (("first", settings.first), ("second", settings.second)):
        for field, region in (("region", mark.region), ("search", mark.search)):
            if region is not None and not region.inside(frame.width, frame.height):
                raise Problem(
                    "REGION_INVALID",
                    f"{name}.{field} leaves the master of {frame.width} x {frame.height} px",
                )
        wanted = _wanted(settings, mark)
        try:
            marks.append((wanted, pattern.learn(frame, wanted, round_too=True)))
        except Problem as problem:
            raise Problem(problem.code, f"{name}: {problem.message}") from problem
    return MarksLearned(tuple(marks))


def origin(settings: Marks, _learned: MarksLearned) -> tuple[float, float]:
    """The point of the master that a pose locates: midway between the marks."""
    (x1, y1), (x2, y2) = settings.first.region.centre, settings.second.region.centre
    return (x1 + x2) / 2, (y1 + y2) / 2


def find(frame: Frame, settings: Marks, learned: MarksLearned) -> Pose:
    """Where midway between the marks is, turn and size by the line between them; the score is the
    lesser one.

    Raises Problem PART_NOT_FOUND if one is not found, or they lie to each other as they cannot.
    """
    first, second = (_mark(frame, wanted, known) for wanted, known in learned.marks)
    (x1, y1), (x2, y2) = settings.first.region.centre, settings.second.region.centre
    taught, seen = (x2 - x1, y2 - y1), (second.x - first.x, second.y - first.y)
    apart, was = math.hypot(*seen), math.hypot(*taught)
    scale = apart / was
    if settings.scale and not 0.8 <= scale <= 1.2:
        raise Problem(
            "PART_NOT_FOUND", f"the marks are {apart:.1f} px apart, {scale:.2f} of the master's"
        )
    if not settings.scale and abs(apart - was) > settings.slack_px:
        raise Problem(
            "PART_NOT_FOUND", f"the marks are {apart:.1f} px apart, in the master {was:.1f}"
        )
    turn = math.degrees(
        math.remainder(math.atan2(seen[1], seen[0]) - math.atan2(taught[1], taught[0]), math.tau)
    )
    if abs(turn) > settings.angle_deg + SLACK_DEG:
        raise Problem(
            "PART_NOT_FOUND",
            f"the marks are turned by {turn:.1f} degrees, the most is {settings.angle_deg:g}",
        )
    return Pose(
        x=(first.x + second.x) / 2,
        y=(first.y + second.y) / 2,
        angle_deg=turn,
        scale=scale if settings.scale else 1.0,
        score=min(first.score, second.score),
    )


def _mark(frame: Frame, wanted: Pattern, known: Any) -> Pose:
    round_too = isinstance(known, turned.TurnedPattern)
    return (
        turned.find(frame, wanted, known, round_too=True)
        if round_too
        else pattern.find(frame, wanted, known)
    )


def _wanted(settings: Marks, mark: Fiducial) -> Pattern:
    low, high = (0.8, 1.2) if settings.scale else (1.0, 1.0)
    return Pattern(
        region=mark.region,
        search=mark.search,
        angle_deg=settings.angle_deg,
        scale_low=low,
        scale_high=high,
        low=settings.low,
        alone=settings.alone,
    )
