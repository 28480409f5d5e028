"""Where the part is: two straight edges of a part without texture, and the corner where they
meet."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Float, Shape
from schemas.geometry import Region, RotatedRectangle
from schemas.tools.facts import LocatorFacts


class CornerLocator(Shape):
    """Locator: two straight edges and their corner give shift and turn of the part."""

    facts: ClassVar[LocatorFacts] = LocatorFacts(
        place=30,
        title="Corner",
        text="Two straight edges, for parts without structure.",
        icon="M5 20V5h15M5 9a4 4 0 0 0 4-4",
    )
    kind: Literal["corner"] = "corner"
    first: RotatedRectangle = Field(
        description=(
            "Where one edge is looked for, wherever the part lies: the edge crosses the rectangle's"
            " x axis (its width)."
        )
    )
    second: RotatedRectangle = Field(description="Where the other edge is looked for, likewise.")
    contrast_low: Annotated[Float, Field(ge=2, le=255)] = Field(
        default=10.0, description="Least step of gray levels that is an edge, 2 to 255."
    )
    slack_px: Annotated[Float, Field(gt=0, le=20)] = Field(
        default=1.0,
        description=(
            "How far a point of an edge may lie beside its line and still belong to it, in px."
        ),
    )
    slack_deg: Annotated[Float, Field(gt=0, le=20)] = Field(
        default=2.0,
        description=(
            "By how much the angle between the edges may differ from the master's, in degrees."
        ),
    )
    low: Float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="Least share (0 to 1) of the scan lines that find each edge.",
    )

    @property
    def region(self) -> Region:
        """The smallest upright rectangle around both places."""
        corners = (*self.first.corners, *self.second.corners)
        left, top = (max(math.floor(min(c[axis] for c in corners) + 0.5), 0) for axis in (0, 1))
        right, bottom = (max(math.ceil(max(c[axis] for c in corners) - 0.5), 0) for axis in (0, 1))
        return Region(x=left, y=top, width=right - left + 1, height=bottom - top + 1)
