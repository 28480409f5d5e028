"""The threads of the node go before others wherever a station's worker does: its part waits for
them too, for its trigger, its lines and its commit.

A thread that is on the way of a part goes before all workers, since it needs the processor for a
moment and many wait for it. All others go with the workers: one that had to give way while it
holds the interpreter's lock would hold up those on the way.
"""

import os
import threading
import weakref
from collections.abc import Iterable
from contextlib import suppress

from node.worker import manners
from schemas import StationSettings

ON_THE_WAY = ("broker first", "lines", "station ")  # how the names of these threads begin


class Precedence:
    """See the head of this file. unmet: what the system does not allow, for people.

    A thread that one of these starts has no priority until the next keep(), and no process that
    they start ever has it.
    """

    def __init__(self, stations: Iterable[StationSettings]) -> None:
        self.unmet: str | None = None
        self._priority = max((station.priority for station in stations), default=0)
        self._have: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    def keep(self) -> None:
        """See that all threads have it that should; called again and again, since threads come and
        go."""
        if not self._priority:
            return
        self.unmet = next(manners.tried(f"priority = {self._priority}", self._raise), None)

    def _raise(self) -> None:
        for thread in threading.enumerate():
            number = thread.native_id
            if number is None or thread in self._have:
                continue
            wanted = os.sched_param(self._wanted(thread.name))
            with suppress(ProcessLookupError):  # it has just ended
                os.sched_setscheduler(number, os.SCHED_RR | os.SCHED_RESET_ON_FORK, wanted)
            self._have.add(thread)

    def _wanted(self, name: str) -> int:
        first = name.startswith(ON_THE_WAY)
        return min(self._priority + 1, manners.HIGHEST) if first else self._priority
