"""The threads of the node go before others wherever a station's worker does: its part waits for
them too, for its trigger, its lines and its commit.

A thread that is on the way of a part goes before all workers, since it needs the processor for a
moment and many wait for it. All others go with the workers: one that had to give way while it
holds the interpreter's lock would hold up those on the way.

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

ON_THE_WAY = ("broker first", "lines", "station ")  # how the names of these threads begin
APART_S = 1.0  # after all cores were in use


class Precedence:
    """See the head of this file. busy: of each station, whether it has a part. unmet: what the
    system does not allow, for people.

    A thread that one of these starts is as others until the next keep(), and a process that they
    start always is.
    """

    def __init__(
        self, settings: Sequence[StationSettings], busy: Sequence[Callable[[], bool]]
    ) -> None:
        self.unmet: str | None = None
        self._busy = [has for station, has in zip(settings, busy, strict=True) if station.priority]
        self._priority = max((station.priority for station in settings), default=0)
        self._all = os.sched_getaffinity(0)
        others = set[int]().union(*(manners.cores(station.cpus) for station in settings))
        self._own = {max(self._all - others or self._all)}
        self._apart_until = 0.0
        self._have: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._where: weakref.WeakKeyDictionary[threading.Thread, set[int]]
        self._where = weakref.WeakKeyDictionary()

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
            on_the_way = thread.name.startswith(ON_THE_WAY)
            if number is None:
                continue
            with suppress(ProcessLookupError):  # it has just ended
                if thread not in self._have:
                    _go_first(number, self._priority + on_the_way)
                    self._have.add(thread)
                if on_the_way and self._where.get(thread, self._all) != where:
                    os.sched_setaffinity(number, where)
                    self._where[thread] = where


def _go_first(thread: int, priority: int) -> None:
    wanted = os.sched_param(min(priority, manners.HIGHEST))
    os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, wanted)
