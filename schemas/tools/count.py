"""Number of tools that are OK."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import ToolName
from schemas.tools.base import ToolBase


class Count(ToolBase):
    """Counts which of the named tools are OK; no value if one of them has none."""

    kind: Literal["count"] = "count"
    asks: ClassVar[bool] = True
    tools: Annotated[tuple[ToolName, ...], Field(min_length=1, max_length=64, strict=False)] = Field(
        description="Names of the tools, each once."
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
