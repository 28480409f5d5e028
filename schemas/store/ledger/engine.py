"""One writer with group commit, and no writer thread.

Theory of operation. A caller puts its operation into the line and takes the lock; the thread that
holds the lock opens a transaction, takes what stands in line, and commits it; the others find
theirs done (flat combining: Hendler et al., SPAA 2010). So a lone commit costs no hand-over between
threads, and many at a time cost one fsync. What need not be waited for is posted: it goes with the
next commit, or with a flush by the thread that is asked for one. Committed results are handed to
`committed` in the order of their commits, before the next commit can begin. Those who posted are
told in the same order, after that commit; or, if the thread that made it has something better to do
first, by tell(), at the latest with the next commit.

Waiting has a limit. While another process holds the ledger nothing is taken out of the line: what
is posted keeps its place, and a caller that waits withdraws after WAIT_S (BRIEF_S once it is known
that the ledger is held) and gets STORE_FAILED. Refused is refused: what was withdrawn is never
committed, and if it was in a commit just then it is undone right after it.

One operation's failure is its own. Of many each runs in a savepoint; if their commit fails, each is
tried alone. When the disk is full, a reserve beside the ledger is given up for the results that
must still be written.

One file: one line of operations, and all ways in which its commits fail.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from schemas.errors import Problem
from schemas.store.clock import CLOCK, Clock, Lived
from schemas.store.ledger.line import LedgerJob, Operation, WriteQueue
from schemas.store.ledger.opening import is_damage, open_ledger
from schemas.store.ledger.queries import Queries
from schemas.store.ledger.reserve import Reserve
from schemas.store.ledger.shapes import OutboxRow, Settled
from schemas.store.ledger.stamp import Stamp

log = logging.getLogger(__name__)
T = TypeVar("T")
WAIT_S = 3.0
BRIEF_S = 0.25
HELD_S = 1.0
BATCH_LIMIT = 256
ALONE_FAILURES = 2  # this many operations failed alone as well: the disk is at fault, not they
OF_THE_STORE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PROTOCOL,
}


class Engine(Queries):
    """See the head of this file. Raises Problem STORE_FAILED, STORE_NEWER when it is made.

    lost: what is missing since the last run, for people, None if nothing. quarantined: a damaged
    ledger's new name.
    """

    def __init__(
        self,
        path: Path,
        committed: Callable[[list[OutboxRow]], None] = lambda _: None,
        # asks another thread to flush; False if there is none
        flush_soon: Callable[[], bool] = lambda: False,
        clock: Clock = CLOCK,
    ) -> None:
        super().__init__(path)
        self.clock = clock
        self.boot = clock.boot
        self._committed = committed
        self._flush_soon = flush_soon
        self.commits = 0
        self._failing: Problem | None = None
        self._held_since: float | None = None
        self._line = WriteQueue()
        self._lock = threading.Lock()  # for the writing connection
        self._untold: deque[LedgerJob] = deque()  # committed, but those who posted are not told
        self._seq: dict[str, int] = {}
        self._job: LedgerJob | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._reserve = Reserve(path.with_suffix(".reserve"))
        self._stamp = Stamp(path.with_suffix(".stamp"))
        self._db, self.lost, self.quarantined = open_ledger(path, self._stamp, self.boot)
        self.lived = Lived(self._stamp.last, clock)
        if self.lost is not None:
            self._stamp.told((self.lost, self.lived()))
        with contextlib.suppress(OSError):  # it will be tried again
            self._stamp.keep(self.lived.reading())
        self._floor = dict(self._stamp.floor)
        self._full_sync = True
        self._inode = path.stat().st_ino

    @property
    def failing(self) -> Problem | None:
        """Why nothing can be written: as the last commit failed, until one succeeds, or another
        process holds the ledger."""
        since = self._held_since
        if since is not None and time.monotonic() - since > HELD_S:
            return Problem("STORE_FAILED", "another process holds the ledger")
        return self._failing

    def close(self) -> None:
        """Checkpoint and close; nothing may be written or read afterwards."""
        held = self._lock.acquire(timeout=WAIT_S)
        try:
            self._tell()
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.close_readers()
            self._db.close()
            with contextlib.suppress(OSError):
                self._stamp.keep(self.lived.reading())
            self._stamp.close()
        finally:
            if held:
                self._lock.release()

    def write(
        self,
        operation: Operation[T],
        *,
        durable: bool = True,
        undo: Callable[[sqlite3.Connection, T], None] | None = None,
    ) -> T:
        """Run `operation` in a transaction that is committed when this returns.

        durable=False spares the fsync: the commit survives the end of the process, but not a power
        cut. Raises what the operation raised (nothing of it is kept), or Problem STORE_FAILED: it
        did not happen, or with `undo` it is undone; without, if it was in a commit that hangs, it
        may still happen.
        """
        job = LedgerJob(operation, durable, undo=undo)
        self._line.add(job)
        if not self.flush() and self._line.withdraw(job):
            raise Problem(
                "STORE_FAILED",
                "another process holds the ledger"
                if self._held_since
                else "the disk does not answer",
            )
        if job.error is not None:
            raise job.error
        return job.value  # type: ignore[no-any-return]

    def post(self, operation: Operation[Any], settled: Settled, *, durable: bool = True) -> None:
        """Put an operation in line for the next commit, whichever thread makes it, and go on.

        settled(value, error) is called after that commit, by the thread that made it or the next
        one; it must be quick.
        """
        self._line.add(LedgerJob(operation, durable, settled))

    def flush(self, *, tell: bool = True) -> bool:
        """Commit what waits in line, or wait for the thread that is already doing that; without
        `tell` those who posted are told by tell(), which is to follow soon.

        False if it took too long: another process holds the ledger, or the disk hangs; what was
        posted keeps its place.
        """
        until = time.monotonic() + (WAIT_S if self._held_since is None else BRIEF_S)
        if not self._lock.acquire(timeout=until - time.monotonic()):
            return False
        try:
            while self._line:
                if not self._commit(until):
                    return False
            return True
        finally:
            if tell:
                self._tell()
            self._lock.release()

    def tell(self) -> None:
        """Tell those who posted what flush(tell=False) has committed."""
        if self._untold and self._lock.acquire(timeout=BRIEF_S):
            try:
                self._tell()
            finally:
                self._lock.release()

    def met(self, error: BaseException) -> None:
        """If SQLite says that the file is damaged, the next start looks closely."""
        if is_damage(error) and not self._stamp.suspect:
            self._stamp.doubt()

    def look(self) -> None:
        """If another process holds the ledger, see whether it still does, also when nobody has
        anything to write."""
        if self._held_since is None or not self._lock.acquire(timeout=BRIEF_S):
            return
        try:
            if self._begin(0.0) is None:
                self._db.execute("ROLLBACK")
        finally:
            self._lock.release()

    # Under the lock

    def _commit(self, until: float) -> bool:
        """Commit the first of the line; False if another process has held the ledger until then."""
        self._tell()  # of the commit before
        full = self._line.durable(BATCH_LIMIT)
        if full != self._full_sync:
            self._db.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full_sync = full
        error = self._begin(until)
        if error is not None and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        jobs = self._line.take(BATCH_LIMIT, full)
        if error is not None:
            self._failed(jobs, error)
        elif (error := self._transact(jobs)) is not None and (
            len(jobs) > 1 or self._reserve.released(error)
        ):
            failures = 0
            for job in jobs:
                if failures == ALONE_FAILURES or self._begin(until) is not None:
                    job.error = _coded(error)
                else:
                    failures += self._transact([job]) is not None
        self._settle(jobs)
        return True

    def _begin(self, until: float) -> sqlite3.Error | None:
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                    self._held_since = self._held_since or time.monotonic()
                    if time.monotonic() < until:
                        continue
                return error
            self._held_since = None
            return None

    def _transact(self, jobs: list[LedgerJob]) -> sqlite3.Error | None:
        """Run the jobs and commit; on an error of the store nothing of them is kept, and all have
        that error."""
        try:
            alone = len(jobs) == 1
            for job in jobs:
                self._run(job, alone)
            undone = alone and jobs[0].error is not None
            self._db.execute("ROLLBACK" if undone else "COMMIT")
        except BaseException as error:
            self._failed(jobs, error)
            if not isinstance(error, sqlite3.Error):
                self._settle(jobs)
                raise
            return error
        self.commits += 1
        self._failing = None
        seq: dict[str, int] = {}
        for job in jobs:
            seq.update(job.seq)
        trigger = max((job.trigger for job in jobs), default=0)
        if seq or trigger:
            self._stamp.mark(seq, trigger)
        return None

    def _failed(self, jobs: list[LedgerJob], error: BaseException) -> None:
        self._seq.clear()
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("ROLLBACK")
        coded = _coded(error)
        for job in jobs:
            job.begin()
            job.error = coded
        if isinstance(coded, Problem):
            self._failing = coded
        self.met(error)

    def _run(self, job: LedgerJob, alone: bool) -> None:
        if job.withdrawn:
            return
        job.begin()
        self._job = job
        if not alone:
            self._db.execute("SAVEPOINT job")
        try:
            job.value = job.operation(self._db)
        except Exception as error:
            if (
                isinstance(error, sqlite3.Error)
                and getattr(error, "sqlite_errorcode", 0) & 0xFF in OF_THE_STORE
            ):
                raise
            job.begin()
            job.error = _coded(error)
            self._seq.clear()
            if not alone:
                self._db.execute("ROLLBACK TO job")
        if not alone:
            self._db.execute("RELEASE job")

    def _settle(self, jobs: list[LedgerJob]) -> None:
        self._line.done(jobs)
        rows = [row for job in jobs for row in job.outbox]
        if rows:
            _guarded(self._committed, rows)
        self._untold.extend(job for job in jobs if job.settled is not None)

    def _tell(self) -> None:
        while self._untold:
            job = self._untold.popleft()
            assert job.settled is not None
            _guarded(job.settled, job.value, job.error)


def _coded(error: BaseException) -> BaseException:
    """The error as its caller gets it: never SQLite's own."""
    if not isinstance(error, sqlite3.Error):
        return error
    problem = Problem("STORE_FAILED", str(error))
    problem.__cause__ = error
    return problem


def _guarded(told: Callable[..., Any], *values: Any) -> None:
    try:
        told(*values)
    except Exception:  # the commit stands, whatever its owner does with it
        log.exception("after a commit")
