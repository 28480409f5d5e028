"""The tools: one file a kind, each two pure functions.

learn(view, settings) -> what the tool keeps of the master (None if nothing), once, when a program is loaded; raises
Problem if there is nothing to learn from. measure(view, settings, learned) -> Measurement; raises Problem if there is
nothing to measure: a tool never makes a number up.
"""

from types import ModuleType

from node.tools import area, brightness, colour_area, edge_pixels, outline

TOOLS: dict[str, ModuleType] = {
    "area": area,
    "brightness": brightness,
    "colour_area": colour_area,
    "edge_pixels": edge_pixels,
    "outline": outline,
}
