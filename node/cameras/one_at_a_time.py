"""A camera that several threads may ask: the station's thread, that of an abandoned inspection, and
that of commands."""

import logging
import threading
import time

from node.cameras import Camera, Request
from node.frame import Frame
from schemas import Problem

log = logging.getLogger(__name__)

REOPEN_S = 2.0
CAMERA_S = 0.1  # for a camera that a part holds, to open it anew


class OneAtATime:
    """A camera that is asked by one thread at a time, also while an abandoned inspection still
    waits for it."""

    def __init__(self, camera: Camera) -> None:
        self.simulated = camera.simulated
        self.controls = camera.controls
        self._camera = camera
        self._lock = threading.Lock()
        self._tried_at = 0.0

    @property
    def problem(self) -> Problem | None:
        """Why the camera cannot give a frame, None if it can."""
        return self._camera.problem

    def open(self) -> None:
        """Open it, or try again if the last try is long enough ago; a failure is left in
        `problem`."""
        now = time.monotonic()
        if now - self._tried_at < REOPEN_S or not self._lock.acquire(timeout=CAMERA_S):
            return
        try:
            self._tried_at = now
            self._camera.open()
        except Problem as problem:
            log.debug("camera: %s", problem)
        finally:
            self._lock.release()

    def grab(self, request: Request) -> Frame:
        """See Camera.grab. Raises Problem CAMERA_TIMEOUT also if another inspection holds the
        camera."""
        left_s = max(0.0, (request.deadline_ns - time.monotonic_ns()) / 1e9)
        if not self._lock.acquire(timeout=left_s):
            raise Problem("CAMERA_TIMEOUT", "an earlier inspection still waits for the camera")
        try:
            return self._camera.grab(request)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close it, even if somebody waits for it."""
        self._camera.close()
