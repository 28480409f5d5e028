"""The thread of a station: one part after the other, and a new thread where one hangs.

It knows about parts and about time, and nothing else: what an inspection is, and whether the next
part may be taken, is passed in.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable

from node.part import Part

log = logging.getLogger(__name__)

GRACE_NS = 50_000_000
IDLE_S = 0.5  # between two beats, if there is no part
STORE_AGAIN_S = 0.5


class StationThread:
    """See the head of this file.

    inspect: answers one part, on this thread. may_take: whether a part may be taken now, asked
    before each. faulty: is told what inspect raised. limit_ns: until inspect sets a limit of its
    own. room: how many parts may wait.
    """

    def __init__(
        self,
        station: str,
        inspect: Callable[[Part], None],
        may_take: Callable[[], bool],
        faulty: Callable[[str], None],
        limit_ns: int,
        room: int,
    ) -> None:
        self.current: Part | None = None
        self.beat_ns = time.monotonic_ns()
        self.abandoned: list[threading.Thread] = []
        self._station = station
        self._inspect = inspect
        self._may_take = may_take
        self._faulty = faulty
        self._limit_ns = limit_ns
        self._deadline_ns = 0
        self._asleep: deque[tuple[int, int]] = deque(maxlen=16)
        self._queue: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(room)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin inspecting."""
        self._thread = threading.Thread(
            target=self._run, name=f"station {self._station}", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        me = threading.current_thread()
        while not self._stopping.is_set():
            self.beat_ns = time.monotonic_ns()
            if not self._may_take():
                self._stopping.wait(STORE_AGAIN_S)
                continue
            try:
                part = self._queue.get(timeout=IDLE_S)
            except queue.Empty:
                continue
            if part is None:
                return
            self._room.release()
            self._deadline_ns = time.monotonic_ns() + self._limit_ns
            self.current = part
            try:
                self._inspect(part)
            except Exception as error:  # the last resort: whatever it was, the thread goes on
                log.critical(
                    "station %s: nothing answers %s", self._station, part.trigger_id, exc_info=True
                )
                self._faulty(f"{part.trigger_id} has no result: {type(error).__name__}: {error}")
            if self._thread is not me:
                return  # the watch gave this thread up and answered for it
            self.current = None

    def here(self) -> Part | None:
        """The part that the calling thread inspects."""
        return self.current if self._thread is threading.current_thread() else None

    # The watch

    def limit(self, deadline_ns: int) -> None:
        """The current part must be answered by then (monotonic ns)."""
        self._deadline_ns = deadline_ns

    @property
    def overdue(self) -> Part | None:
        """The current part, if its time is over and nobody has answered."""
        part = self.current
        return (
            part
            if part is not None and time.monotonic_ns() > self._deadline_ns + GRACE_NS
            else None
        )

    def stood_still(self, until_ns: int, asleep_ms: float, deadline_ns: int) -> None:
        """The machine stood still until then, and slept for that long: the current part has until
        the deadline."""
        self._asleep.append((until_ns, round(asleep_ms * 1e6)))
        self._deadline_ns = max(self._deadline_ns, deadline_ns)

    def received_ns(self, part: Part) -> int:
        """When the part's trigger was received, on a clock that counts the time in which the
        machine has slept since."""
        return part.received_ns - sum(
            asleep_ns for until_ns, asleep_ns in self._asleep if until_ns > part.received_ns
        )

    def abandon(self, part: Part) -> None:
        """Leave the thread that hangs in this part to itself, and go on with a new one."""
        if self.current is not part:
            return  # it came back just now, and may have the next part already
        if self._thread is not None:
            self.abandoned = [
                thread for thread in [*self.abandoned, self._thread] if thread.is_alive()
            ]
        self.current = None
        self._thread = None
        if not self._stopping.is_set():
            self.start()

    @property
    def hanging(self) -> int:
        """Inspections that were given up and still hang."""
        return sum(thread.is_alive() for thread in self.abandoned)

    def end(self) -> None:
        """Take no part after the current one."""
        self._stopping.set()
        self._queue.put(None)

    @property
    def ended(self) -> bool:
        """Whether no part is being inspected any more."""
        return self._thread is None or not self._thread.is_alive()

    def take_waiting(self) -> list[Part]:
        """The parts that still wait, for the caller to answer."""
        waiting: list[Part] = []
        while True:
            try:
                part = self._queue.get_nowait()
            except queue.Empty:
                return waiting
            if part is not None:
                waiting.append(part)

    # Waiting triggers

    def reserve(self) -> bool:
        """A place among the waiting triggers; False is an overrun. To be followed by add() or
        give_back()."""
        return self._room.acquire(blocking=False)

    def give_back(self) -> None:
        """The place is not needed."""
        self._room.release()

    def add(self, part: Part) -> None:
        """The part waits for its inspection, in the place reserved before."""
        self._queue.put(part)

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return self.current is None and self._queue.empty()

    @property
    def waiting(self) -> int:
        """Triggers that wait."""
        return self._queue.qsize()
