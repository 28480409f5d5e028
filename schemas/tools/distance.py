"""Distance between what two other tools found."""

from typing import Literal

from pydantic import Field, model_validator

from schemas.base import ToolName
from schemas.tools.caliper import LengthTool


class Distance(LengthTool):
    """Distance between two of: the point of an edge or width, a line, a circle."""

    kind: Literal["distance"] = "distance"
    first: ToolName = Field(description="Name of the tool that finds the one (edge, width, line or circle).")
    second: ToolName = Field(description="Name of the tool that finds the other.")
    circles: Literal["centre", "rim"] = Field(
        default="centre", description="Where circles are measured from; from the rim it is negative where things overlap."
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
