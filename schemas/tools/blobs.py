"""Connected areas of light or dark pixels."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import Float
from schemas.tools.base import LitTool
from schemas.tools.facts import Facts

Px = Annotated[int, Field(ge=1, le=2**26)]


class Blobs(LitTool):
    """Finds connected areas of light (or dark) pixels of a certain size and shape, and counts or
    sums them."""

    facts: ClassVar[Facts] = Facts(
        group="count",
        place=40,
        title="Blobs",
        text="Counts spots, holes or pieces of a certain size and shape.",
        icon=(
            "M7 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM16 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4z"
            "M15 12a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM6 15a2 2 0 1 0 0 4 2 2 0 0 0 0-4z"
        ),
        main=("value", "threshold", "area_low_px", "area_high_px"),
        start={"low": 1},
    )
    kind: Literal["blobs"] = "blobs"
    polarity: Literal["light", "dark"] = Field(
        description="Whether pixels lighter or darker than the threshold make a blob."
    )
    threshold: Annotated[int, Field(ge=1, le=254)] | None = Field(
        default=None,
        description=(
            "Gray level between dark and light, 1 to 254; null finds it in the master (Otsu)."
        ),
    )
    value: Literal["count", "largest", "total"] = Field(
        default="count",
        description="Number of blobs, area of the largest in px, or area of all in px.",
    )
    area_low_px: Px = Field(default=10, description="Least area of a blob in px.")
    area_high_px: Px | None = Field(
        default=None, description="Greatest area in px; null is no limit."
    )
    width_low_px: Px = Field(default=1, description="Least extent along x in px.")
    width_high_px: Px | None = Field(
        default=None, description="Greatest extent along x in px; null is no limit."
    )
    height_low_px: Px = Field(default=1, description="Least extent along y in px.")
    height_high_px: Px | None = Field(
        default=None, description="Greatest extent along y in px; null is no limit."
    )
    extents: Literal["region", "own"] = Field(
        default="region",
        description=(
            "region: extents along the region's x and y; own: along the blob's own axes however it"
            " lies (the least rectangle around it), width the longer and height the shorter side."
        ),
    )
    circularity_low: Float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Least circularity: 1 a disc, 0.95 a square, 0 a thread.",
    )
    elongation_low: Float = Field(
        default=1.0,
        ge=1,
        le=1000,
        description="Least ratio of length to breadth, 1 (round) or more.",
    )
    elongation_high: Float | None = Field(
        default=None, ge=1, description="Greatest ratio of length to breadth; null is no limit."
    )
    border: Literal["count", "leave_out"] = Field(
        default="count",
        description=(
            "What happens to blobs that touch the border of the region (the borders of ignored"
            " areas do not count)."
        ),
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "count" if self.value == "count" else "px"

    @property
    def needs_master(self) -> bool:
        """Whether it learns from the master."""
        return self.threshold is None or super().needs_master

    @model_validator(mode="after")
    def _ranges(self) -> "Blobs":
        for what in ("area", "width", "height"):
            low, high = getattr(self, f"{what}_low_px"), getattr(self, f"{what}_high_px")
            if high is not None and low > high:
                raise ValueError(f"tool {self.name}: {what}_low_px is above {what}_high_px")
        if self.elongation_high is not None and self.elongation_low > self.elongation_high:
            raise ValueError(f"tool {self.name}: elongation_low is above elongation_high")
        return self
