"""Locate: where the part lies, as a pose in the frame and against the master."""

from typing import Any

from node.frame import IN_PLACE, Frame, Placement
from node.locators import LOCATORS
from schemas import Locator, Pose, Problem


def locate(
    frame: Frame, locator: Locator | None, learned: Any, reference: Pose | None = None
) -> tuple[Pose | None, Placement]:
    """Find the part; without a locator it is taken to lie as the master does.

    `reference` is the pose of the part in the master; None takes the locator's own origin: the
    centre of a pattern, midway between two marks, the corner of two edges. Raises Problem
    PART_NOT_FOUND, or MASTER_IMAGE_NOT_FOUND if nothing was learned.
    """
    if locator is None:
        return None, IN_PLACE
    if learned is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", "the locator has no pattern")
    kind = LOCATORS[locator.kind]
    x, y = (reference.x, reference.y) if reference else kind.origin(locator, learned)
    pose = kind.find(frame, locator, learned)
    return pose, Placement(pose.x - x, pose.y - y, pose.angle_deg, pose.scale, x, y)
