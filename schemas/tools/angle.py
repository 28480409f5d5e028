"""Angle between two lines that other tools found."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import ToolName
from schemas.tools.base import ToolBase
from schemas.tools.facts import Facts


class Angle(ToolBase):
    """Angle between two lines."""

    asks: ClassVar[bool] = True

    facts: ClassVar[Facts] = Facts(
        group="measure",
        place=60,
        title="Angle",
        text="Angle between two lines that were found.",
        icon="M4 20L18 5M4 20h17M12 20a8 8 0 0 0-2.6-5.8",
        main=("value",),
        start={"low": 0, "high": 180},
        uses=("line",),
        least=2,
    )
    kind: Literal["angle"] = "angle"
    first: ToolName = Field(description="Name of the tool that finds the one line.")
    second: ToolName = Field(description="Name of the tool that finds the other line.")
    value: Literal["between", "turned"] = Field(
        default="between",
        description=(
            "between: the smaller angle, 0 to 90 degrees; turned: clockwise from first to second, 0"
            " to 180 degrees."
        ),
    )

    @model_validator(mode="after")
    def _two(self) -> "Angle":
        if self.first == self.second:
            raise ValueError(f"tool {self.name}: first and second are the same tool")
        return self

    @property
    def uses(self) -> tuple[str, ...]:
        """Names of the tools whose values it needs."""
        return self.first, self.second

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "deg"

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that it can have."""
        return (0.0, 90.0 if self.value == "between" else 180.0)
