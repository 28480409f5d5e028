"""Likeness to good pictures, learned from them alone."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Float
from schemas.tools.base import ModelFile, RegionTool
from schemas.tools.facts import Facts


class Learned(RegionTool):
    """How much the region differs from the good pictures that were taught; value in `ratio`, 1.0 is
    the threshold found in teaching."""

    facts: ClassVar[Facts] = Facts(
        group="learn",
        place=10,
        title="Learned",
        text="Finds what differs from the good parts it was taught; no defects are needed.",
        icon="M12 4L2 9l10 5 10-5zM6 11v5c3 3 9 3 12 0v-5M22 9v6",
        keeps=True,
        taught=True,
    )
    kind: Literal["learned"] = "learned"
    high: Float | None = Field(
        default=1.0, description="Greatest good value; null is no upper limit."
    )
    model: ModelFile | None = Field(
        default=None,
        description="What was learned; written by `inspection-node teach`, null until then.",
    )
    false_reject_rate: Float = Field(
        default=0.05,
        ge=0.0001,
        le=0.2,
        description=(
            "Share of good parts that may be NG: sets where 1.0 lies, 0.0001 to 0.2. 0.05 is"
            " promised from 80 pictures on, 0.02 from 200; with fewer it is only expected, and"
            " teaching says what they can promise."
        ),
    )
    size_px: Annotated[int, Field(ge=96, le=512)] = Field(
        default=256,
        description=(
            "The region is brought to about this size squared, in px, 96 to 512; larger sees finer"
            " and takes longer."
        ),
    )
