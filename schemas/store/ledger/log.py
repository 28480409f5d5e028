"""The write-ahead log stays small, whatever the load: it is moved into the database in small steps,
between commits.

Theory of operation. A commit appends to the log. One thread moves it into the database some times a
second: first beside the writer, on a connection of its own, which may take its time, then what has
been appended meanwhile, while no commit runs, which is little. After that all of the log is in the
database, and the next commit begins it anew from its start.

The file keeps its blocks then and is overwritten: a commit into a file that grows waits for the
disk longer, since its new size and place have to be there as well after a power cut. What the file
had before is told from what is new by the salt in each frame, which changes with every beginning.
So that it is rarely longer than it was, the log is moved after so many commits, and not only when
the file has grown; when nobody writes, what it has beyond WAL_BYTES is given back.

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
from schemas.store.ledger.opening import KEPT_BYTES, WAL_BYTES

CLOSE = 500  # pages: with this few left the writer may wait for them
STEPS = 3
TURN_S = 0.05  # for a commit to end; and for short reads, if the log is large
SMALL_S = 5.0  # how often a small log is moved: each move then takes little
MANY = 50  # commits (a part has two, 31 kB each) after which a log is moved that has not grown
LITTLE_BYTES = WAL_BYTES // 4  # with no more than this in it, the log goes on
FRAME_BYTES = 4096 + 24  # a page in the log
HELD_BYTES = KEPT_BYTES  # a file that is longer is not overwritten, but grows
HELD_S = 5.0


class LogHeld(NamedTuple):
    """The log cannot be moved, or is being moved: its size and for how long this has been so."""

    bytes: int
    seconds: float


class Log(Engine):
    """See the head of this file."""

    _keeper: sqlite3.Connection | None = None
    _at_commit = 0
    _moved_commit = 0
    _move_at = 0.0
    _had_bytes = 0  # the file's size when all of it was last moved: so much is overwritten
    _log_since: float | None = None
    _moving_since: float | None = None

    def log_bytes(self) -> int:
        """Size of the write-ahead log."""
        try:
            return self.path.with_name(f"{self.path.name}-wal").stat().st_size
        except OSError:
            return 0

    def log_held(self) -> LogHeld | None:
        """Whether something has kept the log from being moved for so long that a person must know;
        None if not."""
        since, size = self._log_since, self.log_bytes()
        if (
            since is None
            or size <= HELD_BYTES
            or time.monotonic() - since < HELD_S
            or self.log_moving() is not None
        ):
            return None
        return LogHeld(size, time.monotonic() - since)

    def log_moving(self) -> LogHeld | None:
        """Whether it is being moved for so long that a person must know; None if not."""
        since = self._moving_since
        if since is None or time.monotonic() - since < HELD_S:
            return None
        return LogHeld(self.log_bytes(), time.monotonic() - since)

    @property
    def moving(self) -> bool:
        """Whether it is being moved just now, which may take as long as the disk needs."""
        return self._moving_since is not None

    def checkpoint(self) -> None:
        """One step, to be made some times a second by one thread. It never waits for readers.
        Raises Problem STORE_FAILED."""
        self.look()
        size, commits = self.log_bytes(), self.commits
        idle, self._at_commit = commits == self._at_commit, commits
        now = time.monotonic()
        grown = size > max(WAL_BYTES, self._had_bytes)
        shorten = idle and size > WAL_BYTES
        if not grown:
            self._log_since = None
            due = commits - self._moved_commit >= MANY or now >= self._move_at
            if not shorten and (commits == self._moved_commit or not due):
                return
        elif self._log_since is None:
            self._log_since = now
        self._move_at, self._moved_commit = now + SMALL_S, commits
        self._moving_since = now
        try:
            self._move(size, shorten=shorten)
        except sqlite3.Error as error:
            raise Problem("STORE_FAILED", f"the log could not be moved: {error}") from error
        finally:
            self._moving_since = None

    def close(self) -> None:
        """Checkpoint and close; nothing may be written or read afterwards."""
        if self._keeper is not None:
            # a move that is under way: what it has moved so far is moved again, nothing worse
            self._keeper.interrupt()
            self._keeper.close()
        super().close()

    def _move(self, size: int, *, shorten: bool) -> None:
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
        shorten = shorten or size > HELD_BYTES
        if not shorten and pages * FRAME_BYTES < LITTLE_BYTES:
            return
        if not self._lock.acquire(timeout=TURN_S):
            return
        try:
            mode = "PASSIVE"
            if shorten:
                mode = "RESTART"
                self._keeper.execute(f"PRAGMA busy_timeout={int(TURN_S * 1000)}")
            busy, pages, reached = self._keeper.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            if busy or reached < pages:
                return
            self._log_since = None
            if shorten:
                self._begin_anew()
            self._had_bytes = min(self.log_bytes(), KEPT_BYTES)
        finally:
            self._lock.release()
            with contextlib.suppress(sqlite3.Error):
                self._keeper.execute("PRAGMA busy_timeout=0")

    def _begin_anew(self) -> None:
        """Under the lock, when all of the log is in the database: give back what its file has
        beyond WAL_BYTES, which SQLite does with the first commit of a log."""
        if self._begin(0.0) is not None:  # another process writes: next time
            return
        try:
            self._db.execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
            # as it is already: a page that is written
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            self._db.execute(f"PRAGMA user_version={version}")
            self._db.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._db.execute(f"PRAGMA journal_size_limit={KEPT_BYTES}")
