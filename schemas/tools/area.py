"""Area of the light or dark pixels in a region."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.tools.base import LitTool


class Area(LitTool):
    """Counts the pixels that are lighter (or darker) than a threshold; value in `ratio`."""

    kind: Literal["area"] = "area"
    polarity: Literal["auto", "light", "dark"] = Field(
        default="auto", description="Which pixels count; auto takes the kind that is rarer in the master."
    )
    threshold: Annotated[int, Field(ge=1, le=254)] | None = Field(
        default=None, description="Gray level between dark and light, 1 to 254; null finds it in the master (Otsu)."
    )
    relative_to: Literal["master", "region"] = Field(
        default="master", description="The value is the area divided by the master's area, or by the region's pixels."
    )
