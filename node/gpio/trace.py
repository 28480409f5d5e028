"""What the lines of a station did lately: every change with its time, so that no pulse is missed by
those who only ask now and then."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, TypedDict

MS = 1_000_000
KEPT = 4096  # changes of one station: over 10 s at 20 parts a second
LATELY_MS = 10_000.0
INPUT = "trigger"  # the role of the input line, of which only the edges are known


class LineChange(NamedTuple):
    """A line has changed. number: counts all changes of a station, from 1."""

    number: int
    at_ns: int
    role: str
    active: bool


class LinePulse(TypedDict):
    """The last time that a line was active: when that ended, or began if it has not (or nobody can
    know), and how long it was."""

    age_ms: float
    ms: float | None


class LineReport(TypedDict):
    """What is reported about the lines of a station: its changes as [number, age in ms, role,
    active], the oldest first; how many were missed since those that were asked for; how often each
    line became active since the start."""

    number: int
    missed: int
    changes: list[tuple[int, float, str, bool]]
    pulses: dict[str, int]
    last: dict[str, LinePulse]
    input: bool | None


class LineTrace:
    """The newest changes. Written by the driver's thread, read by any."""

    def __init__(self, kept: int = KEPT) -> None:
        self._changes: deque[LineChange] = deque(maxlen=kept)
        self._number = 0
        self._pulses: dict[str, int] = {}
        self._began: dict[str, int] = {}
        self._last: dict[str, tuple[int, int | None]] = {}  # role: end and length in ns
        self._lock = threading.Lock()

    def changed(self, before: Mapping[str, bool], after: Mapping[str, bool], at_ns: int) -> None:
        """Outputs were driven."""
        with self._lock:
            for role, active in after.items():
                if before.get(role, False) != active:
                    self._put(at_ns, role, active)

    def edge(self, at_ns: int) -> None:
        """The input has triggered."""
        with self._lock:
            self._put(at_ns, INPUT, True)
            self._last[INPUT] = at_ns, None

    def told(self, after: int | None, level: bool | None, now_ns: int | None = None) -> LineReport:
        """What changed after a number; None: in the last 10 s."""
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        with self._lock:
            changes, number = list(self._changes), self._number
            pulses, last, began = dict(self._pulses), dict(self._last), dict(self._began)
        if after is None or after > number:  # from a process before this one
            wanted = [each for each in changes if (now_ns - each.at_ns) / MS <= LATELY_MS]
            missed = 0
        else:
            wanted = [each for each in changes if each.number > after]
            missed = number - after - len(wanted)
        ages = {role: LinePulse(age_ms=_ms(now_ns - at), ms=None) for role, at in began.items()}
        for role, (end, length) in last.items():
            if role not in ages:
                ms = None if length is None else _ms(length)
                ages[role] = LinePulse(age_ms=_ms(now_ns - end), ms=ms)
        return LineReport(
            number=number,
            missed=missed,
            changes=[(n, _ms(now_ns - at), role, active) for n, at, role, active in wanted],
            pulses=pulses,
            last=ages,
            input=level,
        )

    def _put(self, at_ns: int, role: str, active: bool) -> None:
        self._number += 1
        self._changes.append(LineChange(self._number, at_ns, role, active))
        if active:
            self._pulses[role] = self._pulses.get(role, 0) + 1
            if role != INPUT:
                self._began[role] = at_ns
        elif role in self._began:
            began = self._began.pop(role)
            self._last[role] = at_ns, at_ns - began


def _ms(span_ns: int) -> float:
    return round(max(0, span_ns) / MS, 1)
