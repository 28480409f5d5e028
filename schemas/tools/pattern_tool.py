"""How well, or how often, a pattern of the master is found in a region."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import Float
from schemas.geometry import Region
from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class PatternTool(RegionTool):
    """Looks for a pattern of the master in the region: the best score, or how many there are. Shift
    only."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=30,
        title="Pattern",
        text="Is a piece of the master here, and how often?",
        icon="M3 3h18v18H3zM8 8h5v5H8zM15 15h3v3h-3z",
        main=("value",),
        start={"low": 0.7},
    )
    kind: Literal["pattern"] = "pattern"
    pattern: Region = Field(
        description="The pattern in the master, at least 8 x 8 px, no larger than the region."
    )
    value: Literal["score", "count"] = Field(
        default="score",
        description=(
            "score: correlation at the best place, 0 to 1; count: number of places of at least"
            " least_score."
        ),
    )
    least_score: Float = Field(
        default=0.7, ge=0.3, le=1, description="Least score of a place that counts, 0.3 to 1."
    )
    contrast_low: Float = Field(
        default=0.35,
        ge=0,
        le=1,
        description=(
            "Least contrast of a place, as a share of the master's, 0 to 1: paler print, haze or a"
            " lamp that fails are NO_CONTRAST; 0 takes any."
        ),
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return self.value

    @property
    def needs_master(self) -> bool:
        """Whether it learns from the master."""
        return True

    @model_validator(mode="after")
    def _fits(self) -> "PatternTool":
        if self.pattern.width < 8 or self.pattern.height < 8:
            raise ValueError(f"tool {self.name}: pattern is smaller than 8 x 8 px")
        across, down = zip(*self.region.corners, strict=True)
        wide, high = max(across) - min(across) + 1, max(down) - min(down) + 1
        if self.region.shape == "rotated":
            wide, high = self.region.width, self.region.height
        if self.pattern.width > wide or self.pattern.height > high:
            raise ValueError(f"tool {self.name}: pattern is larger than region")
        return self
