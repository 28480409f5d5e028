"""What a worker process has been asked and has not answered yet."""

import itertools
import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from node.worker.child import Child
from node.worker.wire import as_problem
from schemas import Fault, Problem


class Questions:
    """Asked by any thread, answered by the one that hears the process."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[bytes, Future[Any]]] = {}

    def ask(
        self, child: Child | None, kind: bytes, message: Callable[[int], bytes], limit_s: float
    ) -> Any:
        """What it answers. Raises its Problem, PROGRAM_LOADING if nobody is there, TOOL_CRASHED if
        it ends, and TimeoutError."""
        number, future = next(self._numbers), Future[Any]()
        self._asked[number] = kind, future
        try:
            if child is None or not child.side.send(kind, message(number)):
                raise Problem("PROGRAM_LOADING", "the worker of the station is being started")
            return future.result(limit_s)
        finally:
            self._asked.pop(number, None)

    def answered(self, payload: bytes) -> None:
        """An answer came; perhaps nobody waits for it any more."""
        reply = json.loads(payload)
        _, future = self._asked.pop(reply["number"], (b"", None))
        if future is None:
            return
        if "data" in reply:
            future.set_result(reply["data"])
        else:
            future.set_exception(as_problem(Fault(**reply["fault"])))

    def ended(self, how: str) -> set[bytes]:
        """Nobody will answer any more; returns the kinds of what was asked."""
        kinds = set()
        for number in list(self._asked):
            kind, future = self._asked.pop(number, (b"", None))
            if future is not None:
                kinds.add(kind)
                future.set_exception(Problem("TOOL_CRASHED", how))
        return kinds
