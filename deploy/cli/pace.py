"""Work beside a running line: it takes no time from anything else, and pauses after every small
piece.

Two threads that share a core or a disk slow each other down, however unimportant one of them is. So
what may take long is done a few milliseconds at a time, with rests many times as long in between.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SLICE_S = 0.002  # a fraction of what one part takes
SHARE = 0.15  # of one processor


class Pace:
    """Call it after each small piece of work of this thread: now and then it sleeps."""

    def __init__(self, share: float = SHARE) -> None:
        self._rest = 1 / share - 1
        self._rested = time.thread_time()

    def __call__(self) -> None:
        """Sleep, if enough was done since it slept last."""
        worked_s = time.thread_time() - self._rested
        if worked_s >= SLICE_S:
            time.sleep(worked_s * self._rest)
            self._rested = time.thread_time()


@contextmanager
def beside(state: Path) -> Iterator[Callable[[], None]]:
    """Gives what to call after each small piece of work while the block runs.

    If a node works on the folder, the call pauses, and this thread runs only when no other wants to
    (sched(7): SCHED_IDLE); where a unit does not let it ask for that, the unit itself has.
    """
    if not works(state):
        yield lambda: None
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        yield Pace()
    finally:
        with suppress(PermissionError):
            os.sched_setscheduler(0, *before)


def works(state: Path) -> bool:
    """Whether a node works on the folder, by the process that its lock names."""
    try:
        os.kill(int((state / "lock").read_text()), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return True
