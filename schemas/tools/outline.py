"""Agreement of the part's shape with the master's contour."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class Outline(RegionTool):
    """Mean agreement of edge directions along the master's contour, 0 to 1; independent of
    brightness and contrast."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=10,
        title="Outline",
        text="Does the shape agree with the master's contour?",
        icon="M4 18V8l5-4h6l5 4v10l-4 2H8zM8 12h8",
        start={"low": 0.7},
    )
    kind: Literal["outline"] = "outline"
    gradient_low: Float = Field(
        default=20.0,
        ge=1,
        le=255,
        description=(
            "Least gradient of a contour point of the master in gray levels per px; a sharp step of"
            " C gray levels has 3/8 C. On the part a fifth of it is enough, less is noise."
        ),
    )
    tolerance_px: Annotated[int, Field(ge=0, le=5)] = Field(
        default=1,
        description="How far a contour point may be away from where the master has it, in px.",
    )

    contrast_low: Float = Field(
        default=0.35,
        ge=0,
        le=1,
        description=(
            "Least contrast beside the contour, as a share of the master's, 0 to 1: paler print,"
            " haze or a lamp that fails are NO_CONTRAST; 0 takes any."
        ),
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "score"
