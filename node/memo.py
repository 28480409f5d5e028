"""What was made in the last runs, by what it was made of: a run makes only what has changed."""

import time
from collections.abc import Callable, Hashable
from typing import Any, Protocol

RUNS = 3  # what no run asks for stays so long: two may edit, and an undo asks for what was before


class Once(Protocol):
    """Gives what belongs to a key: what was made for it before, or what `make` makes now."""

    def __call__(self, key: Hashable, make: Callable[[], Any], /) -> Any:
        """If making it raises, nothing is kept."""


def anew(_key: Hashable, make: Callable[[], Any]) -> Any:
    """Once without a memory."""
    return make()


class Memo:
    """A run starts with begin()."""

    def __init__(self, runs: int = RUNS) -> None:
        self._runs = runs
        self._run = 0
        self._made: dict[Hashable, tuple[Any, int]] = {}
        self._asked: dict[Hashable, int] = {}
        self._saved_ns = 0

    @property
    def saved_ns(self) -> int:
        """How long it took to make what was found here, since begin() or take_saved_ns()."""
        return self._saved_ns

    def begin(self) -> None:
        """A run starts: what the last runs did not ask for is let go."""
        self._run += 1
        self._saved_ns = 0
        for key in [key for key, run in self._asked.items() if run < self._run - self._runs]:
            del self._asked[key], self._made[key]

    def of(self, *things: Hashable) -> Once:
        """The memory for what is made of these things and of a key."""
        return lambda key, make: self._once((*things, key), make)

    def take_saved_ns(self) -> int:
        """Returns `saved_ns`, and sets it back to 0."""
        saved, self._saved_ns = self._saved_ns, 0
        return saved

    def forget(self) -> None:
        """Let everything go."""
        self._made.clear()
        self._asked.clear()

    def _once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        held = self._made.get(key)
        if held is None:
            began_ns = time.monotonic_ns()
            made = make()
            held = self._made[key] = made, time.monotonic_ns() - began_ns
        else:
            self._saved_ns += held[1]
        self._asked[key] = self._run
        return held[0]
