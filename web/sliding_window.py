"""Counts of the last minute in the memory of one process: exact, by a clock that nobody sets, and
bounded.

The storage that comes with `limits` starts a thread for every request to forget old entries (half
of the time of a small answer, measured), and its windows follow the clock of the wall.
"""

import threading
import time
from collections import OrderedDict, deque

from limits.storage.base import MovingWindowSupport, Storage

SCHEME = "window"
# keys; beyond them the one that was counted longest ago is forgotten: nobody new is refused because
# of the others
MOST = 20_000
SWEEP_S = 30.0


class SlidingWindow(Storage, MovingWindowSupport):
    """A storage for the strategy `moving-window` only."""

    STORAGE_SCHEME = [SCHEME]

    def __init__(
        self, uri: str | None = None, wrap_exceptions: bool = False, **_: float | str | bool
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        # last counted, last in order
        self._hits: OrderedDict[str, tuple[int, deque[float]]] = OrderedDict()
        self._lock = threading.Lock()
        self._swept = time.monotonic()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count, if that does not make more than `limit` in the last `expiry` seconds."""
        now = time.monotonic()
        with self._lock:
            if now - self._swept > SWEEP_S:
                self._sweep(now)
            counter = self._hits.get(key)
            if counter is None:
                if len(self._hits) >= MOST:
                    self._hits.popitem(last=False)
                counter = self._hits[key] = expiry, deque()
            self._hits.move_to_end(key)
            hits = counter[1]
            while hits and hits[0] <= now - expiry:
                hits.popleft()
            if len(hits) + amount > limit:
                return False
            hits.extend([now] * amount)
            return True

    def take_back(self, key: str) -> None:
        """What was counted last does not count."""
        with self._lock:
            hits = self._hits.get(key)
            if hits is not None and hits[1]:
                hits[1].pop()

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002
        """When the oldest that counts was counted (seconds since 1970), and how many count."""
        now = time.monotonic()
        with self._lock:
            hits = [hit for hit in self._hits.get(key, (expiry, deque()))[1] if hit > now - expiry]
        return time.time() - (now - hits[0] if hits else 0.0), len(hits)

    def _sweep(self, now: float) -> None:
        self._swept = now
        for key in [
            key
            for key, (expiry, hits) in self._hits.items()
            if not hits or hits[-1] <= now - expiry
        ]:
            del self._hits[key]

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._hits.pop(key, None)

    def reset(self) -> int | None:
        """Forget all."""
        with self._lock:
            count = len(self._hits)
            self._hits.clear()
        return count

    def check(self) -> bool:
        """It is always available."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """It raises no errors of its own."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not needed for this strategy."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Not needed for this strategy."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Not needed for this strategy."""
        raise NotImplementedError
