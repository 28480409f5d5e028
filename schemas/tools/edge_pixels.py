"""Number of edge pixels in a region."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.base import LitTool
from schemas.tools.facts import Facts


class EdgePixels(LitTool):
    """Counts the pixels along edges, where the gray level changes steeply, 1 px thick; value in
    `ratio`."""

    facts: ClassVar[Facts] = Facts(
        group="count",
        place=30,
        title="Edge pixels",
        text="How much structure is here: print, engraving, a thread?",
        icon="M3 17h3v-4h4V9h4V5h7M7 21h3v-4h4v-4h4V9h3",
        start={"low": 0.8, "high": 1.2},
    )
    kind: Literal["edge_pixels"] = "edge_pixels"
    gradient_low: Float = Field(
        default=20.0,
        ge=1,
        le=255,
        description=(
            "Least gradient of an edge pixel in gray levels per px (Sobel, smoothed); a sharp step"
            " of C gray levels has 3/8 C."
        ),
    )
    relative_to: Literal["master", "region"] = Field(
        default="master",
        description=(
            "The value is the count divided by the master's count, or by the region's pixels."
        ),
    )
