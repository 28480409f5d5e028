"""Reading of printed text in a region."""

from typing import Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.reading import ReadingTool


class Text(ReadingTool):
    """Reads the lines of text; value: how sure the reader is of a text that is right, 0 to 1, and 0 for another text."""

    kind: Literal["text"] = "text"
    lines: Literal["many", "one"] = Field(
        default="many",
        description="many: lines are looked for and joined by spaces, top to bottom; one: the region is one line (faster).",
    )
    ignore_spaces: bool = Field(default=True, description="Whether texts are compared without their spaces.")
    confidence_low: Float = Field(
        default=0.5, ge=0, le=1, description="Least confidence of a line, 0 to 1; others are left out."
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "score"
