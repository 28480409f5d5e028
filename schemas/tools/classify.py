"""Which of some taught classes a site looks like."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Float
from schemas.tools.base import ModelFile, RegionTool
from schemas.tools.facts import Facts

ClassName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]

ClassLow = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=(0(\.\d{1,4})?|1(\.0{1,4})?)$"),
]


class Classify(RegionTool):
    """Probability that the region shows the expected class, 0 to 1; the text of the result is the
    class it looks like."""

    facts: ClassVar[Facts] = Facts(
        group="learn",
        place=20,
        title="Classify",
        text="Which of several taught classes is it: variant, colour, orientation?",
        icon="M4 4h6v6H4zM17 4l4 6h-8zM7 14a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM14 14h6v6h-6z",
        main=("margin",),
        start={"expected": "good"},
        keeps=True,
        taught=True,
    )
    kind: Literal["classify"] = "classify"
    low: Float | None = Field(default=0.5, description="Least good value; null is no lower limit.")
    expected: ClassName = Field(
        description="Name of the class that is good: the name of its folder when taught."
    )
    margin: Float = Field(
        default=0.3,
        ge=0,
        le=0.99,
        description=(
            "Least lead in probability of the likeliest class over the next; below it the answer is"
            " ERROR / NO_VALUE."
        ),
    )
    unlike_high: Float | None = Field(
        default=1.0,
        ge=0.5,
        le=10,
        description=(
            "Greatest distance to the taught pictures of the likeliest class, of what those left"
            " out make likely; beyond it the answer is ERROR / NO_VALUE (neither). null: whatever"
            " is shown is one of the classes."
        ),
    )
    class_low: Annotated[tuple[ClassLow, ...], Field(max_length=64, strict=False)] = Field(
        default=(),
        description=(
            "Least probability at which a class is named, for each as NAME=0.9; below it the"
            " answer is ERROR / NO_VALUE. Classes without one are named as soon as they lead by"
            " the margin."
        ),
    )
    model: ModelFile | None = Field(
        default=None,
        description="What was learned; written by `inspection-node teach`, null until then.",
    )
    size_px: Annotated[int, Field(ge=96, le=512)] = Field(
        default=128,
        description=(
            "The region is brought to about this size squared, in px, 96 to 512; larger sees finer"
            " and takes longer."
        ),
    )

    @model_validator(mode="after")
    def _once_each(self) -> "Classify":
        if len(self.least) < len(self.class_low):
            raise ValueError(f"tool {self.name}: class_low has a class twice")
        return self

    @property
    def least(self) -> dict[str, float]:
        """Least probability of each class that has one."""
        return {name: float(low) for name, low in (each.split("=") for each in self.class_low)}

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "score"
