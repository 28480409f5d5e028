"""Reading of 1D and 2D codes in a region."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.tools.facts import Facts
from schemas.tools.reading import ReadingTool

CodeFormat = Literal[
    "aztec",
    "codabar",
    "code_128",
    "code_39",
    "code_39_full_ascii",
    "code_93",
    "data_matrix",
    "databar",
    "ean_13",
    "ean_8",
    "itf",
    "maxicode",
    "micro_qr",
    "pdf417",
    "qr",
    "rmqr",
    "upc_a",
    "upc_e",
]


class Code(ReadingTool):
    """Reads codes and counts those that are right; or gives the worst grade of readability among
    them."""

    facts: ClassVar[Facts] = Facts(
        group="read",
        place=10,
        title="Code",
        text="Reads bar codes, QR, Data Matrix and others, and checks what they say.",
        icon="M3 5v14M7 5v14M10 5v14M15 5v14M18 5v14M21 5v14",
        main=("formats", "expected", "pattern", "match"),
        start={"low": 1},
        keeps=True,
    )
    kind: Literal["code"] = "code"
    formats: Annotated[tuple[CodeFormat, ...], Field(max_length=18, strict=False)] = Field(
        default=(),
        description=(
            "Kinds of code to look for; none named looks for all. Naming them is faster and rules"
            " out misreadings."
        ),
    )
    value: Literal["count", "grade"] = Field(
        default="count",
        description=(
            "count: number of codes that are right; grade: readability of the worst of them, 4"
            " (best) to 0."
        ),
    )
    effort: Literal["fast", "thorough"] = Field(
        default="thorough",
        description=(
            "fast looks once; thorough looks again (inverted, turned, smoothed, sharpened,"
            " enlarged, dots joined) while fewer codes than `low` (at least 1) are right, which"
            " takes some 3 times as long when there is none."
        ),
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return self.value
