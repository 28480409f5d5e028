"""Reading of printed text in a region."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import Float
from schemas.tools.facts import Facts
from schemas.tools.reading import ReadingTool


class Text(ReadingTool):
    """Reads the lines of text; value: how sure the reader is of a text that is right, 0 to 1, and 0
    for another text."""

    facts: ClassVar[Facts] = Facts(
        group="read",
        place=20,
        title="Text",
        text="Reads printed text, such as a date or a lot number.",
        icon="M4 7V4h16v3M12 4v16M9 20h6",
        main=("lines", "expected", "pattern", "match"),
        start={"low": 0.5},
        keeps=True,
    )
    kind: Literal["text"] = "text"
    lines: Literal["many", "one"] = Field(
        default="many",
        description=(
            "many: lines are looked for and joined by spaces, top to bottom; one: the region is one"
            " line (faster)."
        ),
    )
    ignore_spaces: bool = Field(
        default=True, description="Whether texts are compared without their spaces."
    )
    characters: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None,
        description=(
            "The only characters there may be, and spaces: what looks like none of them is not"
            " read; null allows any."
        ),
    )
    confidence_low: Float = Field(
        default=0.5,
        ge=0,
        le=1,
        description=(
            "Least confidence of a line, which is that of its least certain character; other lines"
            " are left out."
        ),
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "score"
