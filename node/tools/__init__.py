"""The tools: one file a kind, each two pure functions. `Tool` says what they are."""

from collections.abc import Callable
from typing import Any, Protocol

from node.kinds import Kinds
from node.measurement import Measurement
from schemas.tools import TOOL_MODULES


class Tool(Protocol):
    """A module of this folder: what a kind of tool does with its settings.

    Arguments are given by position. An argument that a kind has no use for begins with `_`.
    """

    @property
    def learn(self) -> Callable[..., Any]:
        """learn(view, settings): what the tool keeps of the master, once, when a program is loaded.

        None if it keeps nothing. A tool that was taught gets its model file as well: learn(view,
        settings, model), None if it was not. Raises Problem if there is nothing to learn from.
        """

    @property
    def measure(self) -> Callable[..., Measurement]:
        """measure(view, settings, learned): what is there on this part.

        view is None for a tool without a region. A tool whose settings say `asks` (it needs the
        trigger, or what other tools found) gets that as well: measure(view, settings, learned,
        given). Raises Problem if there is nothing to measure: a tool never makes a number up.
        """


TOOLS: Kinds[Tool] = Kinds({kind: f"node.tools.{module}" for kind, module in TOOL_MODULES.items()})
