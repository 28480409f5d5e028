"""The catalogue of tools: what each kind can be told. Written by schemas/kinds.py.

If the file of a kind is gone, nothing imports: .venv/bin/python -m deploy.cli.remove_tool NAME.
"""

from typing import TYPE_CHECKING, Annotated

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
from schemas.tools.count import Count
from schemas.tools.difference import Difference
from schemas.tools.distance import Distance
from schemas.tools.edge import Edge
from schemas.tools.edge_pixels import EdgePixels
from schemas.tools.expression import Expression
from schemas.tools.learned import Learned
from schemas.tools.line import Line
from schemas.tools.others import joined, others
from schemas.tools.outline import Outline
from schemas.tools.pattern_tool import PatternTool
from schemas.tools.pitch import Pitch
from schemas.tools.text import Text
from schemas.tools.width import Width

Tool = Annotated[
    Angle
    | Area
    | Blobs
    | Brightness
    | CircleTool
    | Classify
    | Code
    | Colour
    | ColourArea
    | Compare
    | Contrast
    | Count
    | Difference
    | Distance
    | Edge
    | EdgePixels
    | Expression
    | Learned
    | Line
    | Outline
    | PatternTool
    | Pitch
    | Text
    | Width,
    Field(discriminator="kind"),
]

TOOL_MODULES = {  # by kind, in this folder and in that of node
    "angle": "angle",
    "area": "area",
    "blobs": "blobs",
    "brightness": "brightness",
    "circle": "circle",
    "classify": "classify",
    "code": "code",
    "colour": "colour",
    "colour_area": "colour_area",
    "compare": "compare",
    "contrast": "contrast",
    "count": "count",
    "difference": "difference",
    "distance": "distance",
    "edge": "edge",
    "edge_pixels": "edge_pixels",
    "expression": "expression",
    "learned": "learned",
    "line": "line",
    "outline": "outline",
    "pattern": "pattern_tool",
    "pitch": "pitch",
    "text": "text",
    "width": "width",
}

OTHERS = others(TOOL_MODULES)  # of packages that are installed beside the node
if not TYPE_CHECKING:
    Tool = joined(Tool, TOOL_MODULES, OTHERS)

__all__ = [
    "OTHERS",
    "TOOL_MODULES",
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
    "Count",
    "Difference",
    "Distance",
    "Edge",
    "EdgePixels",
    "Expression",
    "Learned",
    "Line",
    "Outline",
    "PatternTool",
    "Pitch",
    "Text",
    "Tool",
    "Width",
]
