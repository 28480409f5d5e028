"""What a tool measured, what it saw there, and what it may know of other tools."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels, View
from schemas import Calibration, Trigger


@dataclass(frozen=True, eq=False)
class Mark:
    """Something found, for the annotated picture: points (n x 2, x and y in frame px), joined up if
    closed."""

    points: NDArray[np.float64]
    closed: bool = False


@dataclass(frozen=True, eq=False)
class Heat:
    """How far each place of a view is from good, for the annotated picture: rows x columns,
    stretched over the view; 1 is hot.

    matrix: 2 x 3, times (column, row, 1) gives (x, y) of the frame.
    """

    values: NDArray[np.float32]
    matrix: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a tool measured; `marks` is called after the verdict is out, and only if the picture is
    kept."""

    value: float
    marks: Callable[[], tuple[Mark, ...]] = tuple
    text: str | None = None  # what was read, if it was a text
    feature: "Feature | None" = None  # what other tools may measure from
    heat: Callable[[], Heat] | None = None  # drawn under the marks, called when they are


@dataclass(frozen=True)
class Feature:
    """Something found in the frame to a fraction of a px: a point, a line through it along (ux,
    uy), or a circle about it.

    unsure_px: sigma by which a line or a circle's rim may be off because another edge is near to
    it. burnt: whether it lies beside something burnt out or black, which moves it.
    """

    x: float
    y: float
    direction: tuple[float, float] | None = None
    radius: float | None = None
    unsure_px: float = 0.0
    burnt: bool = False


def outlines(view: View, mask: Pixels) -> tuple[Mark, ...]:
    """The outlines of what is not 0 in a mask of the view's size, the 200 longest at most."""
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    longest = sorted(contours, key=len, reverse=True)[:200]
    return tuple(Mark(view.to_frame(points), closed=True) for points in longest)


class Given(NamedTuple):
    """What a tool may ask for: the trigger, by name what the tools it uses measured (None for one
    that could not), px to mm."""

    trigger: Trigger
    measured: Mapping[str, Measurement | None]
    passed: Mapping[str, bool]
    calibration: Calibration | None = None
