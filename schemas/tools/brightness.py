"""Mean gray level of a region."""

from typing import Literal

from pydantic import Field

from schemas.tools.base import RegionTool


class Brightness(RegionTool):
    """Mean gray level of the region, 0 to 255; or divided by the master's."""

    kind: Literal["brightness"] = "brightness"
    relative_to: Literal["none", "master"] = Field(
        default="none", description="none: value in gray levels; master: value is a ratio to the master's mean."
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "gray" if self.relative_to == "none" else "ratio"
