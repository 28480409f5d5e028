"""The tools: one file a kind, each two pure functions. `Tool` says what they are."""

from collections.abc import Callable
from typing import Any, Protocol

from node.kinds import Kinds
from node.measurement import Measurement
from schemas.errors import Problem
from schemas.tools import OTHERS, TOOL_MODULES
from schemas.tools.others import OtherTool


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


class _Tools(Kinds[Tool]):
    """Our own tools, and those of others: whatever importing one of them raises is a Problem
    PROGRAM_INVALID."""

    def __getitem__(self, kind: str) -> Tool:
        """The steps of a kind, loaded when they are first asked for."""
        if kind in TOOL_MODULES:
            return super().__getitem__(kind)
        other = OTHERS[kind]
        if other.problem is not None:
            raise Problem("PROGRAM_INVALID", other.problem)
        try:
            steps = super().__getitem__(kind)
            missing = [
                name for name in ("learn", "measure") if not callable(getattr(steps, name, None))
            ]
        except (Exception, SystemExit) as error:
            said = f"{type(error).__name__}: {error}"
            raise _unusable(other, said) from error
        if missing:
            raise _unusable(other, f"no function {' and '.join(missing)}")
        return steps


def _unusable(other: OtherTool, why: str) -> Problem:
    return Problem(
        "PROGRAM_INVALID", f"the kind {other.kind}, of {other.package}, cannot be used: {why}"[:500]
    )


TOOLS: Kinds[Tool] = _Tools(
    {kind: other.steps for kind, other in OTHERS.items()}
    | {kind: f"node.tools.{module}" for kind, module in TOOL_MODULES.items()}
)
