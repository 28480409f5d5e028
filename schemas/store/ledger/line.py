"""The line of operations that wait for their commit, and what becomes of each: waiting, taken,
withdrawn or done."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.store.ledger.shapes import OutboxRow, Settled

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]


@dataclass(slots=True, eq=False)
class LedgerJob:
    """An operation, who hears of its commit, and what it brought: value or error, results, the seq
    and triggers it used."""

    operation: Operation[Any]
    durable: bool
    settled: Settled | None = None
    undo: Callable[[sqlite3.Connection, Any], None] | None = None
    done: bool = False
    withdrawn: bool = False
    value: Any = None
    error: BaseException | None = None
    outbox: list[OutboxRow] = field(default_factory=list)
    seq: dict[str, int] = field(default_factory=dict)
    trigger: int = 0

    def begin(self) -> None:
        """Forget what it brought: it runs anew."""
        self.value, self.error, self.outbox, self.seq, self.trigger = None, None, [], {}, 0


class WriteQueue:
    """Jobs in their order. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._jobs: deque[LedgerJob] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: LedgerJob) -> None:
        """It stands behind all others."""
        with self._lock:
            self._jobs.append(job)

    def durable(self, limit: int) -> bool:
        """Whether one of the first must survive a power cut."""
        with self._lock:
            return any(job.durable for job in list(self._jobs)[:limit])

    def take(self, limit: int, durable: bool) -> list[LedgerJob]:
        """The first of the line; those up to the first durable one, if this commit is none."""
        with self._lock:
            jobs: list[LedgerJob] = []
            while self._jobs and len(jobs) < limit and (durable or not self._jobs[0].durable):
                jobs.append(self._jobs.popleft())
            return jobs

    def withdraw(self, job: LedgerJob) -> bool:
        """Take a job back; False if it is done."""
        with self._lock:
            if job.done:
                return False
            job.withdrawn = True
            if job in self._jobs:
                self._jobs.remove(job)
            return True

    def done(self, jobs: list[LedgerJob]) -> None:
        """These are done; what was withdrawn in the middle of its commit is undone next."""
        with self._lock:
            for job in jobs:
                job.done = True
                if (
                    job.withdrawn
                    and job.undo is not None
                    and job.error is None
                    and job.value is not None
                ):
                    self._jobs.appendleft(
                        LedgerJob(lambda db, job=job: job.undo(db, job.value), durable=True)  # type: ignore[misc]
                    )
