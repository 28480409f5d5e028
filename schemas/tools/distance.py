"""Distance between what two other tools found."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import ToolName
from schemas.tools.caliper import LengthTool
from schemas.tools.facts import Facts


class Distance(LengthTool):
    """Distance between two of: the point of an edge or width, a line, a circle."""

    facts: ClassVar[Facts] = Facts(
        group="measure",
        place=70,
        title="Distance",
        text="Distance between two edges, lines or circles that were found.",
        icon="M6 8a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM18 10a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM9 11.5l6 1",
        main=("circles", "unit"),
        start={"low": 0},
        uses=("edge", "width", "line", "circle"),
        least=2,
    )
    kind: Literal["distance"] = "distance"
    first: ToolName = Field(
        description="Name of the tool that finds the one (edge, width, line or circle)."
    )
    second: ToolName = Field(description="Name of the tool that finds the other.")
    circles: Literal["centre", "rim"] = Field(
        default="centre",
        description=(
            "Where circles are measured from; from the rim it is negative where things overlap."
        ),
    )

    @model_validator(mode="after")
    def _two(self) -> "Distance":
        if self.first == self.second:
            raise ValueError(f"tool {self.name}: first and second are the same tool")
        return self

    @property
    def uses(self) -> tuple[str, ...]:
        """Names of the tools whose values it needs."""
        return self.first, self.second
