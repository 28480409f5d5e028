"""What every tool can be told: its name, its region and the limits of its value."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Float, Shape, ToolName
from schemas.geometry import AnyRegion

ModelFile = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\.npz$")]  # its name is the hash of what is in it


class ToolBase(Shape):
    """A tool measures one value; the value is good from `low` to `high`."""

    name: ToolName = Field(description="Name of the tool, unique in its program; used in judgements and outputs.")
    low: Float | None = Field(default=None, description="Least good value; null is no lower limit.")
    high: Float | None = Field(default=None, description="Greatest good value; null is no upper limit.")

    @model_validator(mode="after")
    def _limits(self) -> "ToolBase":
        if self.low is None and self.high is None:
            raise ValueError(f"tool {self.name}: give low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"tool {self.name}: low ({self.low}) is above high ({self.high})")
        return self

    asks: ClassVar[bool] = False  # whether it needs the trigger, or what other tools found

    @property
    def uses(self) -> tuple[str, ...]:
        """Names of the tools whose values it needs."""
        return ()

    @property
    def needs_master(self) -> bool:
        """Whether it can measure only what it learned from a master image."""
        return getattr(self, "relative_to", None) == "master"

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "ratio"


class RegionTool(ToolBase):
    """A tool that looks at the pixels of one region."""

    region: AnyRegion = Field(description="Where the tool looks, in the master's coordinates; it follows the part's pose.")
    ignore: Annotated[tuple[AnyRegion, ...], Field(max_length=16, strict=False)] = Field(
        default=(), description="Parts of the region that do not count, in the master's coordinates."
    )


class LitTool(RegionTool):
    """A tool whose threshold can follow the light."""

    light: Literal["fixed", "follow"] = Field(
        default="fixed",
        description=(
            "follow: the threshold changes with the light of the region in relation to the master's, from 0.67 to 1.5 times; "
            "fixed: it stays as it is."
        ),
    )

    @property
    def needs_master(self) -> bool:
        """Whether it can measure only what it learned from a master image."""
        return self.light == "follow" or super().needs_master
