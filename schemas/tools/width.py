"""Width of something between two edges."""

from typing import Literal

from pydantic import Field

from schemas.tools.caliper import ScanTool


class Width(ScanTool):
    """Distance of two edges, square to them."""

    kind: Literal["width"] = "width"
    measure: Literal["outside", "inside"] = Field(
        default="outside",
        description=(
            "outside: jaws that close from the ends of the region, the first and the last edge; inside: jaws that open from "
            "its middle, the nearest edge on either side."
        ),
    )
    between: Literal["light", "dark", "any"] = Field(
        default="any", description="What lies between the two edges; any takes edges of either polarity."
    )
