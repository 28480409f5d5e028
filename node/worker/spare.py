"""A worker process started ahead: the long part, loading the libraries, is done before it is
needed, so that one that ends is replaced at once. One for all stations of a node."""

import logging
import threading
import time

from node.worker.child import Child

log = logging.getLogger(__name__)

SETTLE_S = 0.5  # after a worker began: it is to learn its program first
LOOK_S = 0.5
NAME = "spare"


class Spare:
    """Any thread may take it. Its own thread starts it, and so must outlive the thread that took
    it."""

    def __init__(self) -> None:
        self.beat_ns = time.monotonic_ns()
        self._child: Child | None = None
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spare", daemon=True)

    def start(self) -> None:
        """Begin; nothing is started before it is wanted."""
        self._thread.start()

    def want(self) -> None:
        """A worker has begun, and may end."""
        self._wanted.set()

    def take(self) -> Child | None:
        """The worker that waits, if there is one."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None and child.process.poll() is not None:
            child.close()
            return None
        return child

    def close(self) -> None:
        """End it; what was taken must have ended."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(LOOK_S + SETTLE_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            self.beat_ns = time.monotonic_ns()
            if not self._wanted.wait(LOOK_S) or self._closing.wait(SETTLE_S):
                continue
            self._wanted.clear()
            if self._child is None:
                try:
                    child = Child(NAME)
                except OSError:
                    log.exception("no worker process can be started ahead")
                    continue
                with self._lock:
                    self._child = child
        left = self.take()  # it was started in the moment of the end
        if left is not None:
            left.end("nobody needs it")
            left.close()
