"""One fault of a picture."""

from collections.abc import Callable
from typing import NamedTuple

from node.frame import Pixels


class DrawnFault(NamedTuple):
    """One fault: what is wrong, at which tool, if it is at one, and the picture that shows it,
    always the same one."""

    kind: str
    tool: str | None
    draw: Callable[[], Pixels]
