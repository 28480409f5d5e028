"""Places in a frame: x right, y down, the centre of the top left pixel is (0, 0), all in pixels of
the whole frame."""

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from schemas.base import Float, Shape

Pixel = Annotated[int, Field(ge=0, le=65535)]
Length = Annotated[int, Field(ge=1, le=65535)]
At = Annotated[Float, Field(ge=0, le=65535)]
MAX_CORNERS = 64


class Region(Shape):
    """An upright rectangle of whole pixels."""

    shape: Literal["rectangle"] = Field(default="rectangle", description="Kind of region.")
    x: Pixel = Field(description="Left column of the region in px.")
    y: Pixel = Field(description="Top row of the region in px.")
    width: Length = Field(description="Columns of the region in px.")
    height: Length = Field(description="Rows of the region in px.")

    @property
    def right(self) -> int:
        """First column behind the region."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below the region."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of the region as (x, y)."""
        return self.x + (self.width - 1) / 2, self.y + (self.height - 1) / 2

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Centres of the outermost pixels as (x, y)."""
        return (
            (self.x, self.y),
            (self.right - 1, self.y),
            (self.right - 1, self.bottom - 1),
            (self.x, self.bottom - 1),
        )

    def inside(self, width: int, height: int) -> bool:
        """Whether the whole region lies in a frame of that size."""
        return within(self.corners, width, height)

    def contains(self, other: "Region") -> bool:
        """Whether the whole of the other region lies in this one."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.right <= self.right
            and other.bottom <= self.bottom
        )


class RotatedRectangle(Shape):
    """A rectangle turned about its centre."""

    shape: Literal["rotated"] = Field(default="rotated", description="Kind of region.")
    x: At = Field(description="Column of the centre in px.")
    y: At = Field(description="Row of the centre in px.")
    width: Length = Field(description="Extent along the turned x axis in px.")
    height: Length = Field(description="Extent along the turned y axis in px.")
    angle_deg: Float = Field(
        ge=-360, le=360, description="Angle of the turned x axis in degrees, clockwise on screen."
    )

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Centres of the corner pixels as (x, y)."""
        c, s = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        w, h = (self.width - 1) / 2, (self.height - 1) / 2
        return tuple(
            (self.x + c * u - s * v, self.y + s * u + c * v)
            for u, v in ((-w, -h), (w, -h), (w, h), (-w, h))
        )

    def inside(self, width: int, height: int) -> bool:
        """Whether the whole region lies in a frame of that size."""
        return within(self.corners, width, height)


class Circle(Shape):
    """A disc."""

    shape: Literal["circle"] = Field(default="circle", description="Kind of region.")
    x: At = Field(description="Column of the centre in px.")
    y: At = Field(description="Row of the centre in px.")
    radius: Float = Field(ge=1, le=32767, description="Radius in px.")

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """36 points of the border as (x, y)."""
        turns = (math.tau * n / 36 for n in range(36))
        return tuple(
            (self.x + self.radius * math.cos(t), self.y + self.radius * math.sin(t)) for t in turns
        )

    def inside(self, width: int, height: int) -> bool:
        """Whether the whole region lies in a frame of that size."""
        return within(self.corners, width, height)


class Ring(Circle):
    """A disc with a concentric hole."""

    shape: Literal["ring"] = Field(default="ring", description="Kind of region.")  # type: ignore[assignment]
    inner_radius: Float = Field(ge=0, le=32767, description="Radius of the hole in px.")

    @model_validator(mode="after")
    def _thick(self) -> "Ring":
        if self.inner_radius >= self.radius - 0.5:
            raise ValueError("inner_radius is not smaller than radius")
        return self


class Corner(Shape):
    """One corner of a polygon."""

    x: At = Field(description="Column in px.")
    y: At = Field(description="Row in px.")


class Polygon(Shape):
    """A polygon that does not cross itself."""

    shape: Literal["polygon"] = Field(default="polygon", description="Kind of region.")
    points: Annotated[
        tuple[Corner, ...], Field(min_length=3, max_length=MAX_CORNERS, strict=False)
    ] = Field(description="The corners in order.")

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """The corners as (x, y)."""
        return tuple((point.x, point.y) for point in self.points)

    def inside(self, width: int, height: int) -> bool:
        """Whether the whole region lies in a frame of that size."""
        return within(self.corners, width, height)

    @model_validator(mode="after")
    def _simple(self) -> "Polygon":
        corners = self.corners
        n = len(corners)
        twice_area = sum(
            corners[i][0] * corners[(i + 1) % n][1] - corners[(i + 1) % n][0] * corners[i][1]
            for i in range(n)
        )
        if abs(twice_area) < 2:
            raise ValueError("the polygon has no area")
        for i in range(n):
            for j in range(i + 1, n):
                neighbours = j == i + 1 or (i == 0 and j == n - 1)
                if not neighbours and _cross(
                    corners[i], corners[(i + 1) % n], corners[j], corners[(j + 1) % n]
                ):
                    raise ValueError("the polygon crosses itself")
        return self


def _shape(value: Any) -> str:
    return str(
        value.get("shape", "rectangle")
        if isinstance(value, dict)
        else getattr(value, "shape", "rectangle")
    )


AnyRegion = Annotated[
    Annotated[Region, Tag("rectangle")]
    | Annotated[RotatedRectangle, Tag("rotated")]
    | Annotated[Circle, Tag("circle")]
    | Annotated[Ring, Tag("ring")]
    | Annotated[Polygon, Tag("polygon")],
    Discriminator(
        _shape,
        custom_error_type="region_shape",
        custom_error_message="shape is not one of rectangle, rotated, circle, ring, polygon",
    ),
]


def within(corners: tuple[tuple[float, float], ...], width: int, height: int) -> bool:
    """Whether all points lie on the pixels of a frame of that size; NaN does not."""
    return all(-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5 for x, y in corners)


def _cross(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> bool:
    def side(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


class Pose(Shape):
    """Where the part was found: the centre of the locator's region, turned and scaled against the
    master."""

    x: Float = Field(description="Column of the centre of what was located, in px.")
    y: Float = Field(description="Row of the centre of what was located, in px.")
    angle_deg: Float = Field(
        default=0.0, description="Rotation against the master in degrees, clockwise on screen."
    )
    scale: Float = Field(default=1.0, description="Size against the master.")
    score: Float = Field(default=1.0, description="How sure the locator is, 0 to 1.")
    runner_up: Float | None = Field(
        default=None,
        description=(
            "Score of the next best place that does not overlap by half; null if none was nearly as"
            " good."
        ),
    )
