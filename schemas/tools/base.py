"""What every tool can be told: its name, its region and the limits of its value."""

from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.base import Float, Shape, ToolName
from schemas.geometry import AnyRegion
from schemas.tools.facts import shown

# its name is the hash of what is in it
ModelFile = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\.npz$")]
REACH = {  # the least and the greatest possible value, by unit
    "score": (0.0, 1.0),
    "gray": (0.0, 255.0),
    "grade": (0.0, 4.0),
    "L*": (0.0, 100.0),
    "a*": (-128.0, 127.0),
    "b*": (-128.0, 127.0),
}


class ToolBase(Shape):
    """A tool measures one value; the value is good from `low` to `high`."""

    name: ToolName = Field(
        description="Name of the tool, unique in its program; used in judgements and outputs."
    )
    low: Float | None = Field(default=None, description="Least good value; null is no lower limit.")
    high: Float | None = Field(
        default=None, description="Greatest good value; null is no upper limit."
    )

    @model_validator(mode="after")
    def _limits(self) -> "ToolBase":
        if self.low is None and self.high is None:
            raise ValueError(f"tool {self.name}: give low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"tool {self.name}: low ({self.low}) is above high ({self.high})")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Of a tool of others with its facts, since the editor's table has those of ours only."""
        schema = handler(core_schema)
        facts = getattr(cls, "facts", None)
        if facts is not None and not cls.__module__.startswith("schemas."):
            schema["x-facts"] = shown(facts)
        return schema

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

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that it can have."""
        return REACH.get(self.unit, (0.0, inf))

    @property
    def unlimited(self) -> bool:
        """Whether its limits take every value that it can have, so that no part is ever NG by
        it."""
        least, greatest = self.reach
        return (self.low is None or self.low <= least) and (
            self.high is None or self.high >= greatest
        )


class RegionTool(ToolBase):
    """A tool that looks at the pixels of one region."""

    region: AnyRegion = Field(
        description="Where the tool looks, in the master's coordinates; it follows the part's pose."
    )
    ignore: Annotated[tuple[AnyRegion, ...], Field(max_length=16, strict=False)] = Field(
        default=(),
        description="Parts of the region that do not count, in the master's coordinates.",
    )


class LitTool(RegionTool):
    """A tool whose threshold can follow the light."""

    light: Literal["fixed", "follow"] = Field(
        default="fixed",
        description=(
            "follow: the threshold changes with the light of the region in relation to the"
            " master's, from 0.67 to 1.5 times; fixed: it stays as it is."
        ),
    )

    @property
    def needs_master(self) -> bool:
        """Whether it can measure only what it learned from a master image."""
        return self.light == "follow" or super().needs_master
