"""Width of something between two edges."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.tools.caliper import RowsTool
from schemas.tools.facts import Facts


class Width(RowsTool):
    """Distance of two edges, square to them."""

    facts: ClassVar[Facts] = Facts(
        group="measure",
        place=10,
        title="Width",
        text="How wide is it, between two edges?",
        icon="M5 4v16M19 4v16M5 12h14M8 9l-3 3 3 3M16 9l3 3-3 3",
        main=("scan", "measure", "unit"),
        start={"low": 0},
    )
    kind: Literal["width"] = "width"
    measure: Literal["outside", "inside"] = Field(
        default="outside",
        description=(
            "outside: jaws that close from the ends of the region, the first and the last edge;"
            " inside: jaws that open from its middle, the nearest edge on either side."
        ),
    )
    between: Literal["light", "dark", "any"] = Field(
        default="any",
        description="What lies between the two edges; any takes edges of either polarity.",
    )
