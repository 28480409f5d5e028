"""The rounds of chores: what must be done now and then, away from the inspection path.

Telling state, info and figures, reopening cameras, noticing changed programs, removing pictures
that are too old: each is a file here, and this is the thread that has them done. What the ledger
needs does keeping.py, on threads of its own.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from node.chores.faults import Faults
from node.limits import STOP_S
from schemas import Problem

TICK_S = 0.1


class Chore(NamedTuple):
    """Done every period_s (0: in each round), from first_s on; alarms name it."""

    name: str
    do: Callable[[], None]
    period_s: float = 0.0
    first_s: float = 0.0


class Chores:
    """The thread of chores. One that raises is done again in its turn, and ends none of the others.

    failed: by name, why a chore that raised a Problem could not be done. faults: told of those that
    raised anything else.
    """

    def __init__(
        self, failed: dict[str, Problem], faults: Faults, chores: tuple[Chore, ...]
    ) -> None:
        self.beat_ns = time.monotonic_ns()
        self._failed = failed
        self._faults = faults
        self._chores = chores
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(STOP_S)

    def do(self, name: str) -> None:
        """Do one of the chores now, on the calling thread. Raises KeyError, and what the chore
        raises."""
        {chore.name: chore for chore in self._chores}[name].do()

    def _run(self) -> None:
        began = time.monotonic()
        due = [began + chore.first_s for chore in self._chores]
        while not self._stopping.wait(TICK_S):
            self.beat_ns = time.monotonic_ns()
            now = time.monotonic()
            for number, chore in enumerate(self._chores):
                if now >= due[number]:
                    due[number] = now + chore.period_s
                    self._guard(chore)

    def _guard(self, chore: Chore) -> None:
        try:
            chore.do()
            self._failed.pop(chore.name, None)
        except Problem as problem:
            self._failed[chore.name] = problem
        except Exception as error:
            self._faults.happened(f"chore {chore.name}", error)
