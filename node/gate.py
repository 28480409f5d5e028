"""The quality gate beside the locator: while a part is located, a thread looks whether its frame is
fit to be judged, which takes half as long.

What the gate refuses is refused, whatever was found meanwhile, and nothing is measured before it
has answered.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from node.frame import Frame
from node.quality import check
from node.worker.seam import PartJob
from schemas import Problem, QualityLimits

GATE_S = 5.0  # for a check, which takes a millisecond
LARGE_PX = 500_000


def pays(job: PartJob, frame: Frame) -> bool:
    """Whether it is worth a thread: a core is free for it, and the check takes long, or no other
    part waits, so that only this one's time counts and not the work."""
    return not job.crowded and (not job.queued or frame.width * frame.height >= LARGE_PX)


class _Check:
    """A frame to be checked; `done` is released when it was. error: why it is refused."""

    __slots__ = ("done", "error", "frame", "limits")

    def __init__(self, frame: Frame, limits: QualityLimits) -> None:
        self.frame = frame
        self.limits = limits
        self.done = threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Check it; never raises."""
        try:
            check(self.frame, self.limits)
        except BaseException as error:
            self.error = error
        self.done.release()


class Gate:
    """See the head of this file. With one processor there is no thread: the check comes first.
    before: called once on its thread, before any check."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self._before = before
        self._alone = len(os.sched_getaffinity(0)) < 2
        self._line: queue.SimpleQueue[_Check | None] | None = None

    def close(self) -> None:
        """End its thread; a check that still comes is done before what it would be beside."""
        self._alone = True
        self._leave()

    @contextmanager
    def beside(self, frame: Frame, limits: QualityLimits, *, aside: bool = True) -> Iterator[None]:
        """Check the frame beside what is done in the block, or before it if not `aside`.
        Raises Problem IMAGE_QUALITY at its end, in place of whatever the block raised; TIMEOUT if
        the check hangs."""
        if self._alone or not aside:
            check(frame, limits)
            yield
            return
        begun = _Check(frame, limits)
        _ = frame.gray  # both need it: made once
        self._begin().put(begun)
        try:
            yield
        finally:
            if not begun.done.acquire(timeout=GATE_S):
                self._leave()
                raise Problem("TIMEOUT", f"the frame could not be checked within {GATE_S:g} s")
            if begun.error is not None:
                raise begun.error from None

    def _begin(self) -> "queue.SimpleQueue[_Check | None]":
        line = self._line
        if line is None:
            self._line = line = queue.SimpleQueue()
            given = (line, self._before)
            threading.Thread(target=_run, args=given, name="gate", daemon=True).start()
        return line

    def _leave(self) -> None:
        """The thread ends once it has come back from its check; nobody waits for that."""
        line, self._line = self._line, None
        if line is not None:
            line.put(None)


def _run(line: "queue.SimpleQueue[_Check | None]", before: Callable[[], object]) -> None:
    before()
    while (begun := line.get()) is not None:
        begun.run()
