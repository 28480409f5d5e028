"""Frame and View: read-only pixels, when they were exposed and where they come from.

What several tools need of the same pixels (gray, HSV, gradients) is made once per frame and view and then shared. A
pose never changes a region: it moves the view that is taken of the frame.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas import Problem, Region

Pixels = NDArray[np.uint8]

cv2.setNumThreads(1)  # one thread per station: OpenCV's own pool only adds jitter to calls of a few 100 us


class Placement(NamedTuple):
    """How the part lies against the master: shift in px, x right and y down."""

    dx: float = 0.0
    dy: float = 0.0


IN_PLACE = Placement()


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a camera.

    pixels: uint8, height x width x 3 (BGR) or height x width (gray), made read-only. exposed_ns: monotonic time at which
    the exposure began, or a time before that. taken_at_s: seconds since 1970 of the same moment. Raises Problem
    IMAGE_INVALID for any other array.
    """

    pixels: Pixels
    exposed_ns: int
    taken_at_s: float
    source: str
    simulated: bool
    # Arrays by what they are and where: views are made anew each time, for a view kept here would keep its frame alive
    # in a circle until the next garbage collection. No cached_property: in Python 3.11 its lock is shared by all stations.
    _made: dict[tuple[str, int, int, int, int], Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)) or 0 in shape:
            raise Problem("IMAGE_INVALID", f"{self.pixels.dtype} {shape} is neither 8 bit BGR nor 8 bit gray")
        self.pixels.flags.writeable = False

    @property
    def width(self) -> int:
        """Columns in px."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows in px."""
        return int(self.pixels.shape[0])

    @property
    def coloured(self) -> bool:
        """Whether the frame has three channels."""
        return self.pixels.ndim == 3

    @property
    def gray(self) -> Pixels:
        """Gray levels, height x width."""
        if not self.coloured:
            return self.pixels
        whole = ("gray", 0, 0, self.width, self.height)
        return self._once(whole, lambda: _read_only(cv2.cvtColor(self.pixels, cv2.COLOR_BGR2GRAY)))  # type: ignore[no-any-return]

    def view(self, region: Region, placement: Placement = IN_PLACE) -> "View":
        """The view of a region of the master where the part now lies, to the nearest px.

        Raises Problem REGION_INVALID if it leaves the frame: it is never clipped.
        """
        left, top = region.x + placement.dx + 0.5, region.y + placement.dy + 0.5
        if not (0 <= left < self.width - region.width + 1 and 0 <= top < self.height - region.height + 1):  # NaN too
            raise Problem(
                "REGION_INVALID",
                f"{region.width} x {region.height} px at ({left - 0.5:.1f}, {top - 0.5:.1f}) leave the frame of "
                f"{self.width} x {self.height} px",
            )
        return View(self, math.floor(left), math.floor(top), region.width, region.height)

    def _once(self, key: tuple[str, int, int, int, int], make: Callable[[], Any]) -> Any:
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
        return found


@dataclass(frozen=True, eq=False)
class View:
    """The pixels of one region of a frame; shapes are height x width (x 3)."""

    frame: Frame
    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns in the frame."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def size_px(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    @property
    def gray(self) -> Pixels:
        """Gray levels."""
        return self.frame.gray[self.slices]

    @property
    def bgr(self) -> Pixels:
        """Blue, green, red. Raises Problem IMAGE_INVALID on a gray frame."""
        if not self.frame.coloured:
            raise Problem("IMAGE_INVALID", "the tool needs colour, the camera gives gray")
        return self.frame.pixels[self.slices]

    @property
    def hsv(self) -> Pixels:
        """Hue 0..179 (half degrees), saturation and value 0..255."""
        return self._once("hsv", lambda: _read_only(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2HSV)))  # type: ignore[no-any-return]

    @property
    def gradients(self) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """Change of the gray level to the right and down, in 1/8 gray level per px (`GRADIENT_SCALE`).

        Sobel 3 x 3 after a Gaussian of 3 x 3; the pixels beside the view are not looked at, its rim is repeated.
        """
        return self._once("gradients", self._gradients)  # type: ignore[no-any-return]

    @property
    def uniform(self) -> bool:
        """Whether all pixels have one value, in all channels: nothing can be seen."""
        pixels = self.frame.pixels[self.slices]
        first = tuple(int(v) for v in np.atleast_1d(pixels[0, 0]))
        return int(cv2.countNonZero(cv2.inRange(pixels, first, first))) == self.size_px

    def _gradients(self) -> tuple[Any, Any]:
        across, down = cv2.spatialGradient(cv2.GaussianBlur(self.gray, (3, 3), 0))
        return _read_only(across), _read_only(down)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        return self.frame._once((name, self.x, self.y, self.width, self.height), make)


GRADIENT_SCALE = 8


@dataclass(frozen=True, eq=False)
class Mark:
    """Something found, for the annotated picture: points (n x 2, x and y in frame px), joined up if closed."""

    points: NDArray[np.float64]
    closed: bool = False


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a tool measured; `marks` is called after the verdict is out, and only if the picture is kept."""

    value: float
    marks: Callable[[], tuple[Mark, ...]] = tuple


def outlines(view: View, mask: Pixels) -> tuple[Mark, ...]:
    """The borders of what is not 0 in a mask of the view's size, the 200 longest at most."""
    found, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    longest = sorted(found, key=len, reverse=True)[:200]
    return tuple(Mark(points.reshape(-1, 2) + np.array([view.x, view.y], float), closed=True) for points in longest)


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array
