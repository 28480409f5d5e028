"""The locators: one file a kind, each three functions. `Locator` says what they are."""

from collections.abc import Callable
from typing import Any, Protocol

from node.kinds import Kinds
from schemas import Pose
from schemas.locators import LOCATOR_MODULES


class Locator(Protocol):
    """A module of this folder: how a part is found. Arguments are given by position."""

    @property
    def learn(self) -> Callable[..., Any]:
        """learn(frame, settings): what is kept of the master, once, when a program is loaded.

        Raises Problem if nothing in it fixes the place. One that can be taught takes `kept` as
        well: which pixels of its pattern recur in good parts.
        """

    @property
    def origin(self) -> Callable[..., tuple[float, float]]:
        """origin(settings, learned): the point (x, y) of the master, in px, whose place find tells,
        unless the program names one."""

    @property
    def find(self) -> Callable[..., Pose]:
        """find(frame, settings, learned): where the part lies in the frame.

        Raises Problem PART_NOT_FOUND, also where nobody can say which of two places it is.
        """


LOCATORS: Kinds[Locator] = Kinds({kind: f"node.locators.{kind}" for kind in LOCATOR_MODULES})
