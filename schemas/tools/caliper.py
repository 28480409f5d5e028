"""What all tools that look for edges to a fraction of a px can be told."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from schemas.base import Float
from schemas.tools.base import RegionTool, ToolBase

Polarity = Literal["dark_to_light", "light_to_dark", "any"]
Which = Literal["first", "last", "strongest"]


class LengthTool(ToolBase):
    """A tool whose value can be a length."""

    model_config = ConfigDict(
        validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )
    asks: ClassVar[bool] = True  # for the calibration

    length_unit: Literal["px", "mm"] = Field(
        default="px",
        alias="unit",
        description=(
            "Unit of the value and of the limits if it is a length; mm needs the program's"
            " calibration."
        ),
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return self.length_unit

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that it can have; no frame is wider than 65535 px."""
        return (0.0, 65535.0) if self.unit == "px" else super().reach

    def _is_no_length(self, what: str) -> None:
        if self.length_unit == "mm":
            raise ValueError(f"tool {self.name}: {what} is no length: unit cannot be mm")


class CaliperTool(LengthTool, RegionTool):
    """A tool that looks for edges."""

    contrast_low: Float = Field(
        default=20.0,
        ge=2,
        le=255,
        description=(
            "Least contrast of an edge, 2 to 255 gray levels from its dark to its light side; a"
            " soft edge counts less: 0.7 of it if its blur is as large as smoothing_px, 0.45 if"
            " twice as large."
        ),
    )
    smoothing_px: Float = Field(
        default=1.0,
        ge=0.7,
        le=10,
        description=(
            "Smoothing along the scan before edges are looked for (sigma of a Gaussian), 0.7 to"
            " 10 px."
        ),
    )


class ScanTool(CaliperTool):
    """A tool that scans along one axis of its region; the edges may be slanted by up to 45
    degrees."""

    scan: Literal["right", "down"] = Field(
        default="right",
        description=(
            "Along the region's own x axis from its left, or along its y axis from its top."
        ),
    )


class RowsTool(ScanTool):
    """A tool that takes the mean over the rows of its region: do all of them show its edges?"""

    found_low: Float = Field(
        default=0.8,
        ge=0,
        le=1,
        description=(
            "Least share of the rows, 0 to 1, in which each edge must be seen, of those in which"
            " the master shows it; without a master of all."
        ),
    )
