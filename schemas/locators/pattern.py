"""Where the part is: the master's pattern found again in the frame."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import Float, Shape
from schemas.geometry import Region
from schemas.tools.base import ModelFile
from schemas.tools.facts import LocatorFacts


class Pattern(Shape):
    """Locator: finds the master's region again, to a fraction of a pixel: shifted, and turned and
    scaled if told so."""

    facts: ClassVar[LocatorFacts] = LocatorFacts(
        place=10,
        title="Pattern",
        text="Looks for a piece of the part that has structure. The first choice.",
        icon="M3 3h18v18H3zM8 8h6v6H8z",
    )
    kind: Literal["pattern"] = "pattern"
    region: Region = Field(
        description="The pattern in the master: textured, and always on the part."
    )
    search: Region | None = Field(
        default=None, description="Where to look for it; null is the whole frame."
    )
    angle_deg: Float = Field(
        default=0.0,
        ge=0,
        le=180,
        description="Greatest turn to each side in degrees: 0 is none, 180 the full circle.",
    )
    scale_low: Float = Field(
        default=1.0, ge=0.8, le=1, description="Least size against the master, 0.8 to 1."
    )
    scale_high: Float = Field(
        default=1.0, ge=1, le=1.2, description="Greatest size against the master, 1 to 1.2."
    )
    low: Float = Field(
        default=0.7, gt=0, le=1, description="Least score (0 to 1) that counts as found."
    )
    seen_low: Float = Field(
        default=0.7,
        ge=0.4,
        le=0.7,
        description=(
            "Share of the pattern that is scored, its best: 0.5 finds what is half covered, with"
            " low at 0.8 or more."
        ),
    )
    beyond_px: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0,
        description=(
            "How far the pattern may leave the search region or the frame, in px, if the rest of it"
            " is seen."
        ),
    )
    alone: bool = Field(
        default=True,
        description=(
            "Whether the search region holds one such part: a second place that is nearly as good"
            " is PART_NOT_FOUND. false: neighbours are meant (a tray), and the best one is taken."
        ),
    )

    model: ModelFile | None = Field(
        default=None,
        description=(
            "What of the region recurs in good parts, written by `inspection-node teach PROGRAM"
            " locator GOOD`; the rest (glare, dirt, background) is left out. null is all of it. It"
            " is for this region of this master only."
        ),
    )

    @property
    def shift_only(self) -> bool:
        """Whether the part is neither turned nor scaled."""
        return self.angle_deg == 0 and self.scale_low == self.scale_high == 1

    @property
    def covered(self) -> bool:
        """Whether much of the part may be covered: of two places that are seen then none is clearly
        better."""
        return self.seen_low < 0.7

    @model_validator(mode="after")
    def _fits(self) -> "Pattern":
        if self.region.width < 8 or self.region.height < 8:
            raise ValueError("locator: the region is smaller than 8 x 8 px")
        if not self.shift_only and min(self.region.width, self.region.height) < 12:
            raise ValueError(
                "locator: the region is smaller than 12 x 12 px, too small to see how it is turned"
                " or scaled"
            )
        if self.covered and self.low < 0.8:
            raise ValueError(
                "locator: where less than 0.7 of the pattern is scored (seen_low), low must be 0.8"
                " or more"
            )
        if self.search is not None and not self.search.contains(self.region):
            raise ValueError("locator: the search region does not contain the pattern's region")
        return self
