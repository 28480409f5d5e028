"""Output lines and trigger inputs.

A bank is one station's lines on a chip, a lane is what they show and when, the driver is the one
thread that owns them all, and the guardian is a small process of its own that makes lines inactive
when the node dies or hangs.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol

from schemas import GpiodLines, MemoryLines


class Bank(Protocol):
    """One station's lines. Values are logical (active or not); polarity is the bank's own business.

    open() requests every line with all outputs inactive, and raises Problem GPIO_NOT_AVAILABLE
    (saying who holds a line, if known). set() changes the given roles in one call to the kernel and
    raises Problem GPIO_ERROR. close() makes every output inactive first; it can be called twice.
    fileno() is the file to wait on for edges, None without an input. edges() gives the monotonic
    times in ns of the edges since the last call, already debounced; it never waits and raises
    Problem GPIO_ERROR. level() is whether the input is active now, None without one; it raises as
    edges() does. beat() is called at least every second by a driver that lives, proves that
    the lines are still there, and raises Problem GPIO_ERROR if they are not, or were made inactive
    by somebody else.
    """

    simulated: bool

    def open(self) -> None: ...

    def set(self, values: Mapping[str, bool]) -> None: ...

    def fileno(self) -> int | None: ...

    def edges(self) -> list[int]: ...

    def level(self) -> bool | None: ...

    def beat(self) -> None: ...

    def close(self) -> None: ...


LINES: dict[str, str] = {
    "memory": "node.gpio.memory:MemoryBank",
    "gpiod": "node.gpio.chip:ChipBank",
}


def make_bank(settings: MemoryLines | GpiodLines) -> Bank:
    """The lines of a kind, not yet opened."""
    module, _, name = LINES[settings.kind].partition(":")
    bank: Bank = getattr(import_module(module), name)(settings)
    return bank
