"""The line driver: the one thread that owns all lines of all stations.

Others give it orders through a bounded queue and an eventfd; it waits for them, for edges of the
inputs and for the next time at which a line must change. What the orders mean for the lines is in
lane.py.

One file: one thread, and whatever wakes it.
"""

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal

from node.gpio import Bank
from node.gpio.lane import MS, NEVER, StationLines
from node.gpio.memory import MemoryBank
from node.gpio.trace import LineReport
from schemas import GpiodLines, MemoryLines, Problem, Verdict

ORDER_LIMIT = 1024
START_S = 5.0
SHOW_S = 1.0
TURN_S = 0.5
STOP_S = 10.0
LAST_S = 0.5  # of the time to stop, kept for closing the lines

log = logging.getLogger(__name__)


class Order:
    """Something to be done by the driver's thread; `done` is released when it was. drives: not
    only a question, so that lines that are late for it are not to be trusted."""

    __slots__ = ("_given_up", "action", "done", "drives", "lane", "problem")

    def __init__(self, lane: StationLines, action: Callable[[], None], drives: bool = True) -> None:
        self.lane = lane
        self.action = action
        self.drives = drives
        self.problem: Problem | None = None
        self.done = threading.Lock()
        self.done.acquire()
        self._given_up = False

    def give_up(self) -> None:
        """Nobody waits for this order any more."""
        self._given_up = True

    def given_up(self) -> bool:
        """Whether nobody waits for this order any more."""
        return self._given_up


