"""Commands that come over both connections of a node are one message each.

Known by their content: the same one sent again comes twice over each, so the copies pair up. What
came over one connection is remembered as long as the broker may bring it over the other one too.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from broker.again import content_of
from broker.wire import Incoming

LINE_S = 60.0  # what a broker had put in line before a subscription ended is here by then
LIMIT = 4096


class _Came:
    """What came over one connection and may come over the other."""

    def __init__(self) -> None:
        self._left: Counter[bytes] = Counter()
        self._order: deque[bytes] = deque()

    def add(self, content: bytes) -> None:
        self._left[content] += 1
        self._order.append(content)
        if len(self._order) > LIMIT:
            self.take(self._order.popleft())

    def take(self, content: bytes) -> bool:
        again = self._left[content] > 0
        self._left[content] -= 1
        if self._left[content] <= 0:
            del self._left[content]
        return again

    def clear(self) -> None:
        self._left.clear()
        self._order.clear()


class Twice:
    """See the head of this file. May be used from any thread; the connections are 0 and 1."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = _Came(), _Came()
        # until when (monotonic seconds) the broker may bring commands over each
        self._until = [float("inf"), float("inf")]

    def listens(self, lane: int) -> None:
        """The broker is asked for commands over this connection; it may have been bringing some for
        a while."""
        with self._lock:
            if time.monotonic() > self._until[lane]:
                self._came[1 - lane].clear()
            self._until[lane] = float("inf")

    def leaves(self, lane: int) -> None:
        """From now on it brings only what is already in its queue."""
        with self._lock:
            self._until[lane] = min(self._until[lane], time.monotonic() + LINE_S)

    def forgotten(self, lane: int) -> None:
        """It has nothing left for this connection."""
        with self._lock:
            self._until[lane] = 0.0
            self._came[1 - lane].clear()

    def once(self, lane: int, message: Incoming, work: Callable[[], None]) -> None:
        """Do the work for a message that came over this connection, unless it came over the other
        one."""
        content = content_of(message)
        # held meanwhile: the thread that brings the same message waits, and only one puts commands
        # in line
        with self._lock:
            now = time.monotonic()
            if now > min(self._until):  # nothing comes over both
                self._came[0].clear()
                self._came[1].clear()
            if self._came[1 - lane].take(content):
                return
            if now <= self._until[1 - lane]:
                self._came[lane].add(content)
            work()
