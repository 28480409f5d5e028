"""Mean gray level of a region."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class Brightness(RegionTool):
    """Mean gray level of the region, 0 to 255; or divided by the master's."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=40,
        title="Brightness",
        text="How bright is it: a lamp that is on, a part that is there?",
        icon=(
            "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19"
            " 5l-2 2M7 17l-2 2"
        ),
        main=("relative_to",),
        start={"low": 0, "high": 255},
    )
    kind: Literal["brightness"] = "brightness"
    relative_to: Literal["none", "master"] = Field(
        default="none",
        description="none: value in gray levels; master: value is a ratio to the master's mean.",
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "gray" if self.relative_to == "none" else "ratio"
