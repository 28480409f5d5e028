"""Number of tools that are OK."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import ToolName
from schemas.tools.base import ToolBase
from schemas.tools.facts import Facts, Room


class Count(ToolBase):
    """Counts which of the named tools are OK; no value if one of them has none."""

    facts: ClassVar[Facts] = Facts(
        group="logic",
        place=10,
        title="Count of tools",
        text="How many of several tools are OK, such as three screws of four?",
        icon="M4 6l2 2 3-4M4 13l2 2 3-4M4 20l2 2 3-4M13 6h7M13 13h7M13 20h7",
        start={"low": 1},
        uses="any",
        least=1,
        room=(Room("all"),),
        recount=True,
    )
    kind: Literal["count"] = "count"
    asks: ClassVar[bool] = True
    tools: Annotated[tuple[ToolName, ...], Field(min_length=1, max_length=64, strict=False)] = (
        Field(description="Names of the tools, each once.")
    )

    @property
    def uses(self) -> tuple[str, ...]:
        """Names of the tools whose values it needs."""
        return self.tools

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "count"

    @model_validator(mode="after")
    def _once(self) -> "Count":
        if len(set(self.tools)) < len(self.tools):
            raise ValueError(f"tool {self.name}: tools names one twice")
        return self
