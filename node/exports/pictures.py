"""Kept pictures on their way to a target, on a thread that nobody waits for.

What waits is what the ledger has and the target has not: nothing of it is in memory, so an outage
costs no space beside the kept pictures, and no end of the process loses one. A picture is copied
at least once, under the same name, and whole. What cannot be copied is counted, with the reason.

One file: one cursor over the ledger, and all that may hold it up.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from node.exports import ExportPlace, open_place
from node.exports.names import name_of
from schemas import Problem, Result, utc
from schemas.settings.exports import PictureExport
from schemas.store import exports as store
from schemas.store.exports import PictureProgress, Queue, QueueDepth
from schemas.store.pictures import Pictures

log = logging.getLogger(__name__)

BATCH = 32
PASSED = 10_000  # results with nothing to copy, until it is written down how far the export is
POLL_S = 0.2
TICK_S = 1.0  # from one heartbeat to the next in a long pause
PENDING_S = 0.05
PACE_S = (
    0.02  # after each file at most: what was held up for hours leaves the processor to the parts
)
COUNT_S = 5.0
COUNT_SHARE = 50  # the next count waits at least this many times as long as the last one took
SAVE_S = 1.0
AGAIN_S = (1.0, 30.0)  # after a failure: twice as long each time
STUCK_S = 30.0
TOLD_S = 5.0  # a failure that is over before this does not raise an alarm
LOST_S = 3600.0
# the fault of one kept file, and not of this machine or of the target
UNREADABLE = (errno.EACCES, errno.EPERM, errno.EIO, errno.EISDIR, errno.EBADMSG, errno.EUCLEAN)
PIECE = 1024 * 1024


class PictureExporter:
    """See the head of this file. `pending`: whether a result's pictures are still being written."""

    def __init__(
        self,
        settings: PictureExport,
        queue: Queue,
        pictures: Pictures,
        pending: Callable[[str], bool],
        state: Path,
        again_s: tuple[float, float] = AGAIN_S,
        reach: Callable[..., ExportPlace] = open_place,
    ) -> None:
        self.settings = settings
        self.waiting = QueueDepth(0, None)
        self.arrived = self.failures = 0  # since the start
        self._queue, self._pictures, self._pending, self._state = queue, pictures, pending, state
        self._memory = store.pictures(state)
        self._again_s, self._reach = again_s, reach
        self._place: ExportPlace | None = None
        self._row, self._sent, self._lost = 0, 0, dict[str, int]()
        self._saved: PictureProgress | None = None
        self._lock = threading.Lock()  # of the counters
        self._count_at = self._save_at = 0.0
        self._failing: tuple[float, str, str] | None = (
            None  # since when, for us and for people; why
        )
        self._busy_since: float | None = None
        self._lost_at: float | None = None
        self.beat_ns = time.monotonic_ns()
        self.began = threading.Event()  # from now on nothing that comes is passed over
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def row(self) -> int:
        """Up to this row of the ledger nothing is left to be copied."""
        return self._row

    @property
    def sent(self) -> int:
        """How many pictures have arrived, ever."""
        return self._sent

    @property
    def lost(self) -> dict[str, int]:
        """How many results have a picture that will never be copied, by reason.

        gone: it is not kept any longer; full: too many waited; refused: it has no place there;
        unreadable: it is kept, and this machine cannot read it.
        """
        with self._lock:
            return dict(self._lost)

    def start(self) -> None:
        """Begin, if there is a target."""
        if self.settings.target is not None:
            self._thread = threading.Thread(target=self._run, name="exports", daemon=True)
            self._thread.start()

    def stop(self, limit_s: float) -> None:
        """End. A target that does not answer is left behind: its picture comes again."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(limit_s)

    def gone(self, rows: list[int]) -> None:
        """The pictures of these results are kept no more: of those that waited, that is a loss.

        To be called before the ledger says so. Raises Problem STORE_FAILED.
        """
        if self._thread is not None and (lost := self._queue.among(self._row, rows)):
            self._lose("gone", lost)

    @property
    def beat(self) -> int | None:
        """When the thread last turned (monotonic ns); None while it waits for the target, which is
        an alarm of its own and no reason to start a node anew, and where nothing is exported."""
        return None if self._thread is None or self._busy_since is not None else self.beat_ns

    def trouble(self) -> str | None:
        """What is wrong, for people; the same words as long as it is the same. Any thread."""
        told, now = [], time.monotonic()
        thread = self._thread
        if thread is not None and not thread.is_alive() and not self._stopping.is_set():
            told.append("the thread of exports has ended, and pictures wait for a restart")
        failing, busy = self._failing, self._busy_since
        if failing is not None and now - failing[0] >= TOLD_S:
            told.append(f"pictures wait since {failing[1][11:16]} UTC: {failing[2]}")
        elif busy is not None and now - busy >= STUCK_S:
            told.append("the target does not answer, and pictures wait")
        if self._lost_at is not None and now - self._lost_at < LOST_S:
            told.append(f"pictures were not exported ({', '.join(sorted(self.lost))})")
        return "; ".join(told) or None

    def _run(self) -> None:
        pause_s, again_s = 0.0, self._again_s[0]
        while self._rest(pause_s):
            self._busy_since = time.monotonic()
            try:
                if not self.began.is_set():
                    self._begin()
                    self.began.set()
                pause_s = self._turn()
                again_s = self._again_s[0]
            except Exception as error:
                self._failed(error)
                pause_s, again_s = again_s, min(2 * again_s, self._again_s[1])
            finally:
                self._busy_since = None
        self._save()
        self._close()

    def _rest(self, pause_s: float) -> bool:
        """Pause; False at the end."""
        until = time.monotonic() + pause_s
        while True:
            self.beat_ns = time.monotonic_ns()
            left_s = until - time.monotonic()
            if self._stopping.wait(max(0.0, min(left_s, TICK_S))):
                return False
            if left_s <= TICK_S:
                return True

    def _begin(self) -> None:
        """Where it was left; a target that is new gets what comes from now on."""
        try:
            known = self._memory.read()
        except Problem as problem:  # it is not known how far it had come: rather twice than never
            log.warning("exports: %s: every kept picture is copied again", problem)
            known = PictureProgress()
        newest = self._queue.newest()
        if known is None:
            known = PictureProgress(row=newest)
            self._memory.write(known)
        elif known.row > newest:  # a different ledger from that one
            known = known.model_copy(update={"row": 0})
        self._row, self._sent, self._lost = known.row, known.sent, dict(known.lost)

    def _turn(self) -> float:
        """Copy some of what waits; returns for how long to pause."""
        self._count()
        rows, to = self._queue.after(self._row, BATCH)
        if not rows:
            self._failing = None
            self._row = to
            saved = self._saved
            if (
                saved is None
                or (saved.sent, saved.lost) != (self._sent, self.lost)
                or to - saved.row >= PASSED
            ):
                self._save()
            return POLL_S
        if self._place is None:
            assert self.settings.target is not None
            self._place = self._reach(self.settings.target, self._state)
        for row, payload in rows:
            if self._stopping.is_set():
                return 0.0
            if not self._copy(Result.model_validate_json(payload)):
                return PENDING_S
            self._row = row
            if time.monotonic() >= self._save_at:
                self._save()
        self._row = to
        return 0.0

    def _copy(self, result: Result) -> bool:
        """Copy the pictures of one result; False while they are not written yet."""
        assert self._place is not None
        names = {"raw": result.images.raw, "annotated": result.images.annotated}
        for picture in self.settings.pictures:
            kept = names[picture]
            pending = self._pending(
                result.result_id
            )  # asked before, so that what is written meanwhile is found
            try:
                source = self._pictures.path(kept or "")
                if (why := _unreadable(source)) is not None:
                    log.warning("exports: %s: %s", source.name, why)
                    self._lose("unreadable")
                    continue
                self._busy_since = began = time.monotonic()
                self._place.put(name_of(self.settings.template, result, picture), source)
            except Problem as problem:
                if problem.code == "RESULT_NOT_FOUND":
                    if pending:
                        return False
                    self._lose("gone")
                elif problem.code == "EXPORT_REFUSED":
                    log.warning("exports: %s", problem)
                    self._lose("refused")
                else:
                    raise
            else:
                self._sent += 1
                self.arrived += 1
                self._failing = None
                self._stopping.wait(min(PACE_S, time.monotonic() - began))
        return True

    def _count(self) -> None:
        """How much waits; what is too much is left out, the oldest first."""
        now = time.monotonic()
        if now < self._count_at:
            return
        self._count_at = now + COUNT_S
        self.waiting = self._queue.waiting(self._row)
        # a long outage leaves millions of rows: looking through them is not all there is to do
        self._count_at = now + max(COUNT_S, COUNT_SHARE * (time.monotonic() - now))
        over = self.waiting.results - self.settings.most_waiting
        if over > 0:
            self._row = self._queue.skip(self._row, over)
            self._lose("full", over)
            self.waiting = self._queue.waiting(self._row)

    def _lose(self, why: str, results: int = 1) -> None:
        with self._lock:
            self._lost[why] = self._lost.get(why, 0) + results
            self._lost_at = time.monotonic()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._close()
        if self._stopping.is_set():
            return
        if not isinstance(error, Problem):
            log.exception("exports failed")
        if self._failing is None:
            log.warning("exports: %s", error)
            self._failing = (time.monotonic(), utc(), str(getattr(error, "message", error))[:300])
        else:
            self._failing = (*self._failing[:2], str(getattr(error, "message", error))[:300])
        try:
            self._count()
        except Exception as problem:  # whatever it is, the next turn meets it too, and reports it
            log.debug("exports: %s", problem)

    def _save(self) -> None:
        self._save_at = time.monotonic() + SAVE_S
        now = PictureProgress(row=self._row, sent=self._sent, lost=self.lost)
        if now == self._saved:
            return
        try:
            self._memory.write(now)
            self._saved = now
        except Problem as problem:  # after an end, what has come since is copied again
            log.debug("exports: %s", problem)

    def _close(self) -> None:
        if self._place is not None:
            try:
                self._place.close()
            except Exception as error:
                log.debug("exports: %s", error)
            self._place = None


def _unreadable(path: Path) -> str | None:
    """Why a kept file cannot be read, which no other try would change; None if it can."""
    try:
        with path.open("rb") as file:
            while file.read(PIECE):
                pass
    except OSError as error:
        return error.strerror if error.errno in UNREADABLE else None
    return None
