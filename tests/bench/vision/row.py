"""One line of the tools' table, and how it is measured."""

import time
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any, NamedTuple

from node.frame import Frame, Pixels


class Row(NamedTuple):
    """What one tool reached in one task, next to the plain OpenCV way; None where there is none, or
    no target."""

    tool: str
    what: str
    ours: float
    plain: float | None
    unit: str
    ms: float | None = None
    plain_ms: float | None = None
    target: str = ""
    met: bool | None = None


class Trial(NamedTuple):
    """One measurement: its error and ms, ours and the plain way's."""

    error: float
    ms: float
    plain_error: float | None = None
    plain_ms: float | None = None


def fresh(pixels: Pixels) -> Frame:
    """A frame from which nothing has been made yet."""
    return Frame(pixels.copy(), 0, 0.0, "bench", simulated=True)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and ms of this thread, as machines are shared."""
    began = time.thread_time()
    value = work()
    return value, 1000 * (time.thread_time() - began)


def trial(ours: Callable[[], float], plain: Callable[[], float] | None, truth: float) -> Trial:
    """Both ways, in turns, against the truth."""
    value, ms = timed(ours)
    if plain is None:
        return Trial(abs(value - truth), ms)
    other, other_ms = timed(plain)
    return Trial(abs(value - truth), ms, abs(other - truth), other_ms)


def row(tool: str, what: str, unit: str, trials: Iterable[Trial], most: float | None = None) -> Row:
    """The medians; met if the error is at most `most`."""
    done = list(trials)
    error = float(median(t.error for t in done))
    plain = [t.plain_error for t in done if t.plain_error is not None]
    plain_ms = [t.plain_ms for t in done if t.plain_ms is not None]
    return Row(
        tool,
        what,
        error,
        float(median(plain)) if plain else None,
        unit,
        median(t.ms for t in done),
        median(plain_ms) if plain_ms else None,
        "" if most is None else f"at most {most:g}",
        None if most is None else bool(error <= most),
    )
