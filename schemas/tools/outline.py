"""Agreement of the part's shape with the master's contour."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.base import RegionTool


class Outline(RegionTool):
    """Mean agreement of edge directions along the master's contour, 0 to 1; independent of brightness and contrast."""

    kind: Literal["outline"] = "outline"
    gradient_low: Float = Field(
        default=20.0,
        ge=1,
        le=255,
        description=(
            "Least gradient of a contour point of the master in gray levels per px; a sharp step of C gray levels has "
            "3/8 C. On the part a fifth of it is enough, less is noise."
        ),
    )
    tolerance_px: Annotated[int, Field(ge=0, le=5)] = Field(
        default=1, description="How far a contour point may be away from where the master has it, in px."
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "score"
