"""Pictures of results: which are kept, and writing them after the verdict is out, on a thread of its own.

Encoding takes milliseconds and a disk may stall, so the inspection only reserves a place in a bounded line. When there is none
the picture is dropped and counted, never the result: its `images` then say that nothing is kept.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from node.frame import Heat, Pixels
from node.metrics import Metrics
from node.part import Inspection
from schemas import Images, Problem, Result
from schemas.store.pictures import Pictures

log = logging.getLogger(__name__)

PLACES = 32
PREVIEW_S = 0.2
COLOURS = {"OK": (80, 200, 80), "NG": (60, 60, 230), "ERROR": (0, 170, 255)}


class _Job(NamedTuple):
    found: Inspection
    result: Result
    preview: bool


class PictureWriter:
    """See the head of this file."""

    def __init__(
        self, store: Pictures, jpeg_quality: int, metrics: Metrics, preview: Callable[[str, bytes], None] | None = None
    ) -> None:
        self.store = store
        self._preview = preview
        self._previewed: dict[str, float] = {}
        self.beat_ns = time.monotonic_ns()
        self.full = False
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
        """File names if the result's pictures are to be kept and there is a place for them, which is then reserved."""
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
        return self.store.names(result_id)

    def forget(self, images: Images) -> None:
        """The result was not stored: the reserved place is free again."""
        if images.raw is not None:
            self._places.release()

    def keep(self, found: Inspection, result: Result) -> None:
        """Write the pictures of a stored result, soon; show it as a preview if that is on and the last one is old enough."""
        preview = self._preview is not None and found.frame is not None
        if preview and time.monotonic() - self._previewed.get(result.station, 0.0) < PREVIEW_S:
            preview = False
        if result.images.raw is not None or (preview and self._places.acquire(blocking=False)):
            self._jobs.put(_Job(found, result, preview))
        if preview:
            self._previewed[result.station] = time.monotonic()

    def _run(self) -> None:
        while True:
            self.beat_ns = time.monotonic_ns()
            try:
                job = self._jobs.get(timeout=1.0)
            except queue.Empty:
                continue
            if job is None:
                return
            try:
                self._write(job)
            except Problem as problem:
                self._metrics.pictures_dropped.inc()
                self.full = self.full or problem.code == "DISK_SPACE"  # a sweep that finds room sets it back
                log.warning("a picture was not kept: %s", problem)
            except Exception:
                self._metrics.pictures_dropped.inc()
                log.exception("a picture could not be written")
            finally:
                self._places.release()

    def _write(self, job: _Job) -> None:
        frame, images = job.found.frame, job.result.images
        assert frame is not None
        annotated = self.encode(annotate(job.found))
        if job.preview and self._preview is not None:
            self._preview(job.result.station, annotated)
        if images.raw is not None and images.annotated is not None:
            self.store.write(images.raw, self.encode(frame.pixels))
            self.store.write(images.annotated, annotated)

    def encode(self, pixels: Pixels) -> bytes:
        """The picture as JPEG."""
        return bytes(cv2.imencode(".jpg", pixels, self._quality)[1])

    def encode_exact(self, pixels: Pixels) -> bytes:
        """The picture as PNG, for a master: nothing is lost."""
        return bytes(cv2.imencode(".png", pixels)[1])


def annotate(found: Inspection) -> Pixels:
    """The frame with the pose, each tool's region where it looked, its marks, value and verdict drawn in."""
    frame, program = found.frame, found.program
    assert frame is not None
    canvas: Pixels = np.array(frame.pixels if frame.coloured else cv2.cvtColor(frame.pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    scale = max(0.4, frame.height / 1200)
    verdict = "ERROR" if found.fault else found.verdict
    matrix = found.placement.matrix
    if found.pose is not None:
        centre = (round(found.pose.x), round(found.pose.y))
        cv2.drawMarker(canvas, centre, (255, 200, 0), cv2.MARKER_CROSS, round(40 * scale), 1, cv2.LINE_AA)
    for finding in found.findings:
        if finding.measurement is not None and finding.measurement.heat is not None:
            _warm(canvas, finding.measurement.heat())
    for finding, tool in zip(found.findings, program.tools if program else (), strict=False):
        colour = COLOURS[finding.result.verdict]
        region = getattr(tool.settings, "region", None)
        if region is None:
            continue
        border = np.array(region.corners, float) @ matrix[:, :2].T + matrix[:, 2]
        x, y = (round(float(v)) for v in border.min(axis=0))
        cv2.polylines(canvas, [np.round(border).astype(np.int32).reshape(-1, 1, 2)], True, colour, 1, cv2.LINE_AA)
        for mark in finding.marks():
            points = np.round(mark.points).astype(np.int32).reshape(-1, 1, 2)
            if mark.closed:
                cv2.polylines(canvas, [points], True, colour, 1, cv2.LINE_AA)
            else:
                for px, py in points[:, 0]:
                    cv2.circle(canvas, (int(px), int(py)), 1, colour, -1)
        value = finding.result.error.code if finding.result.error else f"{finding.result.value:.3g}"
        _label(canvas, f"{finding.result.name} {value}", (x, y - 4), scale, colour)
    text = verdict if found.fault is None else f"{verdict} {found.fault.code}"
    _label(canvas, text, (8, round(34 * scale) + 4), scale * 2, COLOURS[verdict])
    return canvas


def _warm(canvas: Pixels, heat: Heat) -> None:
    """Lay the heat over the picture: nothing up to half of what is hot, then yellow, and red from there on."""
    warmth = cv2.warpAffine(heat.values, heat.matrix, (canvas.shape[1], canvas.shape[0]), flags=cv2.INTER_LINEAR)
    x, y, width, height = cv2.boundingRect((warmth > 0.5).astype(np.uint8))
    part, warm = canvas[y : y + height, x : x + width], warmth[y : y + height, x : x + width, None]
    colour = np.concatenate([np.zeros_like(warm), 255 * np.clip(2 - warm * 4 / 3, 0, 1), np.full_like(warm, 255)], axis=2)
    share = np.clip(warm - 0.5, 0, 0.5)
    part[:] = np.rint(part * (1 - share) + colour * share).astype(np.uint8)


def _label(canvas: Pixels, text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    at = (max(2, at[0]), max(round(14 * scale), at[1]))
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
