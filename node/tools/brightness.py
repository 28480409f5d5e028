"""Mean gray level, or its ratio to the master's."""

from dataclasses import dataclass

import cv2

from node.frame import View
from node.measurement import Measurement
from schemas import Brightness, Problem


@dataclass(frozen=True)
class BrightnessLearned:
    """Mean gray of the master's region."""

    mean: float


def learn(view: View, settings: Brightness) -> BrightnessLearned | None:
    """The master's mean; None if the value is not a ratio. Raises Problem NO_CONTRAST if it is all
    black or all white."""
    return BrightnessLearned(_mean(view)) if settings.relative_to == "master" else None


def measure(view: View, settings: Brightness, learned: BrightnessLearned | None) -> Measurement:
    """Mean gray, 0 to 255, or divided by the master's. Raises Problem NO_CONTRAST on a view all
    black or all white."""
    mean = _mean(view)
    if settings.relative_to == "none":
        return Measurement(mean)
    if learned is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    return Measurement(mean / learned.mean)


def _mean(view: View) -> float:
    mean = cv2.mean(view.gray, view.mask)[0]
    if not 0 < mean < 255:
        raise Problem(
            "NO_CONTRAST", "all pixels are black" if mean <= 0 else "all pixels are white"
        )
    return mean
