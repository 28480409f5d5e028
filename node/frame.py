"""Frame and View: read-only pixels, when they were exposed and where they come from.

What several tools need of the same pixels (gray, HSV, gradients) is made once per frame and view
and then shared. A pose never changes a region: it moves the view that is taken of the frame.

One file: a frame and its views share what is made once of their pixels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas import Problem, Region
from schemas.geometry import AnyRegion, Circle, Ring, RotatedRectangle, within

Pixels = NDArray[np.uint8]
MAX_PIXELS = 2**26
FEW = 16  # px between those that show at once that a view is not uniform

# one thread per station: OpenCV's own pool only adds jitter to calls of a few 100 us
cv2.setNumThreads(1)


class Placement(NamedTuple):
    """How the part lies compared with the master: turned and scaled about (x0, y0) of the master,
    then shifted; px and degrees."""

    dx: float = 0.0
    dy: float = 0.0
    angle_deg: float = 0.0
    scale: float = 1.0
    x0: float = 0.0
    y0: float = 0.0

    @property
    def shift_only(self) -> bool:
        """Whether the part is neither turned nor scaled."""
        return self.angle_deg == 0.0 and self.scale == 1.0

    @property
    def matrix(self) -> NDArray[np.float64]:
        """2 x 3: times (x, y, 1) of the master gives (x, y) of the frame."""
        c = self.scale * math.cos(math.radians(self.angle_deg))
        s = self.scale * math.sin(math.radians(self.angle_deg))
        shift_x = self.x0 + self.dx - c * self.x0 + s * self.y0
        shift_y = self.y0 + self.dy - s * self.x0 - c * self.y0
        return np.array([[c, -s, shift_x], [s, c, shift_y]])


IN_PLACE = Placement()


@dataclass(frozen=True, eq=False)
class ViewSite:
    """Where a view is taken in the master: its size, its own axes (2 x 3: view to master), and
    which pixels count.

    mask: 255 where a pixel counts, height x width, None if all do. corners: n x 2 points of the
    master that must lie in the frame. upright: the left top pixel if the axes are the master's.
    border: where in the flattened view the outermost pixels of the region's own shape lie, those
    beside a pixel (of 8) outside of it, ignored or not.
    """

    width: int
    height: int
    matrix: NDArray[np.float64]
    mask: Pixels | None
    size_px: int
    corners: NDArray[np.float64]
    upright: tuple[int, int] | None
    border: NDArray[np.intp]


@lru_cache(maxsize=1024)
def site(region: AnyRegion, ignore: tuple[AnyRegion, ...] = ()) -> ViewSite:
    """The site of a region without the parts to be ignored. Raises Problem REGION_INVALID if no
    pixel is left."""
    corners = np.array(region.corners, float)
    if isinstance(region, RotatedRectangle):
        c, s = math.cos(math.radians(region.angle_deg)), math.sin(math.radians(region.angle_deg))
        width, height, upright = region.width, region.height, None
        matrix = np.array([[c, -s, corners[0, 0]], [s, c, corners[0, 1]]])
    else:
        left, top = (math.floor(v + 0.5) for v in corners.min(axis=0))
        right, bottom = (math.ceil(v - 0.5) for v in corners.max(axis=0))
        width, height, upright = right - left + 1, bottom - top + 1, (left, top)
        matrix = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    if width * height > MAX_PIXELS:
        raise Problem("REGION_INVALID", "the region is larger than any picture")
    mask, shape = None, np.full((height, width), 255, np.uint8)
    if ignore or not isinstance(region, (Region, RotatedRectangle)):
        columns, rows = np.arange(width)[None, :], np.arange(height)[:, None]
        if upright is not None:
            x, y = columns + matrix[0, 2], rows + matrix[1, 2]
        else:
            x = matrix[0, 0] * columns + matrix[0, 1] * rows + matrix[0, 2]
            y = matrix[1, 0] * columns + matrix[1, 1] * rows + matrix[1, 2]
        counts = _covers(region, x, y)
        shape = np.where(counts, np.uint8(255), np.uint8(0))
        for hole in ignore:
            counts = counts & ~_covers(hole, x, y)
        mask = _read_only(np.where(counts, np.uint8(255), np.uint8(0)))
    size_px = width * height if mask is None else int(np.count_nonzero(mask))
    if size_px == 0:
        raise Problem("REGION_INVALID", "no pixel of the region is left to look at")
    inner = cv2.erode(
        shape, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    border = _read_only(np.flatnonzero(shape != inner))
    return ViewSite(width, height, matrix, mask, size_px, corners, upright, border)


def _covers(region: AnyRegion, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of these points (x, y) of the master, whole pixels, lie in the region."""
    if isinstance(region, Circle):  # a ring too
        squared = (x - region.x) ** 2 + (y - region.y) ** 2
        inner = region.inner_radius if isinstance(region, Ring) else -1.0
        return (squared <= region.radius**2) & (squared >= inner**2 if inner > 0 else True)
    corners = np.array(region.corners, float)
    if isinstance(region, RotatedRectangle):  # its border pixels count whole
        c, s = math.cos(math.radians(region.angle_deg)), math.sin(math.radians(region.angle_deg))
        u, v = c * (x - region.x) + s * (y - region.y), -s * (x - region.x) + c * (y - region.y)
        return (np.abs(u) <= region.width / 2) & (np.abs(v) <= region.height / 2)
    if isinstance(region, Region):
        return (x >= region.x) & (x < region.right) & (y >= region.y) & (y < region.bottom)
    # even and odd crossings of a ray to the right
    inside = np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a camera.

    pixels: uint8, height x width x 3 (BGR) or height x width (gray), made read-only. exposed_ns:
    monotonic time at which the exposure began, or a time before that. taken_at_s: seconds since
    1970 of the same moment. Raises Problem IMAGE_INVALID for any other array.
    """

    pixels: Pixels
    exposed_ns: int
    taken_at_s: float
    source: str
    simulated: bool
    # Arrays by what they are and where: views are made anew each time, for a view kept here would
    # keep its frame alive in a circle until the next garbage collection. No cached_property: in
    # Python 3.11 its lock is shared by all stations.
    _made: dict[tuple[Any, ...], Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if (
            self.pixels.dtype != np.uint8
            or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3))
            or 0 in shape
        ):
            raise Problem(
                "IMAGE_INVALID", f"{self.pixels.dtype} {shape} is neither 8 bit BGR nor 8 bit gray"
            )
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
        make = partial(_gray_of, self.pixels)
        return self._once(self._whole, make)  # type: ignore[no-any-return]

    @property
    def _whole(self) -> tuple[Any, ...]:
        return ("gray", 0, 0, self.width, self.height)

    def view(
        self, region: AnyRegion, placement: Placement = IN_PLACE, ignore: tuple[AnyRegion, ...] = ()
    ) -> "View":
        """The view of a region of the master where the part now lies; it has the region's own size
        and axes.

        An upright region of a part that is only shifted is cut out, to the nearest px; any other is
        sampled (bilinear). Raises Problem REGION_INVALID if it leaves the frame: it is never
        clipped.
        """
        where = site(region, ignore)
        if where.upright is not None and placement.shift_only:
            left, top = where.upright[0] + placement.dx + 0.5, where.upright[1] + placement.dy + 0.5
            # NaN too
            if not (
                0 <= left < self.width - where.width + 1
                and 0 <= top < self.height - where.height + 1
            ):
                raise Problem("REGION_INVALID", self._leaves(where, left - 0.5, top - 0.5))
            x, y = math.floor(left), math.floor(top)
            key: tuple[Any, ...] = (x, y, where.width, where.height)
            return View(
                self, where, placement, np.array([[1.0, 0.0, x], [0.0, 1.0, y]]), (x, y), key
            )
        matrix = placement.matrix
        moved = where.corners @ matrix[:, :2].T + matrix[:, 2]
        if not within(tuple(map(tuple, moved)), self.width, self.height):
            raise Problem("REGION_INVALID", self._leaves(where, *moved.min(axis=0)))
        whole = matrix @ np.vstack([where.matrix, [0.0, 0.0, 1.0]])
        return View(
            self,
            where,
            placement,
            whole,
            None,
            (*whole.ravel().tolist(), where.width, where.height),
        )

    def anew(self, exposed_ns: int, taken_at_s: float, source: str) -> "Frame":
        """The same pixels as another frame, of which only the gray levels have been made."""
        frame = Frame(self.pixels, exposed_ns, taken_at_s, source, self.simulated)
        if self.coloured:
            gray = self.gray
            frame._once(self._whole, lambda: gray)
        return frame

    def _leaves(self, where: ViewSite, left: float, top: float) -> str:
        return (
            f"{where.width} x {where.height} px at ({left:.1f}, {top:.1f}) leave the frame of"
            f" {self.width} x {self.height} px"
        )

    def _once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = make()
        return made


@dataclass(frozen=True, eq=False)
class View:
    """The pixels of one region of a frame, in the region's own axes; shapes are height x width (x
    3).

    matrix: 2 x 3, times (x, y, 1) of the view gives (x, y) of the frame. Pixels that do not count
    (outside a circle, or ignored) are there, but `mask` is 0 for them: a tool must leave them out.
    """

    frame: Frame
    site: ViewSite
    placement: Placement
    matrix: NDArray[np.float64]
    cut: tuple[int, int] | None
    _key: tuple[Any, ...] = field(repr=False)

    @property
    def width(self) -> int:
        """Columns in px."""
        return self.site.width

    @property
    def height(self) -> int:
        """Rows in px."""
        return self.site.height

    @property
    def mask(self) -> Pixels | None:
        """255 where a pixel counts; None if all do."""
        return self.site.mask

    @property
    def size_px(self) -> int:
        """Number of pixels that count."""
        return self.site.size_px

    @property
    def gray(self) -> Pixels:
        """Gray levels."""
        return (
            self._pixels("gray", self.frame.gray)
            if self.cut is None
            else self.frame.gray[self._slices]
        )

    @property
    def bgr(self) -> Pixels:
        """Blue, green, red. Raises Problem IMAGE_INVALID on a gray frame."""
        if not self.frame.coloured:
            raise Problem("IMAGE_INVALID", "the tool needs colour, the camera gives gray")
        return (
            self._pixels("bgr", self.frame.pixels)
            if self.cut is None
            else self.frame.pixels[self._slices]
        )

    @property
    def hsv(self) -> Pixels:
        """Hue 0..179 (half degrees), saturation and value 0..255."""
        return self.once("hsv", lambda: cv2.cvtColor(self.bgr, cv2.COLOR_BGR2HSV))  # type: ignore[no-any-return]

    @property
    def gradients(self) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """Change of the gray level to the right and down, in 1/8 gray level per px
        (`GRADIENT_SCALE`).

        Sobel 3 x 3 after a Gaussian of 3 x 3; the pixels beside the view are not looked at, its rim
        is repeated.
        """
        return self.once("gradients", self._gradients)  # type: ignore[no-any-return]

    @property
    def uniform(self) -> bool:
        """Whether all pixels that count have one value, in all channels: nothing can be seen."""
        seen = self.bgr if self.frame.coloured else self.gray
        if self.mask is None and (seen[::FEW, ::FEW] != seen[0, 0]).any():
            return False
        darkest, lightest, _, _ = cv2.minMaxLoc(self.gray, self.mask)
        if darkest != lightest:
            return False
        low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
        if self.mask is not None:
            counted = seen[self.mask > 0]
            low, high = counted.min(axis=0), counted.max(axis=0)
        return bool(np.all(low == high))

    def counted(self, mask: Pixels) -> Pixels:
        """A mask of the view's size without the pixels that do not count."""
        return mask if self.mask is None else cv2.bitwise_and(mask, self.mask)

    def to_frame(self, points: Any) -> NDArray[np.float64]:
        """Points of the view (n x 2, x and y) as points of the frame."""
        return np.asarray(points, float).reshape(-1, 2) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def other(self, region: AnyRegion, ignore: tuple[AnyRegion, ...] = ()) -> "View":
        """The view of another region of the same part in the same frame."""
        return self.frame.view(region, self.placement, ignore)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What is made of this view's pixels, made once per frame, whatever asks; read-only. Not
        for what a mask changes."""
        return self.frame._once((name, *self._key), lambda: _frozen(make()))

    @property
    def _slices(self) -> tuple[slice, slice]:
        assert self.cut is not None
        return slice(self.cut[1], self.cut[1] + self.height), slice(
            self.cut[0], self.cut[0] + self.width
        )

    def _pixels(self, name: str, pixels: Pixels) -> Pixels:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.width, self.height)
        return self.once(  # type: ignore[no-any-return]
            name,
            lambda: cv2.warpAffine(
                pixels, self.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
            ),
        )

    def _gradients(self) -> tuple[Any, Any]:
        across, down = cv2.spatialGradient(cv2.GaussianBlur(self.gray, (3, 3), 0))
        return across, down


GRADIENT_SCALE = 8


def _gray_of(pixels: Pixels) -> Pixels:
    return _read_only(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))  # type: ignore[no-any-return]


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def _frozen(made: Any) -> Any:
    for array in made if isinstance(made, tuple) else (made,):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return made
