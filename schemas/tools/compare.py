"""Comparison of two regions of one part."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.geometry import AnyRegion, Region, RotatedRectangle
from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class Compare(RegionTool):
    """Compares the region with another one of the same part: how bright, how rich in contrast, or
    how alike they are."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=70,
        title="Two regions",
        text="Compares two places of the same part: which is brighter, are they alike?",
        icon="M3 6h7v7H3zM14 11h7v7h-7zM10 4h4M14 4l-2-2M14 4l-2 2M14 20h-4M10 20l2-2M10 20l2 2",
        main=("figure", "operation"),
        start={"low": 0},
        signed=True,
    )
    kind: Literal["compare"] = "compare"
    other: AnyRegion = Field(
        description=(
            "The region it is compared with, in the master's coordinates; it follows the pose too."
        )
    )
    other_ignore: Annotated[tuple[AnyRegion, ...], Field(max_length=16, strict=False)] = Field(
        default=(),
        description="Parts of the other region that do not count, in the master's coordinates.",
    )
    figure: Literal["brightness", "contrast", "correlation"] = Field(
        default="brightness",
        description=(
            "Mean gray, standard deviation of gray, or correlation of the pixels (-1 to 1; regions"
            " of one size)."
        ),
    )
    operation: Literal["ratio", "difference"] = Field(
        default="ratio",
        description=(
            "The region's figure divided by the other's, or less the other's; not used by"
            " correlation."
        ),
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        if self.figure == "correlation":
            return "score"
        return "ratio" if self.operation == "ratio" else "gray"

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that it can have."""
        return {"score": (-1.0, 1.0), "gray": (-255.0, 255.0)}.get(self.unit, super().reach)

    @model_validator(mode="after")
    def _alike(self) -> "Compare":
        boxes = [
            (r.width, r.height)
            for r in (self.region, self.other)
            if isinstance(r, (Region, RotatedRectangle))
        ]
        if self.figure == "correlation" and len(boxes) == 2 and boxes[0] != boxes[1]:
            raise ValueError(
                f"tool {self.name}: other is not of the same width and height as region"
            )
        return self
