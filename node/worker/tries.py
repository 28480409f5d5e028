"""What an editor tries, and other commands that need pixels but no camera: in a process of its own,
started when one is asked for, so that none of them takes a part along or holds one up.

It ends when nobody has asked for a while, since it takes as much memory as a worker.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from schemas import Problem
from schemas.command import Calibrate, Command, RegisterMaster, TryProgram

IDLE_S = 60.0


class Process(Protocol):
    """A worker process, as far as it is needed here; see ProcessWorker."""

    beat_ns: int

    @property
    def memory_bytes(self) -> int:
        """What it uses."""

    def start(self) -> None:
        """Begin."""

    def ask(self, name: str, command: Command) -> dict[str, Any]:
        """What a command replies. Raises Problem."""

    def rest(self) -> None:
        """Nobody asks for anything."""

    def end(self, *, at_once: bool) -> None:
        """End it; else what it has started is ended before, which takes a moment."""


class Tries:
    """See the head of this file. make: gives a process that has not begun."""

    def __init__(self, make: Callable[[], Process]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._stopped = False
        self._asked_at = 0.0
        self.process: Process | None = None

    @staticmethod
    def does(command: Command) -> bool:
        """Whether this command is done here: it needs no picture that the camera takes now."""
        if isinstance(command, TryProgram):
            given = command.image is not None or command.image_sha256 is not None
            return given or command.on_master or command.challenge is not None
        if isinstance(command, RegisterMaster):
            return command.image is not None
        return isinstance(command, Calibrate)

    def ask(self, name: str, command: Command) -> dict[str, Any]:
        """See Worker.ask. Called on one thread."""
        with self._lock:
            if self.process is None and not self._stopped:
                self.process = self._make()
                self.process.start()
            process = self.process
        if process is None:
            raise Problem("BUSY", "the node stops")
        try:
            return process.ask(name, command)
        finally:
            self._asked_at = time.monotonic()

    def rest(self) -> None:
        """Nobody asks for anything: let it go after a while. Called on the thread of ask()."""
        process = self.process
        if process is None:
            return
        if time.monotonic() - self._asked_at > IDLE_S:
            self._end(at_once=False)
        else:
            process.rest()

    def stop(self) -> None:
        """End it; what is asked now is not answered."""
        self._stopped = True
        self._end(at_once=True)

    def _end(self, *, at_once: bool) -> None:
        with self._lock:
            process, self.process = self.process, None
        if process is not None:
            process.end(at_once=at_once)
