"""One part as it waits for its result, until somebody answers it."""

import threading
from dataclasses import dataclass, field
from typing import Any

from node.worker.seam import ReadyProgram
from schemas import Trigger
from schemas.result import Source


@dataclass
class Part:
    """A trigger that is in the ledger and waits for its result. `id` is its row; times as in the
    ledger.

    older_ms: how old it may have been when it was received. trace: its W3C traceparent. early: the
    program with which its worker has begun to look at it while its trigger was committed.
    """

    id: int
    station: str
    trigger_id: str
    trigger: Trigger
    assigned: bool
    source: Source
    received_at: float
    received_ns: int
    older_ms: float = 0.0
    trace: str | None = None
    early: ReadyProgram | None = None
    _claimed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def row(self) -> int:
        """Its row in the ledger."""
        return self.id

    def claim(self) -> bool:
        """True for the one caller that may answer this part, drive its lines and store its
        result."""
        with self._lock:
            claimed, self._claimed = self._claimed, True
            return not claimed


def as_ms(span_ns: int) -> float:
    """Whole microseconds, as ms."""
    return max(0, span_ns // 1000) / 1000


def __getattr__(name: str) -> Any:
    if name in ("Finding", "Inspection"):  # where they were before
        from node import seen

        return getattr(seen, name)
    raise AttributeError(name)
