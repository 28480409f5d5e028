"""The tools: one file a kind, each two pure functions.

learn(view, settings) -> what the tool keeps of the master (None if nothing), once, when a program
is loaded; raises Problem if there is nothing to learn from. A tool that was taught gets its model
as well: learn(view, settings, model).

measure(view, settings, learned) -> Measurement; raises Problem if there is nothing to measure: a
tool never makes a number up. A tool whose settings say `asks` (it needs the trigger, or what other
tools found) gets that as well: measure(view, settings, learned, given). view is None for a tool
without a region.
"""

from node.kinds import Kinds
from schemas.tools import TOOL_MODULES

TOOLS = Kinds({kind: f"node.tools.{module}" for kind, module in TOOL_MODULES.items()})
