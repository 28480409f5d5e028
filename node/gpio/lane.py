"""A lane: what the lines of one station show, and when that changes. It has no thread, and a clock
that is given to it.

Levels (READY, BUSY, outputs assigned to `busy` or `always_on`) are a wish that holds until it is
changed, and that is restored after a failure. Signals (OK, NG, ERROR, RESULT_VALID and all other
outputs) belong to one part, and are never restored. OK, NG and ERROR always change in one call to
the kernel.

Without a delay the signals are about the part in front of the camera: begin() takes the last ones
back, and ends their pulse. With a delay they are about a part that has moved on:
- pulse: each part's pulse comes at its own time, even if later parts were begun meanwhile, since
  the gate that it drives is further down the line; so begin() leaves the signals alone, and several
  parts can be under way. A pulse that is still on when the next one is due gives way to it. Keep
  pulse_ms below the distance of two parts.
- latch: a verdict holds until the next part begins, so one that is not yet due when that happens is
dropped. BUSY falls when the station is free again, so with a delay a PLC reads the verdict on
RESULT_VALID, not on BUSY. A verdict that is late by more than its pulse (at least 50 ms) would hit
another part: it is not shown, the lane fails.

One file: the lines of a station are one state machine.
"""

import heapq
import logging
import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from node.gpio import Bank
from node.gpio.trace import LineTrace
from schemas import GpiodLines, MemoryLines, Problem, Verdict

MS = 1_000_000
BEAT_NS = 500 * MS  # half a period of the heartbeat
RETRY_NS = 2000 * MS
LATE_MS = 50.0
PENDING_LIMIT = 1024
NEVER = 1 << 62
VERDICTS = ("ok", "ng", "error")
LEVELS = ("ready", "busy", "always_on")

log = logging.getLogger(__name__)


class Due(NamedTuple):
    """Something that will happen, unless its stamp is no longer the lane's."""

    at_ns: int
    number: int
    stamp: int
    verdict: Verdict | None  # None is the end of a pulse
    outputs: Mapping[str, bool]


