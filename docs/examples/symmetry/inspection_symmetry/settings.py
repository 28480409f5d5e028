"""How alike the left and right halves of a region are."""

from typing import ClassVar, Literal

from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class Symmetry(RegionTool):
    """Compares the region with its mirror image: 1 is the same, 0 has nothing in common."""

    facts: ClassVar[Facts] = Facts(
        group="compare",
        place=200,
        title="Symmetry",
        text="Are its left and right halves alike?",
        icon="M12 3v18M4 8h5v8H4zM15 8h5v8h-5z",
        start={"low": 0.9},
    )
    kind: Literal["symmetry"] = "symmetry"

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return "score"
