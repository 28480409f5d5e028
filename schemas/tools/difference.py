"""Comparison with the master, pixel by pixel: a golden sample."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.base import ModelFile, RegionTool
from schemas.tools.facts import Facts


class Difference(RegionTool):
    """How much of the part differs from the master (or from several good parts), after a fine
    registration of the region."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=20,
        title="Difference",
        text="Finds scratches, stains and missing parts: anything that is not as in the master.",
        icon="M4 4h7v16H4zM13 4h7v16h-7zM15.5 9l2.5 2.5M18 9l-2.5 2.5",
        main=("value", "contrast_low", "area_low_px"),
        keeps=True,
    )
    kind: Literal["difference"] = "difference"
    high: Float | None = Field(
        default=0.0, description="Greatest good value; null is no upper limit."
    )
    value: Literal["count", "area", "largest_area"] = Field(
        default="count",
        description="What is measured: number of defects, their area or the largest one's, in px.",
    )
    model: ModelFile | None = Field(
        default=None,
        description="What was taught from several good parts; null is the master alone.",
    )
    contrast_low: Float = Field(
        default=64.0,
        ge=1,
        le=255,
        description="Least difference from what is allowed, in gray levels of the master.",
    )
    taught_low: Float = Field(
        default=26.0,
        ge=1,
        le=255,
        description=(
            "The same where 10 good parts or more have taught what varies, if that is less; half"
            " of it for the mean of 11 x 11 px."
        ),
    )
    spread_times: Float = Field(
        default=4.0,
        ge=0,
        le=20,
        description=(
            "How many standard deviations of the good parts are allowed, where that is more."
        ),
    )
    tolerance_px: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2, description="How far edges may be off, in px."
    )
    taught_tolerance_px: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0,
        description=(
            "The same where 10 good parts or more have taught how far edges are off, if that is"
            " less."
        ),
    )
    area_low_px: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=20, description="Least area of a defect in px."
    )
    thickness_low_px: Annotated[int, Field(ge=1, le=20)] = Field(
        default=2, description="Least thickness of a defect in px."
    )
    join_px: Annotated[int, Field(ge=0, le=20)] = Field(
        default=3, description="Pieces up to twice this apart are one defect, in px."
    )
    margin_px: Annotated[int, Field(ge=0, le=50)] = Field(
        default=8, description="How far around a defect its box is drawn, in px."
    )
    smooth_px: Float = Field(
        default=1.0, ge=0, le=5, description="Blur against noise, its sigma in px; 0 is none."
    )
    light: Literal["fixed", "gain", "ramp"] = Field(
        default="ramp",
        description=(
            "Which changes of the light are compensated: none, gain and offset, or both as they"
            " vary over the region."
        ),
    )
    search_px: Annotated[int, Field(ge=0, le=200)] = Field(
        default=16, description="How far the part may be from where the locator puts it, in px."
    )
    search_deg: Float = Field(
        default=1.5, ge=0, le=10, description="The same for its angle, in degrees."
    )
    bend_px: Float = Field(
        default=2.0,
        ge=0,
        le=10,
        description=(
            "How far it may be bent, beyond an affine map, in px. 10 good parts or more teach it,"
            " up to twice this."
        ),
    )
    stretch_high: Float = Field(
        default=0.02,
        ge=0,
        le=0.2,
        description=(
            "How much wider, higher or more sheared it may be, as a share; beyond it is not the"
            " master's part."
        ),
    )
    seen_low: Float = Field(
        default=0.8,
        ge=0.1,
        le=1,
        description="Least share of the region in the frame; the rest is not judged.",
    )

    @property
    def needs_master(self) -> bool:
        """Whether it can measure only what it learned from a master image."""
        return True

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "count" if self.value == "count" else "px"