class StationLines:
    """The lines of one station. Only the driver's thread calls it; `values` and `problem` can be
    read by any.

    Times are monotonic ns. Every call that drives lines raises Problem GPIO_ERROR if it cannot; the
    lane is then closed, with all lines inactive as far as the chip allows, and tick() tries every 2
    s to open it again.
    """

    def __init__(
        self,
        station: str,
        settings: MemoryLines | GpiodLines,
        bank: Bank,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.station = station
        self.bank = bank
        self.roles = tuple(settings.roles)
        self.values: Mapping[str, bool] = dict.fromkeys(self.roles, False)
        self.trace = LineTrace()
        self.problem: Problem | None = None
        self.fd: int | None = None
        self._clock = clock
        self._used = bool(self.roles) or settings.trigger is not None
        self._drive = settings.drive
        self._downstream = settings.drive.delay_ms > 0 and settings.drive.mode == "pulse"
        self._mean({})
        self._open = False
        self._ready = self._busy = False
        self._parked = True  # no level is active before the first sign of life of the station
        self._by_hand = False
        self._due: list[Due] = []
        self._number = 0
        # stamp of the signals that are on: a later change to them ends the timer of their pulse
        self._shown = 0
        self._pending = 0  # stamp of the verdicts that are not yet due
        self._beat_ns = self._retry_ns = 0 if self._used else NEVER
        if self._used:
            self.problem = Problem("GPIO_NOT_AVAILABLE", "the lines are not open yet")

    @property
    def status(self) -> Literal["ok", "error", "none"]:
        """none: no line is assigned."""
        if self.problem is not None:
            return "error"
        return "ok" if self.roles else "none"

    @property
    def wants_ready(self) -> bool:
        """Whether READY is on, or will be when the lines are open again."""
        return self._ready

    @property
    def waiting(self) -> bool:
        """Whether a verdict or the end of a pulse is still to come."""
        return any(
            due.stamp == (self._shown if due.verdict is None else self._pending)
            for due in self._due
        )

    # what the station says

    def assign(self, outputs: Mapping[str, str]) -> None:
        """Take over what OUT1 to OUT8 mean in a program; outputs with a new meaning go inactive."""
        changed = [role for role in self.roles if self._meanings.get(role) != outputs.get(role)]
        self._mean(outputs)
        self._write({**dict.fromkeys(changed, False), **self._levels()} if changed else {})

    def begin(self) -> None:
        """A part is being inspected: BUSY on, the signals of the last part off."""
        self._busy, self._parked = True, False
        if self._downstream and not self._by_hand:
            self._write(self._levels())
            return
        if not self._downstream:
            if self.waiting and self._drive.delay_ms > 0:
                log.warning(
                    "%s: a latched verdict was not yet due when the next part began", self.station
                )
            self._pending += 1
        self._shown += 1
        self._by_hand = False
        self._write({**self._off, **self._levels()})

    def show(self, verdict: Verdict, outputs: Mapping[str, bool]) -> None:
        """Show the verdict of a part now or after the delay; BUSY off, last."""
        self._busy = False
        if self._drive.delay_ms > 0 and self.roles:
            self._check_open()
            if not self._downstream:
                self._pending += 1  # the last one wins
            if len(self._due) >= PENDING_LIMIT:
                raise self.fail(
                    Problem("GPIO_ERROR", f"{len(self._due)} verdicts wait for their delay")
                )
            self._later(self._drive.delay_ms, self._pending, verdict, outputs)
        else:
            self._present(verdict, outputs)
        self._write(self._levels())

    def ready(self, on: bool) -> None:
        """READY on or off; on also takes back what was set by hand."""
        rest = self._by_hand and on
        if on == self._ready and not rest and not (on and self._parked):
            return
        self._ready = on
        if on:
            self._parked = self._by_hand = False
        self._write({**(self._off if rest else {}), **self._levels()})

    def release(self) -> None:
        """BUSY off without a verdict."""
        self._busy = False
        self._write(self._levels())

    def by_hand(self, role: str, on: bool) -> None:
        """Set one line, and take back the other verdicts with it. Raises Problem BAD_COMMAND for an
        unassigned role."""
        if role not in self.roles or role == "heartbeat":
            raise Problem(
                "BAD_COMMAND", f"station {self.station} has no line {role} to be set by hand"
            )
        self._by_hand = True
        meaning = self._meaning(role)
        others = [
            r for r in self.roles if self._meaning(r) in VERDICTS and self._meaning(r) != meaning
        ]
        self._write(
            {**(dict.fromkeys(others, False) if on and meaning in VERDICTS else {}), role: on}
        )

    def safe(self) -> None:
        """Everything inactive but the heartbeat, and nothing left to come; levels stay off until
        begin() or ready(True)."""
        self._rest()
        self._ready = self._busy = self._by_hand = False
        self._parked = True
        self._write({role: False for role in self.roles if role != "heartbeat"})

    # what time brings about

    def tick(self) -> int:
        """Do what is due, and tell when to be called next. A failure is not raised: it is in
        `problem`."""
        now = self._clock()
        try:
            if not self._open:
                if now >= self._retry_ns:
                    self._reopen(now)
            else:
                while self._due and self._due[0].at_ns <= now:
                    self._happen(now, heapq.heappop(self._due))
                if now >= self._beat_ns:
                    self._beat(now)
        except Problem:
            log.debug("%s: closed by a timer", self.station)  # fail() has said why
        if not self._open:
            return self._retry_ns
        return min(self._due[0].at_ns, self._beat_ns) if self._due else self._beat_ns

    def edges(self) -> list[int]:
        """Monotonic ns of the edges of the trigger input since the last call."""
        try:
            times_ns = self.bank.edges()
        except Problem as problem:
            self.fail(problem)
            return []
        for at_ns in times_ns:
            self.trace.edge(at_ns)
        return times_ns

    def level(self) -> bool | None:
        """Whether the trigger input is active; None without one, or while it cannot be read."""
        try:
            return self.bank.level()
        except Problem as problem:
            self.fail(problem)
            return None

    def fail(self, problem: Problem) -> Problem:
        """Close the lines because of a problem and drop what was to come; tick() opens them again
        in 2 s."""
        if not self._used:
            return problem
        log.error("%s: lines closed: %s", self.station, problem.message)
        self.problem = problem
        self._retry_ns = self._clock() + RETRY_NS
        self.close()
        return problem

    def close(self) -> None:
        """Everything inactive and released."""
        self._rest()
        self._open = False
        self.fd = None
        self.bank.close()
        self._now(dict.fromkeys(self.roles, False))

    def _reopen(self, now: int) -> None:
        try:
            self.bank.open()
        except Problem as problem:
            if self.problem is None or self.problem.message != problem.message:
                log.error("%s: lines cannot be opened: %s", self.station, problem.message)
            self.problem = problem
            self._retry_ns = now + RETRY_NS
            return
        self._open, self._by_hand = True, False
        self.fd = self.bank.fileno()
        self._beat_ns = now
        self.problem = None
        self._write(self._levels())

    def _beat(self, now: int) -> None:
        self._beat_ns = now + BEAT_NS
        try:
            self.bank.beat()
        except Problem as problem:
            raise self.fail(problem) from None
        if "heartbeat" in self.roles:
            self._write({"heartbeat": not self.values["heartbeat"]})

    def _happen(self, now: int, due: Due) -> None:
        if due.verdict is None:
            if due.stamp == self._shown:
                self._write(self._off)
        elif due.stamp == self._pending:
            late_ms = (now - due.at_ns) / MS
            if late_ms > max(LATE_MS, self._drive.pulse_ms) and self._downstream:
                raise self.fail(
                    Problem("GPIO_ERROR", f"a delayed verdict was late by {late_ms:.0f} ms")
                )
            self._present(due.verdict, due.outputs)

    def _present(self, verdict: Verdict, outputs: Mapping[str, bool]) -> None:
        shown = verdict.lower()
        # RESULT_VALID is off while the verdict changes, so every part gives it an edge
        signals = {
            r: outputs.get(r, False) if r.startswith("OUT") else r == shown for r in self._off
        }
        self._shown += 1
        self._by_hand = False
        self._write(signals)
        if "result_valid" in signals:
            self._write({"result_valid": True})
        if self._drive.mode == "pulse":
            self._later(self._drive.pulse_ms, self._shown, None, {})

    def _later(
        self, after_ms: float, stamp: int, verdict: Verdict | None, outputs: Mapping[str, bool]
    ) -> None:
        self._number += 1
        heapq.heappush(
            self._due,
            Due(self._clock() + round(after_ms * MS), self._number, stamp, verdict, outputs),
        )

    def _rest(self) -> None:
        self._shown += 1
        self._pending += 1
        self._due.clear()

    # lines and what they mean

    def _meaning(self, role: str) -> str | None:
        return self._meanings.get(role) if role.startswith("OUT") else role

    def _mean(self, meanings: Mapping[str, str]) -> None:
        self._meanings = dict(meanings)
        of = {role: self._meaning(role) for role in self.roles}
        self._level_of = {role: meaning for role, meaning in of.items() if meaning in LEVELS}
        self._off = {
            role: False for role, meaning in of.items() if meaning not in (*LEVELS, "heartbeat")
        }

    def _levels(self) -> dict[str, bool]:
        wish = {"ready": self._ready, "busy": self._busy, "always_on": not self._parked}
        return {role: wish[meaning] for role, meaning in self._level_of.items()}

    def _check_open(self) -> None:
        if not self._open:
            raise Problem(
                "GPIO_ERROR", self.problem.message if self.problem else "the lines are closed"
            )

    def _write(self, values: Mapping[str, bool]) -> None:
        if not values:
            return
        self._check_open()
        try:
            self.bank.set(values)
        except Problem as problem:
            raise self.fail(problem) from None
        self._now({**self.values, **values})

    def _now(self, values: Mapping[str, bool]) -> None:
        self.trace.changed(self.values, values, self._clock())
        self.values = values
