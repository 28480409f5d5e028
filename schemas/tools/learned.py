"""Likeness to good pictures, learned from them alone."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.base import ModelFile, RegionTool


class Learned(RegionTool):
    """How unlike the good pictures it was taught the region is; value in `ratio`, 1.0 is the threshold found when taught."""

    kind: Literal["learned"] = "learned"
    high: Float | None = Field(default=1.0, description="Greatest good value; null is no upper limit.")
    model: ModelFile | None = Field(
        default=None, description="What was learned; written by `inspection-node teach`, null until then."
    )
    false_reject_rate: Float = Field(
        default=0.05,
        ge=0.0001,
        le=0.2,
        description=(
            "Share of good parts that may be NG: sets where 1.0 lies, 0.0001 to 0.2. 0.05 is promised from 59 pictures on, "
            "0.02 from 149; with fewer it is expected, and what they allow to promise is told when taught."
        ),
    )
    size_px: Annotated[int, Field(ge=96, le=512)] = Field(
        default=256,
        description="The region is brought to about this size squared, in px, 96 to 512; larger sees finer and takes longer.",
    )
