"""Spread of the gray levels in a region."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class Contrast(RegionTool):
    """Spread of the gray levels; or divided by the master's."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=50,
        title="Contrast",
        text="How much do the gray levels vary: print, texture, a surface that should be even?",
        icon="M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7h7M12 12h9M12 17h7",
        main=("relative_to", "method"),
        start={"low": 0},
    )
    kind: Literal["contrast"] = "contrast"
    method: Literal["deviation", "range"] = Field(
        default="deviation",
        description=(
            "deviation: standard deviation; range: from the 5th to the 95th percentile, deaf to"
            " single odd pixels."
        ),
    )
    relative_to: Literal["none", "master"] = Field(
        default="none",
        description="none: value in gray levels; master: value is a ratio to the master's.",
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "gray" if self.relative_to == "none" else "ratio"
