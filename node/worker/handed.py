"""Pictures that a worker process draws and the node stores, since a folder has one writer: on a
thread of their own, because a disk may stall."""

import logging
from concurrent.futures import ThreadPoolExecutor

from node.pictures.keeping import PictureKeeping
from node.worker.wire import as_problem
from schemas import Fault, Problem

log = logging.getLogger(__name__)


class HandedPictures:
    """The pictures of one worker: the results whose pictures it has, until these are stored."""

    def __init__(self, station: str, keeping: PictureKeeping) -> None:
        self._keeping = keeping
        self._drawn: set[str] = set()  # results whose pictures the worker has
        self._failed: dict[str, Problem] = {}
        self._disk = ThreadPoolExecutor(1, f"pictures {station}")

    def begin(self, result_id: str) -> None:
        """The worker is told to draw these."""
        self._drawn.add(result_id)

    def came(self, payload: bytes) -> None:
        """One picture: its name, and the file."""
        name, _, data = payload.partition(b"\0")
        self._disk.submit(self._store, name.decode(), data)

    def done(self, result_id: str, fault: Fault | None) -> None:
        """All pictures of a result have come, or the worker cannot draw them."""
        self._disk.submit(self.end, result_id, None if fault is None else as_problem(fault))

    def end(self, result_id: str, problem: Problem | None) -> None:
        """The pictures of a result are done with."""
        problem = self._failed.pop(result_id, None) or problem
        try:
            self._drawn.remove(result_id)
        except KeyError:  # another thread was first
            return
        self._keeping.written(result_id, problem)

    def ended(self) -> None:
        """The worker draws no more: what has come is stored, what it had is lost."""
        for result_id in list(self._drawn):
            self._disk.submit(self.end, result_id, Problem("TOOL_CRASHED", "it was not written"))

    def close(self) -> None:
        """Store what has come, however long the disk takes, and no more."""
        self._disk.shutdown()

    def _store(self, name: str, data: bytes) -> None:
        try:
            self._keeping.store.write(name, data)
        except Problem as problem:
            self._failed[name.partition(".")[0]] = problem
        except Exception as error:
            log.exception("a picture could not be stored")
            said = f"{type(error).__name__}: {error}"[:500]
            self._failed[name.partition(".")[0]] = Problem("INTERNAL", said)
