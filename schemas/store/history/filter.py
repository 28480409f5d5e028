"""Which results are meant: the conditions of a person or program on the history."""

import json
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from schemas.base import ProgramId, Shape, StationId, ToolName
from schemas.result import Verdict

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]  # it comes as text
ResultId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Filter(Shape):
    """Which results; everything given must hold."""

    since: AwareDatetime | None = Field(
        default=None, description="Stored at or after this time (ISO 8601 with time zone)."
    )
    until: AwareDatetime | None = Field(
        default=None, description="Stored before this time (ISO 8601 with time zone)."
    )
    station: StationId | None = Field(default=None, description="Station.")
    verdict: Verdict | None = Field(default=None, description="OK, NG or ERROR.")
    program: ProgramId | None = Field(default=None, description="Program that judged.")
    part_id: Text | None = Field(default=None, description="Part id of the trigger.")
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] | None = Field(
        default=None, description="Code of the error."
    )
    tool: ToolName | None = Field(default=None, description="Name of a tool in the result.")
    tool_low: Number | None = Field(default=None, description="The tool's value is at least this.")
    tool_high: Number | None = Field(default=None, description="The tool's value is at most this.")
    tool_verdict: Verdict | None = Field(default=None, description="Verdict of the tool.")

    @model_validator(mode="after")
    def _tool(self) -> "Filter":
        if self.tool is None and (self.tool_low, self.tool_high, self.tool_verdict) != (
            None,
            None,
            None,
        ):
            raise ValueError("tool_low, tool_high and tool_verdict belong to a tool")
        return self

    def range(self) -> tuple[str, list[Any]]:
        """The condition on the time, for SQL."""
        terms = [("finished_at >= ?", self.since), ("finished_at < ?", self.until)]
        return (
            " AND ".join(text for text, at in terms if at is not None) or "1",
            [at.timestamp() for _, at in terms if at is not None],
        )

    def fixed(self) -> dict[str, str]:
        """The columns that must be equal to something."""
        names = ("station", "verdict", "program", "part_id", "code")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def admits(self, payload: bytes) -> bool:
        """Whether the condition on a tool holds."""
        for tool in json.loads(payload)["tools"]:
            if tool["name"] == self.tool and self.tool_verdict in (None, tool["verdict"]):
                if self.tool_low is None and self.tool_high is None:
                    return True
                value = tool["value"]
                if value is not None and (self.tool_low is None or value >= self.tool_low):
                    return self.tool_high is None or bool(value <= self.tool_high)
        return False
