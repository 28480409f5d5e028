"""Which results keep their pictures; the station's worker writes them, after the verdict is out.

Encoding takes milliseconds and a disk may stall, so the inspection only reserves a place in a
bounded line. When there is none the picture is dropped and counted, never the result: its `images`
then say that nothing is kept.
"""

import logging
import threading
import time

from node.metrics import NodeMetrics
from node.record import Record
from node.worker.seam import Settle
from schemas import Images, Problem, Result
from schemas.store.pictures import Pictures

log = logging.getLogger(__name__)

PLACES = 32
PREVIEW_S = 0.2


class PictureKeeping:
    """See the head of this file. previews: whether the broker gets pictures, too."""

    def __init__(self, store: Pictures, metrics: NodeMetrics, *, previews: bool = False) -> None:
        self.store = store
        self._full = False
        self.pending: set[str] = set()  # results that will have pictures, and have none yet
        self._metrics = metrics
        self._previews = previews
        self._previewed: dict[str, float] = {}
        self._places = threading.Semaphore(PLACES)
        self._ok_counts: dict[str, int] = {}

    def names(self, record: Record, result_id: str) -> Images | None:
        """File names if the result's pictures are to be kept and there is a place for them, which
        is then reserved."""
        outcome = record.outcome
        if outcome.taken_at_s is None or outcome.program is None or self._full:
            return None
        keep = outcome.program.keep
        if outcome.verdict == "OK" and outcome.fault is None:
            count = self._ok_counts.get(record.part.station, 0)
            self._ok_counts[record.part.station] = count + 1
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
        """The result was not stored: the reserved place, if there is one, is free again."""
        result_id = (images.raw or "").partition(".")[0]
        if result_id in self.pending:
            self.pending.discard(result_id)
            self._places.release()

    def swept(self) -> None:
        """Old pictures were removed: new ones are tried again, also after a full disk."""
        self._full = False

    def settle(self, record: Record, result: Result) -> Settle:
        """What its worker is to do with a stored result; it is a preview if these are on and the
        last one is old enough."""
        preview = self._previews and record.outcome.taken_at_s is not None
        now = time.monotonic()
        if preview and now - self._previewed.get(result.station, 0.0) < PREVIEW_S:
            preview = False
        if preview and result.images.raw is None and not self._places.acquire(blocking=False):
            preview = False
        if preview:
            self._previewed[result.station] = now
        return Settle(
            record.part.id, result.result_id, result.seq, result.images, result.error, preview
        )

    def written(self, result_id: str, problem: Problem | None) -> None:
        """Of a result that settle() gave names or a preview: its pictures are done with. Called
        once for each, from any thread."""
        self.pending.discard(result_id)
        self._places.release()
        if problem is not None:
            self._metrics.pictures_dropped.inc()
            self._full = self._full or problem.code == "DISK_SPACE"
            log.warning("a picture was not kept: %s", problem)
