"""A worker process and our ends of its sockets: started, weighed, ended, and asked how it ended."""

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from node.worker.at_work import AtWork, Loading
from node.worker.wire import Wire, pair
from schemas.settings.override import is_secret_variable

ROOT = Path(__file__).parents[2]
ENDED_S = 1.0  # for a process whose socket is closed
WEIGH_S = 0.1
STARVED_S = 15.0  # for a part, on a machine that has no processor for it
OWED = 64  # messages that may wait for room


class Child:
    """Started when it is made, by a thread that must outlive it. Raises OSError.

    station: or "spare", only for those who list processes. over: why it was ended by us.
    """

    def __init__(self, station: str) -> None:
        self.bytes = 0
        self.over: str | None = None
        self.page = AtWork()
        self._heard_ns = time.monotonic_ns()
        self._weighed_at = self._began_s = self._used_s = 0.0
        self._owed: deque[tuple[bytes, bytes]] = deque()
        self._ending = False
        ours, theirs = zip(pair(), pair(), strict=True)
        given = [*(end.fileno() for end in theirs), self.page.file]
        known = {name: it for name, it in os.environ.items() if not is_secret_variable(name)}
        paths = [str(ROOT), *filter(None, [known.get("PYTHONPATH")])]
        what = [sys.executable, "-P", "-m", "node.worker", station]
        try:
            self.process = subprocess.Popen(
                [*what, *map(str, (os.getpid(), *given))],
                pass_fds=given,
                stdin=subprocess.DEVNULL,
                env={**known, "PYTHONPATH": os.pathsep.join(paths)},
            )
        finally:
            self.page.given()
            for end in theirs:
                end.close()
        self.parts, self.side = (Wire(end) for end in ours)

    def say(self, kind: bytes, payload: bytes) -> bool:
        """Tell it what must not be lost, without waiting: what there is no room for now goes with a
        later turn(). False if it will never be told, since it ends, or reads nothing for long."""
        if not self._owed and self.side.send(kind, payload, wait=False):
            return True
        if self._ending or len(self._owed) >= OWED:
            return False
        self._owed.append((kind, payload))
        return True

    def turn(self) -> None:
        """Tell it what there was no room for. Called by one thread, again and again."""
        while self._owed and self.side.send(*self._owed[0], wait=False):
            self._owed.popleft()

    def lives(self) -> None:
        """It has given a sign of life, or could not."""
        self._heard_ns = time.monotonic_ns()

    @property
    def silent_s(self) -> float:
        """Since when it has given none."""
        return (time.monotonic_ns() - self._heard_ns) / 1e9

    def begins(self) -> None:
        """It begins with a part."""
        self._began_s, self._used_s = time.monotonic(), self._processor_s()

    @property
    def starved(self) -> bool:
        """Whether it would go on with its part if there were a processor for it: it has had less
        than a quarter of one since it began, and waits for one now. Not for ever."""
        with contextlib.suppress(OSError, IndexError):  # it has ended
            state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
            took_s = time.monotonic() - self._began_s
            had_s = self._processor_s() - self._used_s
            return state == "R" and had_s < took_s / 4 and took_s < STARVED_S
        return False

    def _processor_s(self) -> float:
        """What it has had of processors. Raises OSError."""
        # the clock of a process: clock_getcpuclockid(3)
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def weigh(self, most_bytes: int) -> None:
        """Look how much memory it uses, now and then; more than that ends it."""
        now = time.monotonic()
        if now - self._weighed_at < WEIGH_S:
            return
        self._weighed_at = now
        with contextlib.suppress(OSError, IndexError):  # it has ended
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
            self.bytes = pages * mmap.PAGESIZE
        if self.bytes > most_bytes:
            used_mb, most_mb = self.bytes // 2**20, most_bytes // 2**20
            self.end(f"used {used_mb} MB of memory, {most_mb} are allowed")

    def end(self, why: str) -> None:
        """End it by force. Nobody waits for it any more, even if it hangs in a driver and cannot
        end."""
        self.over = self.over or why
        self._ending = True
        self.process.kill()
        self.parts.shut()
        self.side.shut()

    def close(self, limit_s: float = ENDED_S) -> None:
        """It has closed its sockets, or was asked to end: wait so long, then end it by force."""
        self._ending = True
        for wait_s in (limit_s, ENDED_S):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(wait_s)
            self.process.kill()
        self.parts.close()
        self.side.close()

    def loading(self) -> Loading | None:
        """Which program it was loading."""
        return self.page.loaded()

    def how(self) -> str:
        """How it ended, and what it was at, for people."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDED_S)
        code = self.process.returncode
        how = "does not answer any more" if code is None else f"ended with code {code}"
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                how = f"ended by {signal.Signals(-code).name}"
        loading, doing = self.loading(), self.page.done()
        if loading is not None:
            doing = f"loading {loading.program} version {loading.version}"
        return f"the worker of the station {self.over or how}{f' at {doing}' if doing else ''}"
