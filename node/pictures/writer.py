"""Pictures of results: which are kept, and writing them after the verdict is out, on a thread of
its own.

Encoding takes milliseconds and a disk may stall, so the inspection only reserves a place in a
bounded line. When there is none the picture is dropped and counted, never the result: its `images`
then say that nothing is kept.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import cv2

from node.frame import Pixels
from node.metrics import Metrics
from node.part import Inspection
from node.pictures.annotate import annotate
from node.pictures.live_view import Showing
from schemas import Images, Problem, Result
from schemas.store.pictures import Pictures, thumb_of

log = logging.getLogger(__name__)

PLACES = 32
THUMB_PX = 160
PREVIEW_S = 0.2
IDLE_S = 1.0
# a result goes out before anything is done with its pictures: drawing holds the interpreter for
# milliseconds
AFTER_S = 0.02


class _Job(NamedTuple):
    found: Inspection
    result: Result
    preview: bool
    begins_at: float  # monotonic s


class PictureWriter:
    """See the head of this file."""

    def __init__(
        self,
        store: Pictures,
        jpeg_quality: int,
        metrics: Metrics,
        preview: Callable[[str, bytes], None] | None = None,
        showing: Showing | None = None,
    ) -> None:
        self.store = store
        self.showing = showing
        self._preview = preview
        self._previewed: dict[str, float] = {}
        self.beat_ns = time.monotonic_ns()
        self.full = False
        self.pending: set[str] = set()  # results that will have pictures, and have none yet
        self._quality = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        self._metrics = metrics
        self._places = threading.Semaphore(PLACES)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ok_counts: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    def start(self) -> None:
        """Begin writing."""
        self._thread.start()

    def stop(self, limit_s: float) -> None:
        """Write what waits, then end."""
        self._jobs.put(None)
        self._thread.join(limit_s)

    def names(self, found: Inspection, result_id: str) -> Images | None:
        """File names if the result's pictures are to be kept and there is a place for them, which
        is then reserved."""
        if found.frame is None or found.program is None or self.full:
            return None
        keep = found.program.program.keep
        if found.verdict == "OK" and found.fault is None:
            count = self._ok_counts.get(found.part.station, 0)
            self._ok_counts[found.part.station] = count + 1
            if not keep.ok_every or count % keep.ok_every:
                return None
        elif not keep.ng:
            return None
        if not self._places.acquire(blocking=False):
            self._metrics.pictures_dropped.inc()
            return None
        self.pending.add(result_id)
        return self.store.names(result_id)

    def forget(self, images: Images) -> None:
        """The result was not stored: the reserved place is free again."""
        if images.raw is not None:
            self.pending.discard(images.raw.partition(".")[0])
            self._places.release()

    def keep(self, found: Inspection, result: Result) -> None:
        """Write the pictures of a stored result, soon; show it as a preview if that is on and the
        last one is old enough."""
        if self.showing is not None:
            self.showing.offer(found, result)
        preview = self._preview is not None and found.frame is not None
        if preview and time.monotonic() - self._previewed.get(result.station, 0.0) < PREVIEW_S:
            preview = False
        if result.images.raw is not None or (preview and self._places.acquire(blocking=False)):
            self._jobs.put(_Job(found, result, preview, time.monotonic() + AFTER_S))
        if preview:
            self._previewed[result.station] = time.monotonic()

    def _run(self) -> None:
        while True:
            self.beat_ns = time.monotonic_ns()
            try:
                job = self._jobs.get(timeout=IDLE_S)
            except queue.Empty:
                continue
            if job is None:
                return
            time.sleep(max(0.0, job.begins_at - time.monotonic()))
            try:
                self._write(job)
            except Problem as problem:
                self._metrics.pictures_dropped.inc()
                # a sweep that finds room sets it back
                self.full = self.full or problem.code == "DISK_SPACE"
                log.warning("a picture was not kept: %s", problem)
            except Exception:
                self._metrics.pictures_dropped.inc()
                log.exception("a picture could not be written")
            finally:
                self.pending.discard(job.result.result_id)
                self._places.release()

    def _write(self, job: _Job) -> None:
        frame, images = job.found.frame, job.result.images
        assert frame is not None
        drawn = annotate(job.found)
        annotated = self.encode(drawn)
        if job.preview and self._preview is not None:
            self._preview(job.result.station, annotated)
        if images.raw is not None and images.annotated is not None:
            self.store.write(images.raw, self.encode(frame.pixels))
            self.store.write(images.annotated, annotated)
            self.store.write(thumb_of(images.annotated), small(drawn))

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
    """As Pictures.encode_exact."""
    found = bytes(cv2.imencode(".png", pixels)[1])
    if most_bytes is None or len(found) <= most_bytes:
        return found
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1])
