"""Where the part is: the master's pattern found again in the frame."""

from typing import Literal

from pydantic import Field, model_validator

from schemas.base import Float, Shape
from schemas.geometry import Region


class Pattern(Shape):
    """Locator: finds the master's region again by normalised correlation, to a fraction of a pixel; shift only."""

    kind: Literal["pattern"] = "pattern"
    region: Region = Field(description="The pattern in the master: textured, and always on the part.")
    search: Region | None = Field(default=None, description="Where to look for it; null is the whole frame.")
    low: Float = Field(default=0.7, gt=0, le=1, description="Least score (correlation, 0 to 1) that counts as found.")

    @model_validator(mode="after")
    def _fits(self) -> "Pattern":
        if self.region.width < 8 or self.region.height < 8:
            raise ValueError("locator: the region is smaller than 8 x 8 px")
        if self.search is not None and not self.search.contains(self.region):
            raise ValueError("locator: the search region does not contain the pattern's region")
        return self
