"""Area of the light or dark pixels in a region."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.tools.base import LitTool
from schemas.tools.facts import Facts


class Area(LitTool):
    """Counts the pixels that are lighter (or darker) than a threshold; value in `ratio`."""

    facts: ClassVar[Facts] = Facts(
        group="count",
        place=10,
        title="Area",
        text="How much is light, or dark: is the label there, is it complete?",
        icon="M4 4h16v16H4zM4 14l5-5 4 4 3-3 4 4v6H4z",
        main=("polarity", "threshold"),
        start={"low": 0.8, "high": 1.2},
    )
    kind: Literal["area"] = "area"
    polarity: Literal["auto", "light", "dark"] = Field(
        default="auto",
        description="Which pixels count; auto takes the kind that is rarer in the master.",
    )
    threshold: Annotated[int, Field(ge=1, le=254)] | None = Field(
        default=None,
        description=(
            "Gray level between dark and light, 1 to 254; null finds it in the master (Otsu)."
        ),
    )
    relative_to: Literal["master", "region"] = Field(
        default="master",
        description=(
            "The value is the area divided by the master's area, or by the region's pixels."
        ),
    )
