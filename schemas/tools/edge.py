"""Position of an edge, or how many there are."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.tools.caliper import Polarity, RowsTool, Which
from schemas.tools.facts import Facts, Room


class Edge(RowsTool):
    """Where an edge crosses the middle of the region along the scan, or how many edges there
    are."""

    facts: ClassVar[Facts] = Facts(
        group="measure",
        place=20,
        title="Edge",
        text="Where is an edge, or how many are there?",
        icon="M14 3v18M3 12h11M10 8l4 4-4 4M18 6v12",
        main=("value", "scan", "polarity", "unit"),
        start={"low": 0},
        room=(Room("within", 5, when={"value": "position", "unit": "px"}),),
    )
    kind: Literal["edge"] = "edge"
    value: Literal["position", "count"] = Field(
        default="position",
        description=(
            "position: from the centre of the region's first pixel along the scan; count: of all"
            " edges."
        ),
    )
    polarity: Polarity = Field(
        default="any", description="Which edges count, as met along the scan."
    )
    which: Which = Field(default="strongest", description="Which of several edges is measured.")

    @model_validator(mode="after")
    def _length(self) -> "Edge":
        if self.value == "count":
            self._is_no_length("a count")
        return self

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "count" if self.value == "count" else self.length_unit
