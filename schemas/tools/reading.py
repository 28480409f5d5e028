"""What tools that read a text can be told about the text they should read."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints, model_validator

from schemas.tools.base import RegionTool
from schemas.tools.regular import compiled

Expected = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
RegularExpression = Annotated[str, StringConstraints(min_length=1, max_length=200)]
TriggerField = Annotated[str, StringConstraints(pattern=r"^(part_id|meta\.[A-Za-z0-9_.:-]{1,64})$")]


class ReadingTool(RegionTool):
    """Reads texts in the region; at most one of `expected`, `pattern` and `match` says which are
    right, else any is."""

    asks: ClassVar[bool] = True
    expected: Expected | None = Field(
        default=None, description="The text that is right; null does not compare."
    )
    pattern: RegularExpression | None = Field(
        default=None,
        description=(
            "Regular expression the whole text must match: characters, ., [...], \\d \\w \\s,"
            " groups, |, ? * + {m,n}; null does not compare."
        ),
    )
    match: TriggerField | None = Field(
        default=None,
        description=(
            "part_id or meta.KEY: the text must be what the part's trigger says there; null does"
            " not compare."
        ),
    )

    @model_validator(mode="after")
    def _one_way(self) -> "ReadingTool":
        if sum(way is not None for way in (self.expected, self.pattern, self.match)) > 1:
            raise ValueError(f"tool {self.name}: give one of expected, pattern and match")
        if self.pattern is not None:
            try:
                compiled(self.pattern)
            except ValueError as error:
                raise ValueError(f"tool {self.name}: pattern: {error}") from None
        return self
