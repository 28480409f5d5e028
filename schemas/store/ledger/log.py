"""The write-ahead log stays small, whatever the load: it is moved into the database in small steps,
between commits.

Theory of operation. A commit appends to the log. One thread moves it into the database some times a
second: first beside the writer, on a connection of its own, which may take its time, then what has
been appended meanwhile, while no commit runs, which is little. After that all of the log is in the
database, and the next commit begins it anew from its start.

A reader whose transaction stays open holds the log: it cannot begin anew, and grows. Then nothing
waits, but it is reported, with its size and for how long; when the reader is gone the log is moved
and cut off. That is one call of SQLite, which takes as long as the disk needs for what has grown,
gigabytes perhaps: nothing waits for it either, and it is reported, too.
"""

import contextlib
import sqlite3
import time
from typing import NamedTuple

from schemas.errors import Problem
from schemas.store.ledger.engine import Engine
from schemas.store.ledger.opening import WAL_BYTES

CLOSE = 500  # pages: with this few left the writer may wait for them
STEPS = 3
TURN_S = 0.05  # for a commit to end; and for short reads, if the log is large
SMALL_S = 5.0  # how often a small log is moved: each move then takes little
HELD_BYTES = 2 * WAL_BYTES
HELD_S = 5.0


class Held(NamedTuple):
    """The log cannot be moved, or is being moved: its size and for how long this has been so."""

    bytes: int
    seconds: float


class Log(Engine):
    """See the head of this file."""

    _keeper: sqlite3.Connection | None = None
    _at_commit = 0
    _moved_commit = 0
    _move_at = 0.0
    _log_since: float | None = None
    _moving_since: float | None = None

    def log_bytes(self) -> int:
        """Size of the write-ahead log."""
        try:
            return self.path.with_name(f"{self.path.name}-wal").stat().st_size
        except OSError:
            return 0

    def log_held(self) -> Held | None:
        """Whether something has kept the log from being moved for so long that a person must know;
        None if not."""
        since, size = self._log_since, self.log_bytes()
        if (
            since is None
            or size < HELD_BYTES
            or time.monotonic() - since < HELD_S
            or self.log_moving() is not None
        ):
            return None
        return Held(size, time.monotonic() - since)

    def log_moving(self) -> Held | None:
        """Whether it is being moved for so long that a person must know; None if not."""
        since = self._moving_since
        if since is None or time.monotonic() - since < HELD_S:
            return None
        return Held(self.log_bytes(), time.monotonic() - since)

    @property
    def moving(self) -> bool:
        """Whether it is being moved just now, which may take as long as the disk needs."""
        return self._moving_since is not None

    def checkpoint(self) -> None:
        """One step, to be made some times a second by one thread. It never waits for readers.
        Raises Problem STORE_FAILED."""
        self.look()
        size, commits = self.log_bytes(), self.commits
        now = time.monotonic()
        large = size > WAL_BYTES
        if not large:
            self._log_since = None
            if commits == self._moved_commit or now < self._move_at:
                return
        elif self._log_since is None:
            self._log_since = now
        self._move_at, self._moved_commit = now + SMALL_S, commits
        self._moving_since = now
        try:
            self._move(size, idle=large and commits == self._at_commit)
        except sqlite3.Error as error:
            raise Problem("STORE_FAILED", f"the log could not be moved: {error}") from error
        finally:
            self._moving_since = None
            self._at_commit = commits

    def close(self) -> None:
        """Checkpoint and close; nothing may be written or read afterwards."""
        if self._keeper is not None:
            # a move that is under way: what it has moved so far is moved again, nothing worse
            self._keeper.interrupt()
            self._keeper.close()
        super().close()

    def _move(self, size: int, *, idle: bool) -> None:
        if self._keeper is None:
            self._keeper = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._keeper.execute("PRAGMA wal_autocheckpoint=0")
        moved = -1
        for _ in range(STEPS):  # beside the writer
            busy, pages, reached = self._keeper.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if busy or reached < pages:
                # a reader needs what the database has, or another process is moving the log now
                return
            if 0 <= pages - moved < CLOSE:
                break
            moved = reached
        if size <= WAL_BYTES or not self._lock.acquire(timeout=TURN_S):
            return
        try:
            mode = "PASSIVE"
            if idle or size > HELD_BYTES:
                mode = "TRUNCATE"
                self._keeper.execute(f"PRAGMA busy_timeout={int(TURN_S * 1000)}")
            busy, pages, reached = self._keeper.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        finally:
            self._lock.release()
            with contextlib.suppress(sqlite3.Error):
                self._keeper.execute("PRAGMA busy_timeout=0")
        if not busy and reached == pages:
            self._log_since = None
