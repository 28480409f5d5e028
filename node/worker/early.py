"""The part whose trigger is being committed while its worker looks at it already: one at a time.

It has no row in the ledger yet, and perhaps never will have one, so it goes to the worker under a
number of its own, which is no row. What is found of it stays in the socket until its station asks
for that very part; nobody else reads it. If its trigger is refused, or turns out to be known, it is
let go, and what comes back of it is read past.
"""

import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from node.worker.child import Child
from node.worker.seam import PartJob

UNREAD = 8  # parts that were let go, of which something may lie in the socket, before one is read
LET_GO_S = 5.0  # beyond its time, for a part that was let go: then its worker hangs
NAMED = 16  # parts whose frame the worker keeps under the number that they had before their row


class Early(NamedTuple):
    """A part that is looked at, by which process, and until when (monotonic ns)."""

    child: Child
    job: PartJob
    until_ns: int

    def is_for(self, job: PartJob) -> bool:
        """Whether what is found is what this job asks for: the same trigger, program, and time
        after which the frame is exposed."""
        mine = self.job
        return (mine.trigger_id, mine.program, mine.received_ns, mine.after_ns) == (
            job.trigger_id,
            job.program,
            job.received_ns,
            job.after_ns,
        ) and mine.trigger == job.trigger


class EarlyLooks:
    """Who may use a worker's socket for parts: its station for a part that has a row, or whoever
    brings a trigger while the station asks for nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._early: Early | None = None
        self._looking = False
        self._number = 0
        self._unread = 0
        self._let_go: Early | None = None  # the newest, until another one begins
        self._named: OrderedDict[int, int] = OrderedDict()  # number by row

    def begin(self, child: Child, job: PartJob, limits_ms: int) -> PartJob | None:
        """The job as it is to be sent now; None if the worker has a part already. limits_ms: of its
        program."""
        with self._lock:
            if self._looking or self._early is not None or self._unread >= UNREAD:
                return None
            self._number -= 1
            self._let_go = None
            until_ns = job.began_ns + limits_ms * 1_000_000
            self._early = Early(child, job._replace(row=self._number), until_ns)
            return self._early.job

    def look(self, job: PartJob) -> Early | None:
        """The station asks for a part: the look that has begun at it, None if none has. Any other
        one is let go. To be followed by looked()."""
        with self._lock:
            self._looking = True
            self._unread = 0
            self._let_go = None
            early, self._early = self._early, None
            if early is None or not early.is_for(job):
                return None
            self._named[job.row] = early.job.row
            while len(self._named) > NAMED:
                self._named.popitem(last=False)
            return early

    def looked(self) -> None:
        """The station asks for nothing any more."""
        with self._lock:
            self._looking = False

    def forget(self, trigger_id: str) -> int | None:
        """The part is not to be inspected: its number if it was being looked at."""
        with self._lock:
            early = self._early
            if early is None or early.job.trigger_id != trigger_id:
                return None
            self._early = None
            self._unread += 1
            self._let_go = early
            return early.job.row

    @property
    def overdue(self) -> bool:
        """Whether the part that was let go should have come back long ago, and none began since:
        nobody else waits for it."""
        early = self._let_go
        return early is not None and time.monotonic_ns() > early.until_ns + LET_GO_S * 1e9

    def number(self, row: int) -> int:
        """Under which number the worker keeps the frame of this row."""
        with self._lock:
            return self._named.pop(row, row)
