"""Time that passed, which no calendar can change: what the age of stored things is measured by.

Theory of operation. A store lives: it counts the seconds since it was begun. While the machine is
on these are seconds of the boot clock, which nobody can set; so they are across restarts of the
process, whatever happens to the wall clock meanwhile (a start in 1970, a time server, a jump ahead
and back). How long the machine was off only the wall clock can tell: that counts if the clock was
kept by a time server before and is again, and else it does not. So a store is never older than it
says, and retention may keep something too long but removes nothing too early.
"""

import ctypes
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

UNSET_BEFORE_S = 1_767_225_600.0  # 2026-01-01: an earlier time is a clock that was never set
TIME_ERROR = 5  # adjtimex: the clock is not synchronised


class Moment(NamedTuple):
    """Now: seconds since 1970, seconds since the start of the machine, and which start that was."""

    wall: float
    boot_s: float
    boot: str


class Clock:
    """The machine's clocks; a test gives its own."""

    @property
    def boot(self) -> str:
        """Which start of the machine this is: readings of elapsed() compare within one."""
        return _boot()

    def elapsed(self) -> float:
        """Seconds since the machine started, sleep included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Seconds since 1970, as far as the machine knows."""
        return time.time()

    def synchronised(self) -> bool:
        """Whether a time server keeps the wall clock."""
        if Path("/run/systemd/timesync/synchronized").exists():
            return True
        timex = ctypes.create_string_buffer(512)  # modes = 0: only read
        return bool(0 <= ctypes.CDLL(None, use_errno=True).adjtimex(timex) < TIME_ERROR)


CLOCK = Clock()


def now() -> Moment:
    """The clocks of this machine."""
    return Moment(CLOCK.wall(), CLOCK.elapsed(), CLOCK.boot)


class ClockReading(NamedTuple):
    """All clocks at one moment, to be kept; lived_s is the age of the store then."""

    lived_s: float
    boot: str
    elapsed_s: float
    wall_s: float
    synchronised: bool


class Lived:
    """The age of a store in seconds, going on from its last reading."""

    def __init__(self, last: ClockReading | None, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self._began_s = clock.elapsed()
        self._base_s = last.lived_s if last is not None else 0.0
        # wall clock when the machine went off, as long as it is not known for how long it was off
        self._off_since: float | None = None
        if last is not None and last.boot == clock.boot:
            self._base_s += max(0.0, self._began_s - last.elapsed_s)
        elif last is not None and last.synchronised:
            self._off_since = last.wall_s
            self.reading()

    def __call__(self) -> float:
        """Seconds lived until now."""
        return self._base_s + self._clock.elapsed() - self._began_s

    def reading(self) -> ClockReading:
        """The clocks now, to be kept; counts the time that the machine was off as soon as a time
        server tells it."""
        elapsed, wall, synchronised = (
            self._clock.elapsed(),
            self._clock.wall(),
            self._clock.synchronised(),
        )
        if synchronised and self._off_since is not None:
            self._base_s += max(0.0, wall - (elapsed - self._began_s) - self._off_since)
            self._off_since = None
        return ClockReading(self(), self._clock.boot, elapsed, wall, synchronised)


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
