"""Area of the pixels of one colour in a region."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.base import Float
from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class ColourArea(RegionTool):
    """Counts the pixels whose hue, saturation and value lie in a range; the hue may wrap through
    red."""

    facts: ClassVar[Facts] = Facts(
        group="count",
        place=20,
        title="Colour area",
        text="How much has a certain colour: a cap, a wire, a drop of glue?",
        icon="M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v8l7 4M12 12l-7 4",
        start={"low": 0.8, "high": 1.2, "hue_low_deg": 0, "hue_high_deg": 360},
        samples=True,
    )
    kind: Literal["colour_area"] = "colour_area"
    hue_low_deg: Float = Field(
        ge=0, le=360, description="First hue of the range in degrees (0 red, 120 green, 240 blue)."
    )
    hue_high_deg: Float = Field(
        ge=0,
        le=360,
        description="Last hue in degrees; below hue_low_deg the range wraps through 0.",
    )
    saturation_low: Float = Field(
        default=0.25, ge=0, le=1, description="Least saturation, 0 (gray) to 1."
    )
    saturation_high: Float = Field(
        default=1.0, ge=0, le=1, description="Greatest saturation, 0 to 1."
    )
    value_low: Float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Least value (lightness of the strongest channel), 0 to 1.",
    )
    value_high: Float = Field(default=1.0, ge=0, le=1, description="Greatest value, 0 to 1.")
    relative_to: Literal["master", "region"] = Field(
        default="master",
        description=(
            "The value is the area divided by the master's area, or by the region's pixels."
        ),
    )

    @model_validator(mode="after")
    def _ranges(self) -> "ColourArea":
        if self.saturation_low > self.saturation_high:
            raise ValueError(f"tool {self.name}: saturation_low is above saturation_high")
        if self.value_low > self.value_high:
            raise ValueError(f"tool {self.name}: value_low is above value_high")
        return self
