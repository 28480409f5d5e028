"""What every tool can be told: its name, its region and the limits of its value."""

from pydantic import Field, model_validator

from schemas.base import Float, Shape, ToolName
from schemas.geometry import Region


class ToolBase(Shape):
    """A tool measures one value in one region; the value is good from `low` to `high`."""

    name: ToolName = Field(description="Name of the tool, unique in its program; used in judgements and outputs.")
    region: Region = Field(description="Where the tool looks, in the master's coordinates; it follows the part's pose.")
    low: Float | None = Field(default=None, description="Least good value; null is no lower limit.")
    high: Float | None = Field(default=None, description="Greatest good value; null is no upper limit.")

    @model_validator(mode="after")
    def _limits(self) -> "ToolBase":
        if self.low is None and self.high is None:
            raise ValueError(f"tool {self.name}: give low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"tool {self.name}: low ({self.low}) is above high ({self.high})")
        return self

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "ratio"
