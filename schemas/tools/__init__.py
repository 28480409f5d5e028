"""The catalogue of tools: what each kind can be told, and which limits it accepts."""

from typing import Annotated

from pydantic import Field

from schemas.tools.area import Area
from schemas.tools.brightness import Brightness
from schemas.tools.colour_area import ColourArea
from schemas.tools.edge_pixels import EdgePixels
from schemas.tools.outline import Outline
from schemas.tools.pattern import Pattern

Tool = Annotated[Area | Brightness | ColourArea | EdgePixels | Outline, Field(discriminator="kind")]
Locator = Pattern

__all__ = ["Area", "Brightness", "ColourArea", "EdgePixels", "Locator", "Outline", "Pattern", "Tool"]
