"""Angle or straightness of an edge."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import Float
from schemas.tools.caliper import Polarity, ScanTool, Which
from schemas.tools.facts import Facts, Room


class Line(ScanTool):
    """Straight line through the edge points of many scans beside each other."""

    facts: ClassVar[Facts] = Facts(
        group="measure",
        place=50,
        title="Straight line",
        text="Angle or straightness of an edge.",
        icon="M3 19L19 5M3 21h18M10 21a9 9 0 0 0-2.2-6",
        main=("value", "scan", "polarity", "unit"),
        start={"low": -90, "high": 90},
        room=(Room("at_most", 2, 1, {"value": "straightness"}),),
    )
    kind: Literal["line"] = "line"
    value: Literal["angle", "straightness"] = Field(
        default="angle",
        description=(
            "angle: against the region's axis across the scan, -90 to 90 degrees, clockwise on"
            " screen is positive; straightness: between the two parallels of the line that hold all"
            " of the edge."
        ),
    )
    polarity: Polarity = Field(
        default="any", description="Which edges count, as met along the scan."
    )
    which: Which = Field(
        default="strongest", description="Which of several edges of a scan counts."
    )
    found_low: Float = Field(
        default=0.6,
        ge=0.2,
        le=1,
        description="Least share of the scans, 0.2 to 1, whose edge must lie on the line.",
    )

    @model_validator(mode="after")
    def _length(self) -> "Line":
        if self.value == "angle":
            self._is_no_length("an angle")
        return self

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "deg" if self.value == "angle" else self.length_unit

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that it can have."""
        return (-90.0, 90.0) if self.value == "angle" else super().reach
