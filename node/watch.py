"""The watch: no thread hangs unnoticed. It looks at every part that is inspected, and at the
heartbeat of every thread.

Time is only held against those who had it: when the watch itself did not run for a while the
machine stood still, so everything is timed anew from then, but what waited meanwhile is as old as
it is.
"""

import contextlib
import faulthandler
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar

from broker.outbox import Outbox
from node.gpio.driver import LineDriver
from node.limits import DIE_S, STILL_S
from node.metrics import NodeMetrics
from node.notify import notify
from node.part import Part
from node.publish import publish
from node.record import Record
from node.station import Station
from schemas import Problem

log = logging.getLogger(__name__)
T = TypeVar("T")

WATCH_S = 0.02
AGAIN_S = 1.0  # what a part has left after that
LATE_S = 0.5  # how late a part that was answered may still come back; then its worker is ended
ABANDONED_LIMIT = 3
# each thread's last heartbeat (monotonic ns), and its limit in seconds
Beats = dict[str, tuple[int, float]]


class Watch:
    """See the head of this file."""

    def __init__(
        self,
        stations: Mapping[str, Station],
        driver: LineDriver,
        metrics: NodeMetrics,
        outbox: Outbox,
        beats: Callable[[], Beats],
    ) -> None:
        self._stations = stations
        self._driver = driver
        self._metrics = metrics
        self._outbox = outbox
        self._beats = beats
        self._looked_ns = time.monotonic_ns()
        self._asleep_ns = _asleep_ns()
        self._began_ns = self._looked_ns  # beats before this are not held against any thread
        self._check_at = 0.0

    def until(self, asked: Callable[[], T | None]) -> T:
        """Watch until `asked` gives an answer; the answer."""
        # the start may have taken long, and is not held against any thread
        self._looked_ns = self._began_ns = time.monotonic_ns()
        while (answer := asked()) is None:
            self.look()
            time.sleep(WATCH_S)
        return answer

    def look(self) -> None:
        """Look once, and act on what is found. Ends the process if nothing can be trusted any
        more."""
        self._stood_still()
        for station in self._stations.values():
            part = station.thread.overdue
            if part is not None:
                self._overdue(station, part)
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + 1.0
            self._check_beats()

    def _stood_still(self) -> None:
        now_ns, asleep_ns = time.monotonic_ns(), _asleep_ns()
        slept_s = (asleep_ns - self._asleep_ns) / 1e9
        still_s = (now_ns - self._looked_ns) / 1e9 + slept_s
        self._looked_ns, self._asleep_ns = now_ns, asleep_ns
        if still_s < STILL_S:
            return
        log.warning("the machine, or this process, stood still for %.1f s", still_s)
        self._began_ns = now_ns
        for station in self._stations.values():
            station.thread.stood_still(now_ns, slept_s * 1000, now_ns + round(AGAIN_S * 1e9))
        self._outbox.event("node.stood_still", None, {"seconds": round(still_s, 1)})

    def _overdue(self, station: Station, part: Part) -> None:
        """The inspection hangs: answer for it, and give its thread up."""
        if part.claim():
            fields = {"station": station.id, "trigger_id": part.trigger_id}
            log.error(
                "station %s: the inspection of %s hangs",
                station.id,
                part.trigger_id,
                extra={"fields": fields},
            )
            answer(
                station,
                part,
                Problem("TIMEOUT", "the inspection did not end in time and was given up"),
            )
        elif station.thread.current is not part:
            return  # it ended just now
        else:
            # answered, but still not back: it is ended where that is possible; or storing takes
            # long, which is not the inspection's fault
            station.worker.give_up(part.id)
            station.thread.limit(time.monotonic_ns() + 1_000_000_000)
            return
        station.metrics.abandoned.labels(station.id).inc()
        if station.worker.forcible:
            station.thread.limit(time.monotonic_ns() + round(LATE_S * 1e9))
        else:
            station.thread.abandon(part)
        self._outbox.event("inspection.hung", station.id, {"trigger_id": part.trigger_id})
        if len(station.thread.abandoned) >= ABANDONED_LIMIT:
            self._die(
                f"station {station.id} has {len(station.thread.abandoned)} hanging inspections"
            )

    def _check_beats(self) -> None:
        now = time.monotonic_ns()
        for name, (beat_ns, limit_s) in self._beats().items():
            age_s = (now - max(beat_ns, self._began_ns)) / 1e9
            self._metrics.beat_age.labels(name).set(age_s)
            if age_s > limit_s:
                self._die(f"thread {name} has not moved for {age_s:.0f} s")
        notify("WATCHDOG=1")

    def _die(self, why: str) -> NoReturn:
        """Nothing can be trusted any more: makes the lines safe, logs the stacks, and ends the
        process, which the unit starts again."""
        log.critical("%s: the process ends", why)
        for station in self._stations:
            self._driver.safe(station)
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        self._driver.stop(DIE_S)
        os._exit(70)


def answer(station: Station, part: Part, problem: Problem) -> None:
    """Answer for an inspection that does not end; its part has been claimed."""
    record = Record(part)
    record.fail(problem)
    with contextlib.suppress(Problem):
        record.outputs = station.driver.show(station.id, "ERROR", {})
    publish(record, station)


def _asleep_ns() -> int:
    """How long this machine has been suspended since its start: time that the monotonic clock does
    not count."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
