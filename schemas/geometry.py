"""Places in a frame: x right, y down, the centre of the top left pixel is (0, 0), all in pixels of the whole frame."""

from typing import Annotated

from pydantic import Field

from schemas.base import Float, Shape

Pixel = Annotated[int, Field(ge=0, le=65535)]


class Region(Shape):
    """An upright rectangle of whole pixels."""

    x: Pixel = Field(description="Left column of the region in px.")
    y: Pixel = Field(description="Top row of the region in px.")
    width: Annotated[int, Field(ge=1, le=65535)] = Field(description="Columns of the region in px.")
    height: Annotated[int, Field(ge=1, le=65535)] = Field(description="Rows of the region in px.")

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

    def inside(self, width: int, height: int) -> bool:
        """Whether the whole region lies in a frame of that size."""
        return self.right <= width and self.bottom <= height

    def contains(self, other: "Region") -> bool:
        """Whether the whole of the other region lies in this one."""
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom


class Pose(Shape):
    """Where the part was found: the centre of the locator's region, turned and scaled against the master."""

    x: Float = Field(description="Column of the centre of what was located, in px.")
    y: Float = Field(description="Row of the centre of what was located, in px.")
    angle_deg: Float = Field(default=0.0, description="Rotation against the master in degrees, clockwise on screen.")
    scale: Float = Field(default=1.0, description="Size against the master.")
    score: Float = Field(default=1.0, description="How sure the locator is, 0 to 1.")
