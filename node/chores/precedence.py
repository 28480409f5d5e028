"""The threads of the node go before others wherever a station's worker does: its part waits for
them too, for its trigger, its lines and its commit.

A thread that is on the way of a part goes before all workers, since it needs the processor for a
moment and many wait for it, and that of the lines before the rest of these, since a pulse has its
time. All others go with the workers: one that had to give way while it holds the interpreter's lock
would hold up those on the way.

A part passes from one of the threads on the way to the next, and never needs two of them at once.
To wake a thread on the same core takes a fraction of what it takes to wake another core, so they
stay together on one, unless the stations with priority have parts enough to use all cores: then
whichever core is free is the best. The last core is theirs, as interrupts go to the first ones by
default, or the last that no station's `cpus` names.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress

from node.worker import manners
from schemas import StationSettings

APART_S = 1.0  # after all cores were in use


class Precedence:
    """See the head of this file. busy: of each station, whether it has a part. unmet: what the
    system does not allow, for people.

    A thread that one of these starts has no priority until the next keep(), and a process that they
    start never has.
    """

    def __init__(
        self, settings: Sequence[StationSettings], busy: Sequence[Callable[[], bool]]
    ) -> None:
        self.unmet: str | None = None
        self._busy = [has for station, has in zip(settings, busy, strict=True) if station.priority]
        self._priority = max((station.priority for station in settings), default=0)
        # steps above the workers, of threads on the way; a station whose worker is its own thread
        # needs the processor for longer
        self._steps = {"lines": 2, "broker first": 1, "sources": 1} | {
            f"station {station.id}": 1 for station in settings if station.worker == "process"
        }
        self._all = os.sched_getaffinity(0)
        others = set[int]().union(*(manners.cores(station.cpus) for station in settings))
        self._own = {max(self._all - others or self._all)}
        self._apart_until = 0.0
        # those that have it, and the cores on which each may be
        self._have: weakref.WeakKeyDictionary[threading.Thread, set[int]]
        self._have = weakref.WeakKeyDictionary()

    def keep(self) -> None:
        """See that all threads have it that should, and are where they should be; called again and
        again, since threads and parts come and go."""
        if not self._priority:
            return
        now = time.monotonic()
        if sum(each() for each in self._busy) >= len(self._all):
            self._apart_until = now + APART_S
        where = self._all if now < self._apart_until else self._own
        self.unmet = next(
            manners.tried(f"priority = {self._priority}", lambda: self._raise(where)), None
        )

    def let_go(self) -> None:
        """The node has ended: the thread that goes on, perhaps with other settings, is as others
        again."""
        if threading.current_thread() in self._have:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def _raise(self, where: set[int]) -> None:
        for thread in threading.enumerate():
            number = thread.native_id
            if number is None:
                continue
            steps = self._steps.get(thread.name, 0)
            with suppress(ProcessLookupError):  # it has just ended
                if thread not in self._have:
                    wanted = os.sched_param(min(self._priority + steps, manners.HIGHEST))
                    os.sched_setscheduler(number, os.SCHED_RR | os.SCHED_RESET_ON_FORK, wanted)
                    self._have[thread] = self._all
                if steps and self._have[thread] != where:
                    os.sched_setaffinity(number, where)
                    self._have[thread] = where
