"""The catalogue of tools: what each kind can be told, and which limits it accepts."""

from typing import Annotated

from pydantic import Field

from schemas.tools.angle import Angle
from schemas.tools.area import Area
from schemas.tools.blobs import Blobs
from schemas.tools.brightness import Brightness
from schemas.tools.circle import CircleTool
from schemas.tools.classify import Classify
from schemas.tools.code import Code
from schemas.tools.colour import Colour
from schemas.tools.colour_area import ColourArea
from schemas.tools.compare import Compare
from schemas.tools.contrast import Contrast
from schemas.tools.corner import CornerLocator
from schemas.tools.count import Count
from schemas.tools.difference import Difference
from schemas.tools.distance import Distance
from schemas.tools.edge import Edge
from schemas.tools.edge_pixels import EdgePixels
from schemas.tools.expression import Expression
from schemas.tools.learned import Learned
from schemas.tools.line import Line
from schemas.tools.marks import Marks
from schemas.tools.outline import Outline
from schemas.tools.pattern import Pattern
from schemas.tools.pattern_tool import PatternTool
from schemas.tools.pitch import Pitch
from schemas.tools.text import Text
from schemas.tools.width import Width

Tool = Annotated[
    Area
    | Brightness
    | ColourArea
    | EdgePixels
    | Outline
    | Angle
    | CircleTool
    | Distance
    | Edge
    | Line
    | Pitch
    | Width
    | Classify
    | Learned
    | Blobs
    | Code
    | Colour
    | Compare
    | Contrast
    | Count
    | Difference
    | Expression
    | PatternTool
    | Text,
    Field(discriminator="kind"),
]
Locator = Annotated[Pattern | Marks | CornerLocator, Field(discriminator="kind")]

__all__ = [
    "Angle",
    "Area",
    "Blobs",
    "Brightness",
    "CircleTool",
    "Classify",
    "Code",
    "Colour",
    "ColourArea",
    "Compare",
    "Contrast",
    "CornerLocator",
    "Count",
    "Difference",
    "Distance",
    "Edge",
    "EdgePixels",
    "Expression",
    "Learned",
    "Line",
    "Locator",
    "Marks",
    "Outline",
    "Pattern",
    "PatternTool",
    "Pitch",
    "Text",
    "Tool",
    "Width",
]
