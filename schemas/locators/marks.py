"""Where the part is: two marks of the master found again in the frame."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import Float, Shape
from schemas.geometry import Region
from schemas.tools.facts import LocatorFacts

LEAST_SIDE = 12


class Fiducial(Shape):
    """One mark and where to look for it."""

    region: Region = Field(
        description="The mark in the master, with a little of what surrounds it."
    )
    search: Region | None = Field(
        default=None, description="Where to look for it; null is the whole frame."
    )

    @model_validator(mode="after")
    def _fits(self) -> "Fiducial":
        if self.region.width < LEAST_SIDE or self.region.height < LEAST_SIDE:
            raise ValueError(f"region: smaller than {LEAST_SIDE} x {LEAST_SIDE} px")
        if self.search is not None and not self.search.contains(self.region):
            raise ValueError("search: it does not contain the mark's region")
        return self


class Marks(Shape):
    """Locator: two marks, each found by itself, give shift, turn and, if told so, size of the
    part."""

    facts: ClassVar[LocatorFacts] = LocatorFacts(
        place=20,
        title="Two marks",
        text="Two marks far apart, such as holes: the most exact angle.",
        icon="M6 4v6M3 7h6M18 14v6M15 17h6M8 9l8 6",
    )
    kind: Literal["marks"] = "marks"
    first: Fiducial = Field(description="One mark.")
    second: Fiducial = Field(
        description="The other mark, as far from the first as the part allows."
    )
    angle_deg: Annotated[Float, Field(ge=0, le=45)] = Field(
        default=5.0, description="Greatest turn of the part to each side in degrees, 0 to 45."
    )
    scale: bool = Field(
        default=False,
        description="Whether the part's size may differ from the master's, by 0.8 to 1.2.",
    )
    slack_px: Annotated[Float, Field(gt=0, le=100)] = Field(
        default=3.0,
        description=(
            "By how many px the distance of the marks may differ from the master's, if the size may"
            " not."
        ),
    )
    low: Float = Field(
        default=0.7,
        gt=0,
        le=1,
        description="Least score (0 to 1) at which each mark counts as found.",
    )
    alone: bool = Field(
        default=True,
        description=(
            "Whether each mark must be the only one of its kind in its search region: a second one"
            " nearly as good is PART_NOT_FOUND."
        ),
    )

    @property
    def region(self) -> Region:
        """The smallest upright rectangle around both marks."""
        one, other = self.first.region, self.second.region
        x, y = min(one.x, other.x), min(one.y, other.y)
        return Region(
            x=x,
            y=y,
            width=max(one.right, other.right) - x,
            height=max(one.bottom, other.bottom) - y,
        )

    @model_validator(mode="after")
    def _apart(self) -> "Marks":
        if math.dist(self.first.region.centre, self.second.region.centre) < 2 * LEAST_SIDE:
            raise ValueError(f"second: the marks are less than {2 * LEAST_SIDE} px apart")
        return self
