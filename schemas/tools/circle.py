"""Diameter, roundness or place of a circle."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.caliper import CaliperTool, Polarity, Which
from schemas.tools.facts import Facts, Room


class CircleTool(CaliperTool):
    """Circle through the edge points on rays from the middle of the region outwards."""

    facts: ClassVar[Facts] = Facts(
        group="measure",
        place=40,
        title="Circle",
        text="Diameter, roundness or place of a hole or disc.",
        icon="M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM4 12h16M7 9l-3 3 3 3M17 9l3 3-3 3",
        main=("value", "polarity", "unit"),
        start={"high": 65535},
        room=(
            Room("at_most", 2, 1, {"value": "roundness"}),
            Room("at_most", 2, 3, {"value": "centre_distance"}),
        ),
    )
    kind: Literal["circle"] = "circle"
    value: Literal["diameter", "roundness", "centre_distance"] = Field(
        default="diameter",
        description=(
            "diameter: of the fitted circle; roundness: greatest less least distance of the edge"
            " from its centre; centre_distance: from where the master has its centre, on the part"
            " as it lies."
        ),
    )
    polarity: Polarity = Field(
        default="any", description="Which edges count, as met on the way outwards."
    )
    which: Which = Field(
        default="strongest",
        description="Which of several edges on a ray counts, first is the innermost.",
    )
    found_low: Float = Field(
        default=0.6,
        ge=0.2,
        le=1,
        description="Least share of the rays, 0.2 to 1, whose edge must lie on the circle.",
    )

    @property
    def needs_master(self) -> bool:
        """Whether it can measure only what it learned from a master image."""
        return self.value == "centre_distance"
