"""Pictures of results: drawing and writing them after the verdict is out, on a thread of its own.

How many may wait is bounded by the node, which reserves their places (see keeping.py).
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import cv2

from node.frame import Pixels
from node.pictures.annotate import annotate
from node.seen import Inspection
from node.worker.seam import Settle
from schemas import Problem
from schemas.store.pictures import thumb_of

log = logging.getLogger(__name__)

THUMB_PX = 160
IDLE_S = 1.0
# a result goes out before anything is done with its pictures: drawing holds the interpreter for
# milliseconds
AFTER_S = 0.02
EXACT_BYTES = 8 * 1024 * 1024  # of a picture in a reply, kept exactly


class Store(Protocol):
    """Where pictures are stored."""

    def write(self, name: str, data: bytes) -> object:
        """Store a picture. Raises Problem DISK_SPACE, ..."""


class _WaitingPictures(NamedTuple):
    station: str
    inspection: Inspection | None
    settle: Settle
    begins_at: float  # monotonic s


class PictureWriter:
    """See the head of this file.

    written: told once about each result that was given, and why it could not be written, if so.
    preview: takes the annotated picture of a station as JPEG.
    """

    def __init__(
        self,
        store: Store,
        jpeg_quality: int,
        written: Callable[[str, Problem | None], None],
        preview: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self._store = store
        self._written = written
        self._preview = preview
        self.beat_ns = time.monotonic_ns()
        self._quality = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        self._line: queue.SimpleQueue[_WaitingPictures | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    def start(self) -> None:
        """Begin writing."""
        self._thread.start()

    def stop(self, limit_s: float) -> None:
        """Write what waits, then end."""
        self._line.put(None)
        self._thread.join(limit_s)

    def write(self, station: str, inspection: Inspection | None, settle: Settle) -> None:
        """Write the pictures of a stored result, soon; None: its frame is not kept any more. Never
        waits."""
        self._line.put(_WaitingPictures(station, inspection, settle, time.monotonic() + AFTER_S))

    def _run(self) -> None:
        while True:
            self.beat_ns = time.monotonic_ns()
            try:
                waiting = self._line.get(timeout=IDLE_S)
            except queue.Empty:
                continue
            if waiting is None:
                return
            time.sleep(max(0.0, waiting.begins_at - time.monotonic()))
            problem: Problem | None = None
            try:
                self._write(waiting)
            except Problem as error:
                problem = error.with_traceback(None)
            except Exception as error:
                log.exception("a picture could not be written")
                problem = Problem("INTERNAL", f"{type(error).__name__}: {error}"[:500])
            self._written(waiting.settle.result_id, problem)

    def _write(self, waiting: _WaitingPictures) -> None:
        inspection, images = waiting.inspection, waiting.settle.images
        if inspection is None or inspection.frame is None:
            raise Problem("INTERNAL", "its frame is not kept any more")
        drawn = annotate(inspection)
        annotated = self.encode(drawn)
        if waiting.settle.preview and self._preview is not None:
            self._preview(waiting.station, annotated)
        if images.raw is not None and images.annotated is not None:
            self._store.write(images.raw, self.encode(inspection.frame.pixels))
            self._store.write(images.annotated, annotated)
            self._store.write(thumb_of(images.annotated), small(drawn))

    def encode(self, pixels: Pixels) -> bytes:
        """The picture as JPEG."""
        return bytes(cv2.imencode(".jpg", pixels, self._quality)[1])

    def encode_exact(self, pixels: Pixels, most_bytes: int | None = None) -> bytes:
        """The picture as PNG, for a master: nothing is lost. As the best JPEG where the PNG is
        larger than most_bytes."""
        return exact(pixels, most_bytes)


def small(pixels: Pixels) -> bytes:
    """The picture as a JPEG of THUMB_PX in width, some 4 kB: lists show many, and none is read at
    full size for them."""
    height, width = pixels.shape[:2]
    size = min(THUMB_PX, width), max(1, round(height * min(THUMB_PX, width) / width))
    reduced = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", reduced, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])


def exact(pixels: Pixels, most_bytes: int | None = None) -> bytes:
    """As PictureWriter.encode_exact."""
    png = bytes(cv2.imencode(".png", pixels)[1])
    if most_bytes is None or len(png) <= most_bytes:
        return png
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1])
