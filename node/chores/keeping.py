"""The care of the ledger, on threads of its own: its stamp, what is too old in it, its clock, and
its log.

Neither traffic nor pictures hold it up, and it waits for nobody: what cannot be done now is done a
moment later. Moving the log takes as long as the disk needs for what has grown while somebody held
it, so that has a thread for itself.
"""

import logging
import threading
import time
from collections.abc import Callable

from node.alarms import Alarms
from node.chores.faults import Faults
from node.limits import STOP_S
from schemas import Problem
from schemas.settings import HistorySettings
from schemas.store.clock import CLOCK, UNSET_BEFORE_S, Clock
from schemas.store.ledger import Ledger
from schemas.store.ledger.log import HELD_BYTES

log = logging.getLogger(__name__)

TICK_S = 0.2
ALARM_S = 10.0  # between two reports of the same trouble
JUMP_S = 5.0
JUMP_TOLD_S = 60.0
PRUNE_S = 10.0  # between two looks for what is too old
PRUNE_ROUNDS = 20


class Keeping:
    """See the head of this file. It alone sets the alarms LEDGER and CLOCK. believing: stations
    that go by sent_at."""

    def __init__(
        self,
        ledger: Ledger,
        history: HistorySettings,
        alarms: Alarms,
        faults: Faults,
        believing: tuple[str, ...] = (),
        clock: Clock = CLOCK,
    ) -> None:
        self.beat_ns = self.moving_beat_ns = time.monotonic_ns()
        self._ledger = ledger
        self._history = history
        self._alarms = alarms
        self._faults = faults
        self._jumps = Jumps(clock)
        self._clock = clock
        self._believing = believing
        self._log_told_at = 0.0
        self._prune_at = 0.0
        self._stopping = threading.Event()
        self._threads = (
            threading.Thread(target=self._run, name="keeping", daemon=True),
            threading.Thread(target=self._move, name="moving", daemon=True),
        )

    def start(self) -> None:
        """Begin; what was lost before is reported at once."""
        self._tell()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; a move of the log that takes long is left behind."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(STOP_S)

    def _run(self) -> None:
        now = time.monotonic()
        due: list[tuple[float, float, Callable[[], None]]] = [
            (now, 1.0, self._ledger.keep),
            (now, 1.0, self._tell),
            (now, 1.0, self._shorten),
            (now + 5.0, 1.0, self._prune),
        ]
        while not self._stopping.wait(TICK_S):
            self.beat_ns = time.monotonic_ns()
            now = time.monotonic()
            for number, (at, period, work) in enumerate(due):
                if now >= at:
                    due[number] = (now + period, period, work)
                    self._guarded(work)

    def _move(self) -> None:
        while not self._stopping.wait(TICK_S):
            self.moving_beat_ns = time.monotonic_ns()
            self._guarded(self._ledger.checkpoint)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Problem as problem:
            # it comes again; whatever has something to write reports that nothing can be written
            log.debug("%s: %s", work.__name__, problem)
        except Exception as error:
            self._faults.happened(f"care of the ledger, {work.__name__.strip('_')}", error)

    def _tell(self) -> None:
        wrong = self._jumps.look()
        if wrong is None and self._believing and not self._clock.synchronised():
            wrong = (
                f"no time server keeps the clock, by which {', '.join(self._believing)} judges"
                " sent_at (clocks_synced)"
            )
        self._alarms.set("CLOCK", wrong)
        told = [self._ledger.damage()]
        held, moving = self._ledger.log_held(), self._ledger.log_moving()
        if held is not None:
            told.append(
                f"its log is {held.bytes / 1e6:.0f} MB and cannot be shortened for"
                f" {held.seconds:.0f} s: somebody reads the ledger and does not end"
            )
        if moving is not None:
            told.append(
                f"its log of {moving.bytes / 1e6:.0f} MB is being moved for {moving.seconds:.0f} s:"
                " the disk is slow"
            )
        text = "; ".join(filter(None, told)) or None
        now = time.monotonic()
        large = held is not None or moving is not None
        if not large or now - self._log_told_at >= ALARM_S:
            self._log_told_at = now if large else 0.0
            self._alarms.set("LEDGER", text)

    def _shorten(self) -> None:
        if self._history.outbox_full == "drop":
            self._ledger.shorten_outbox(self._history.outbox_limit)

    def _prune(self) -> None:
        limits, now = self._history, time.monotonic()
        if now < self._prune_at:
            return
        for _ in range(PRUNE_ROUNDS):
            gone = self._ledger.prune(
                max_count=limits.max_count,
                max_age_s=limits.max_days * 86400,
                dedupe_s=limits.dedupe_hours * 3600,
            )
            self.beat_ns = time.monotonic_ns()
            if not gone or self._stopping.is_set():
                break
            # removals go through the log, too: more follow once that has been moved
            if self._ledger.log_bytes() > HELD_BYTES:
                return
        self._prune_at = now + PRUNE_S


class Jumps:
    """Whether the wall clock can be believed: it is set, and goes on as fast as the boot clock."""

    def __init__(self, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self._offset = clock.wall() - clock.elapsed()
        self._jumped: tuple[float, float] | None = None  # when, by how much

    def look(self) -> str | None:
        """What is wrong with it, for people; None if nothing is. Call it about once a second."""
        wall, elapsed = self._clock.wall(), self._clock.elapsed()
        jump = wall - elapsed - self._offset
        if abs(jump) > JUMP_S:
            self._jumped = elapsed, jump
        self._offset += jump
        if wall < UNSET_BEFORE_S:
            return (
                f"the clock was never set: it says {time.strftime('%Y-%m-%d', time.gmtime(wall))}"
            )
        if self._jumped is not None and elapsed - self._jumped[0] < JUMP_TOLD_S:
            jump = self._jumped[1]
            return (
                f"the clock was put {'ahead' if jump > 0 else 'back'} by {_span(abs(jump))}: times"
                " before do not compare"
            )
        return None


def _span(seconds: float) -> str:
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.0f} days"
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 2 * 60 else f"{seconds:.0f} s"