class LineDriver:
    """Drives the lines of each station and calls `on_edge(station, t_ns)` for each edge of a
    trigger input.

    on_edge is called on the driver's thread: it must be quick and must not raise. Calls that do not
    wait (begin, ready, release, safe, assign) never raise; what becomes of them is in status() and
    problem(). beat_ns is the monotonic time of the thread's last turn, at most half a second ago
    unless it hangs.
    """

    def __init__(
        self,
        banks: Mapping[str, tuple[MemoryLines | GpiodLines, Bank]],
        on_edge: Callable[[str, int], None],
    ) -> None:
        self._lanes = {
            station: StationLines(station, settings, bank)
            for station, (settings, bank) in banks.items()
        }
        self._on_edge = on_edge
        self._orders: deque[Order] = deque()
        self._behind = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._wake_lock = threading.Lock()
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._watched: dict[int, StationLines] = {}
        self._stop_ns: int | None = None
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        self.beat_ns = time.monotonic_ns()

    def start(self, timeout_s: float = START_S) -> None:
        """Start the thread and wait until every bank was opened or failed, at most so long."""
        self._thread.start()
        self._tried.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """READY off, let verdicts that are under way end in time, make everything inactive; whether
        that is done.

        A reject pulse that was cut short would let a bad part pass, so up to timeout_s - LAST_S is
        spent on them.
        """
        if self._thread.is_alive():
            for station in self._lanes:
                self.ready(station, False)
            self._stop_ns = time.monotonic_ns() + round(max(0.0, timeout_s - LAST_S) * 1000 * MS)
            self._nudge()
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        with self._wake_lock:
            wake, self._wake = self._wake, -1
            if wake >= 0:
                os.close(wake)
        return True

    @property
    def alive(self) -> bool:
        """Whether the thread is running."""
        return self._thread.is_alive()

    # what a station says

    def begin(self, station: str) -> None:
        """A part is being inspected: BUSY on, the last part's signals off."""
        self._tell(station, self._lanes[station].begin)

    def show(
        self, station: str, verdict: Verdict, outputs: Mapping[str, bool], timeout_s: float = SHOW_S
    ) -> Literal["ok", "none"]:
        """Drive a verdict and the outputs that the program assigned, then RESULT_VALID, then BUSY
        off.

        Waits until the kernel has taken it; with a delay, until it is planned. none: the station
        has no lines. Raises Problem GPIO_ERROR if it could not be driven, or not within timeout_s.
        """
        lane = self._lanes[station]
        if not lane.roles:
            return "none"
        self._ask(lane, lambda: lane.show(verdict, outputs), timeout_s)
        return "ok"

    def ready(self, station: str, on: bool) -> None:
        """READY on or off."""
        lane = self._lanes[station]
        self._tell(station, lambda: lane.ready(on))

    def release(self, station: str) -> None:
        """BUSY off without a verdict: the inspection was abandoned."""
        self._tell(station, self._lanes[station].release)

    def safe(self, station: str) -> None:
        """Verdicts, outputs, BUSY and READY inactive, pending verdicts dropped, until begin() or
        ready(True)."""
        self._tell(station, self._lanes[station].safe)

    def assign(self, station: str, outputs: Mapping[str, str]) -> None:
        """What OUT1 to OUT8 mean in the program that runs now."""
        lane = self._lanes[station]
        self._tell(station, lambda: lane.assign(outputs))

    def by_hand(self, station: str, role: str, on: bool, timeout_s: float = SHOW_S) -> None:
        """Set one line in maintenance (the caller checks that); OK, NG and ERROR still exclude each
        other.

        Raises Problem BAD_COMMAND for a line that is not assigned, GPIO_ERROR if it could not be
        driven.
        """
        lane = self._lanes[station]
        self._ask(lane, lambda: lane.by_hand(role, on), timeout_s)

    # what a station's lines are

    def status(self, station: str) -> Literal["ok", "error", "none"]:
        """none: no line is assigned."""
        return "error" if self._gone() else self._lanes[station].status

    def problem(self, station: str) -> Problem | None:
        """Why the lines cannot be used, or None."""
        return self._gone() or self._lanes[station].problem

    def values(self, station: str) -> dict[str, bool]:
        """All assigned outputs as last driven."""
        return dict(self._lanes[station].values)

    def told(self, station: str, after: int | None = None, timeout_s: float = SHOW_S) -> LineReport:
        """What the lines did lately, or since a change, and the input's level: None also where the
        thread does not answer."""
        lane = self._lanes[station]
        level: list[bool | None] = []
        with suppress(Problem):
            self._ask(lane, lambda: level.append(lane.level()), timeout_s, drives=False)
        return lane.trace.told(after, level[0] if level else None)

    def wants_ready(self, station: str) -> bool:
        """Whether READY is to be on; safe() takes that back."""
        return self._lanes[station].wants_ready

    def timeline(self, station: str) -> list[tuple[int, dict[str, bool]]]:
        """Monotonic ns and all outputs after each change, for memory lines; else empty."""
        bank = self._lanes[station].bank
        return bank.timeline if isinstance(bank, MemoryBank) else []

    def _gone(self) -> Problem | None:
        return (
            None
            if self._thread.is_alive()
            else Problem("GPIO_ERROR", "the line driver does not run")
        )

    # the queue

    def _tell(self, station: str, action: Callable[[], None]) -> None:
        self._put(Order(self._lanes[station], action))

    def _ask(
        self, lane: StationLines, action: Callable[[], None], timeout_s: float, drives: bool = True
    ) -> None:
        gone = self._gone()
        if gone is not None:
            raise gone
        order = Order(lane, action, drives)
        if not self._put(order):
            raise Problem("GPIO_ERROR", "the line driver is behind")
        if not order.done.acquire(timeout=timeout_s):
            order.give_up()
            raise Problem("GPIO_ERROR", f"the lines were not driven within {timeout_s:g} s")
        if order.problem is not None:
            raise order.problem

    def _put(self, order: Order) -> bool:
        if len(self._orders) >= ORDER_LIMIT:
            if order.drives:  # one is lost: nothing that the lines show can be trusted
                self._behind = True
            return False
        self._orders.append(order)
        self._nudge()
        return True

    def _nudge(self) -> None:
        with self._wake_lock:  # once it is closed its number may be that of any other file
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    # the thread

    def _run(self) -> None:
        lanes = list(self._lanes.values())
        try:
            for lane in lanes:
                lane.tick()
            self._tried.set()
            while self._stop_ns is None or self._turn_to_stop(lanes, self._stop_ns):
                self._turn(lanes)
        finally:
            for lane in lanes:
                lane.close()

    def _turn_to_stop(self, lanes: list[StationLines], stop_ns: int) -> bool:
        return bool(self._orders) or (
            any(lane.waiting for lane in lanes) and time.monotonic_ns() < stop_ns
        )

    def _turn(self, lanes: list[StationLines]) -> None:
        next_ns = min((lane.tick() for lane in lanes), default=NEVER)
        if self._stop_ns is not None:
            next_ns = min(next_ns, self._stop_ns)
        watched = {lane.fd: lane for lane in lanes if lane.fd is not None}
        if watched != self._watched:
            self._watch(watched)
        self.beat_ns = now = time.monotonic_ns()
        for fd, event in self._poll.poll(min(TURN_S * 1000, max(0.0, (next_ns - now) / MS))):
            if fd == self._wake:
                os.eventfd_read(fd)
                for _ in range(len(self._orders)):  # those that came meanwhile have woken us again
                    self._obey(self._orders.popleft())
            elif event & select.POLLIN:
                lane = watched[fd]
                for t_ns in lane.edges():
                    self._on_edge(lane.station, t_ns)
            else:
                watched[fd].fail(Problem("GPIO_ERROR", "the chip of the trigger input went away"))
        if self._behind:
            self._behind = False
            for lane in lanes:
                lane.fail(
                    Problem(
                        "GPIO_ERROR", f"the line driver was more than {ORDER_LIMIT} orders behind"
                    )
                )

    def _watch(self, watched: dict[int, StationLines]) -> None:
        self._poll = select.poll()
        for fd in (self._wake, *watched):
            self._poll.register(fd, select.POLLIN)
        self._watched = watched

    def _obey(self, order: Order) -> None:
        if order.given_up():
            return
        try:
            order.action()
        except Problem as problem:
            order.problem = problem
        order.done.release()
        # it was driven, but its part has been answered with an error
        if order.drives and order.given_up():
            order.lane.fail(Problem("GPIO_ERROR", "the lines were driven too late"))
