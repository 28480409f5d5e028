"""What people watch: the newest part of each station as an annotated picture, drawn away from the
inspection.

Drawing and encoding take tens of milliseconds, so it is done only while somebody watches (`show`
tells), on a thread of its own, for the newest part only and a few times a second at most: parts in
between are skipped. When nobody watches, all it costs is that the newest frame of a station is
held.
"""

import logging
import threading
import time
from typing import NamedTuple

import cv2
import numpy as np

from node.frame import Pixels
from node.pictures.annotate import annotate
from node.pictures.failed_at import failed_at
from node.seen import Inspection
from node.worker.seam import Settle
from schemas import Problem
from schemas.store.live_pictures import LivePictures

log = logging.getLogger(__name__)

WATCHED_S = 60.0
EVERY_S = 0.3
IDLE_S = 1.0
# a result goes out before its picture is drawn, which holds the interpreter for milliseconds
AFTER_S = 0.02
WIDEST = 1920
TOLD_S = 600.0  # how long a fault is reported after it happened last, as a station's is
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85]


class _Newest(NamedTuple):
    inspection: Inspection
    settle: Settle
    begins_at: float  # monotonic s


class LiveView:
    """See the head of this file."""

    def __init__(self, store: LivePictures) -> None:
        self._store = store
        self._newest: dict[str, _Newest] = {}
        self._drawn: dict[str, tuple[str, float]] = {}  # station: the result drawn last, and when
        self._watched_until: dict[str, float] = {}
        self._faults: dict[str, tuple[str, float]] = {}  # station: what failed, and when
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="showing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, limit_s: float) -> None:
        """End."""
        self._stopping = True
        self._wake.set()
        self._thread.join(limit_s)

    def watch(self, station: str) -> None:
        """Somebody is watching this station: draw its newest part, and those that follow within a
        minute."""
        self._watched_until[station] = time.monotonic() + WATCHED_S
        self._wake.set()

    def offer(self, station: str, inspection: Inspection | None, settle: Settle) -> None:
        """A part has its result; never waits."""
        if inspection is None or inspection.frame is None or inspection.program is None:
            self._newest.pop(station, None)
            return
        self._newest[station] = _Newest(inspection, settle, time.monotonic() + AFTER_S)
        if self._watched_until.get(station, 0.0) > time.monotonic():
            self._wake.set()

    def _run(self) -> None:
        wait_s = IDLE_S
        while True:
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._stopping:
                return
            wait_s = self._draw()

    def _draw(self) -> float:
        """Draw what is due; returns seconds until something else will be."""
        wait_s = IDLE_S
        for station, newest in list(self._newest.items()):
            now = time.monotonic()
            drawn, at = self._drawn.get(station, ("", 0.0))
            if drawn == newest.settle.result_id or self._watched_until.get(station, 0.0) < now:
                continue
            begins_at = max(at + EVERY_S, newest.begins_at)
            if begins_at > now:
                wait_s = min(wait_s, begins_at - now)
                continue
            self._drawn[station] = newest.settle.result_id, now
            try:
                self._store.put(
                    station,
                    newest.settle.seq,
                    newest.settle.result_id,
                    as_jpeg(annotate(newest.inspection)),
                    failed_at(newest.inspection),
                )
            except Problem as problem:
                log.warning("a picture is not shown: %s", problem)
            except Exception as error:
                # a part that cannot be drawn must not end the pictures of the next ones
                self._failed(station, error)
        return wait_s

    def _failed(self, station: str, error: Exception) -> None:
        said = f"live view: {type(error).__name__}: {error}"[:200]
        said = said.encode("utf-8", "replace").decode()
        known = self.fault(station)
        self._faults[station] = said, time.monotonic()
        if known != said:
            log.error("station %s: a picture could not be drawn", station, exc_info=error)

    def fault(self, station: str) -> str | None:
        """How drawing failed in a way that nobody foresaw, if it was not long ago."""
        said, at = self._faults.get(station, (None, 0.0))
        return said if time.monotonic() - at < TOLD_S else None


def as_jpeg(pixels: Pixels, widest: int = WIDEST) -> bytes:
    """A picture for a screen: at most `widest` px wide."""
    height, width = pixels.shape[:2]
    if width > widest:
        size = widest, round(height * widest / width)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(cv2.imencode(".jpg", pixels, QUALITY)[1])
