"""Mean colour of a region."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.base import Float, Shape
from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class Lab(Shape):
    """A colour in CIE L*a*b*, white point D65."""

    lightness: Float = Field(ge=0, le=100, description="L*, 0 (black) to 100 (white).")
    a: Float = Field(ge=-128, le=128, description="a*, from green (negative) to red.")
    b: Float = Field(ge=-128, le=128, description="b*, from blue (negative) to yellow.")


class Colour(RegionTool):
    """Mean colour of the region in CIE L*a*b* (sRGB, D65): its difference from the master's or a
    given one, or a coordinate."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=60,
        title="Colour",
        text="Is the colour as in the master, or as given?",
        icon="M12 3s7 7 7 11.5a7 7 0 0 1-14 0C5 10 12 3 12 3zM9 15a3 3 0 0 0 3 3",
        main=("value", "reference"),
        start={"high": 5},
    )
    kind: Literal["colour"] = "colour"
    value: Literal["delta_e", "lightness", "a", "b"] = Field(
        default="delta_e",
        description=(
            "delta_e: CIEDE2000 difference (1 is just visible); lightness, a, b: the coordinate"
            " itself."
        ),
    )
    reference: Lab | None = Field(
        default=None,
        description="The colour that delta_e is measured from; null uses the master's mean.",
    )

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return {"delta_e": "dE2000", "lightness": "L*", "a": "a*", "b": "b*"}[self.value]

    @property
    def needs_master(self) -> bool:
        """Whether it learns from the master."""
        return self.value == "delta_e" and self.reference is None
