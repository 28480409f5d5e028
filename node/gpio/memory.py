"""Lines in memory that record a timeline: for demos and tests, and said to be simulated
everywhere."""

import os
import threading
import time
from collections import deque
from collections.abc import Mapping

from schemas import MemoryLines, Problem

TIMELINE_LIMIT = 10_000
EDGE_LIMIT = 64  # as many as the kernel is asked to keep for a real input


class MemoryBank:
    """A `Bank` without hardware.

    `fault` is what open(), set() and beat() raise while it is not None: the drill of a broken chip.
    pull() drives the trigger input from any thread.
    """

    simulated = True

    def __init__(self, settings: MemoryLines) -> None:
        self._roles = tuple(settings.roles)
        self._input = settings.trigger
        self._lock = threading.Lock()
        self._timeline: deque[tuple[int, dict[str, bool]]] = deque(maxlen=TIMELINE_LIMIT)
        self._values: dict[str, bool] = {}
        self._edges: deque[int] = deque(maxlen=EDGE_LIMIT)
        self._event: int | None = None
        self._opened = False
        self._level = self._stable = False
        self._settling: threading.Timer | None = None
        self._settles_ns = 0  # when the level has been stable for long enough
        self.fault: Problem | None = None

    @property
    def timeline(self) -> list[tuple[int, dict[str, bool]]]:
        """Monotonic ns and all outputs after each change, one entry a call: the newest 10,000,
        oldest first."""
        with self._lock:
            return list(self._timeline)

    def open(self) -> None:
        """All outputs inactive. Raises the fault."""
        self.close()
        if self.fault is not None:
            raise self.fault
        with self._lock:
            self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) if self._input else None
            self._opened = True
            self._stable = self._level
            self._record(dict.fromkeys(self._roles, False))

    def set(self, values: Mapping[str, bool]) -> None:
        """Change some outputs at once. Raises Problem GPIO_ERROR."""
        with self._lock:
            if self.fault is not None:
                raise self.fault
            if not self._opened:
                raise Problem("GPIO_ERROR", "the lines are not open")
            for role in values:
                if role not in self._values:
                    raise Problem("GPIO_ERROR", f"no line is assigned to {role}")
            self._record({**self._values, **values})

    def _record(self, values: dict[str, bool]) -> None:
        self._values = values
        self._timeline.append((time.monotonic_ns(), values))

    def fileno(self) -> int | None:
        """The eventfd of the input."""
        return self._event

    def pull(self, active: bool) -> None:
        """Drive the trigger input to its active or inactive level.

        As in the kernel, an edge counts once the level has been stable for debounce_ms, and has the
        time of that moment. Raises Problem GPIO_NOT_AVAILABLE if no input is assigned.
        """
        if self._input is None:
            raise Problem("GPIO_NOT_AVAILABLE", "no line is assigned to the trigger")
        now_ns = time.monotonic_ns()
        with self._lock:
            if active == self._level:
                return
            if self._settling is not None:
                self._settling.cancel()
                self._settling = None
                if now_ns >= self._settles_ns:  # its timer is late
                    self._settle(self._settles_ns)
            self._level = active
            self._settles_ns = now_ns + round(self._input.debounce_ms * 1e6)
            if not self._opened:
                return
            if self._input.debounce_ms == 0:
                self._settle(now_ns)
                return
            self._settling = threading.Timer(self._input.debounce_ms / 1000, self._settled)
            self._settling.daemon = True
            self._settling.start()

    def _settled(self) -> None:
        with self._lock:
            # not cancelled while it waited for the lock
            if self._settling is threading.current_thread():
                self._settle(self._settles_ns)

    def _settle(self, at_ns: int) -> None:
        if self._level == self._stable or self._event is None or self._input is None:
            return
        self._stable = self._level
        if self._level == (self._input.edge == "rising"):
            self._edges.append(at_ns)
            os.eventfd_write(self._event, 1)

    def edges(self) -> list[int]:
        """Monotonic ns of the edges since the last call; the newest 64."""
        with self._lock:
            if self._event is None or not self._edges:
                return []
            os.eventfd_read(self._event)
            times_ns = list(self._edges)
            self._edges.clear()
            return times_ns

    def level(self) -> bool | None:
        """The last stable level of the input."""
        with self._lock:
            return self._stable if self._opened and self._input is not None else None

    def beat(self) -> None:
        """Raises the fault, if one is set."""
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        """All outputs inactive."""
        with self._lock:
            if self._settling is not None:
                self._settling.cancel()
                self._settling = None
            if self._opened:
                self._opened = False
                self._record(dict.fromkeys(self._roles, False))
            self._edges.clear()
            if self._event is not None:
                os.close(self._event)
                self._event = None
