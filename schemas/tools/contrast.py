"""Spread of the gray levels in a region."""

from typing import Literal

from pydantic import Field

from schemas.tools.base import RegionTool


class Contrast(RegionTool):
    """Spread of the gray levels; or divided by the master's."""

    kind: Literal["contrast"] = "contrast"
    method: Literal["deviation", "range"] = Field(
        default="deviation",
        description="deviation: standard deviation; range: from the 5th to the 95th percentile, deaf to single odd pixels.",
    )
    relative_to: Literal["none", "master"] = Field(
        default="none", description="none: value in gray levels; master: value is a ratio to the master's."
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "gray" if self.relative_to == "none" else "ratio"
