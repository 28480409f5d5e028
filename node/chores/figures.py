"""Figures for Prometheus, and those of the message `metrics`."""

import shutil
import time
from collections.abc import Mapping

from broker.lanes import Lanes
from broker.outbox import Outbox
from node.alarms import Alarms
from node.chores.state_telling import RUNNING
from node.exports.care import Exports
from node.gpio.driver import LineDriver
from node.metrics import NodeMetrics
from node.station import Station
from node.worker.in_process import ProcessWorker
from schemas import Settings, utc
from schemas.state import Metrics as MetricsMessage
from schemas.store.ledger import Ledger


class NodeFigures:
    """Counts results, sets gauges, and the alarm DISK."""

    def __init__(
        self,
        settings: Settings,
        stations: Mapping[str, Station],
        driver: LineDriver,
        ledger: Ledger,
        session: Lanes,
        exports: Exports,
        alarms: Alarms,
        metrics: NodeMetrics,
        outbox: Outbox,
        processes: Mapping[str, ProcessWorker],
    ) -> None:
        self._processes = processes
        self._ended: dict[str, int] = {}
        self._settings = settings
        self._stations = stations
        self._driver = driver
        self._ledger = ledger
        self._session = session
        self._exports = exports
        self._alarms = alarms
        self._metrics = metrics
        self._outbox = outbox
        self._started_at = utc()
        self._started_ns = time.monotonic_ns()

    def count(self) -> None:
        """Count the results that went out."""
        for station in self._stations.values():
            while station.counted:
                self._metrics.result(station.counted.popleft())
        # what was posted, should the thread that was asked for it be held up
        self._ledger.flush()

    def gauges(self) -> None:
        """Set the gauges to what they are now."""
        metrics = self._metrics
        for station in self._stations.values():
            metrics.queue.labels(station.id).set(station.thread.waiting)
            metrics.camera.labels(station.id).set(station.worker.camera_problem is None)
            metrics.lines.labels(station.id).set(self._driver.status(station.id) != "error")
            metrics.simulated.labels(station.id).set(station.simulated)
            metrics.ready.labels(station.id).set(station.state().state in RUNNING)
        for station_id, worker in self._processes.items():
            metrics.worker_bytes.labels(station_id).set(worker.memory_bytes)
            ended = worker.ended - self._ended.get(station_id, 0)
            metrics.workers_ended.labels(station_id).inc(ended)
            self._ended[station_id] = worker.ended
        metrics.online.set(self._session.online)
        metrics.broker_counters(self._session.counters | {"unpublished": self._ledger.unpublished})
        usage = shutil.disk_usage(self._settings.state_dir)
        free = usage.free / usage.total
        metrics.disk_free.set(free)
        low = free * 100 < self._settings.pictures.min_free_percent
        self._alarms.set("DISK", "the disk is nearly full: pictures are dropped" if low else None)
        for code in self._alarms.active:
            metrics.alarms.labels(code).set(1)
        for labels in list(metrics.alarms._metrics):
            if labels[0] not in self._alarms.active:
                metrics.alarms.labels(*labels).set(0)

    def tell(self) -> None:
        """Publish the figures of each station."""
        stations = {}
        for station in self._stations.values():
            times = sorted(station.latencies_ms)
            stations[station.id] = {
                "ok": station.counts.get("OK", 0),
                "ng": station.counts.get("NG", 0),
                "error": station.counts.get("ERROR", 0),
                "since": utc(station.reset_at) if station.reset_at else self._started_at,
                "queue": station.thread.waiting,
                "p50_ms": times[len(times) // 2] if times else None,
                "p95_ms": times[len(times) * 95 // 100] if times else None,
                "max_ms": times[-1] if times else None,
            }
        message = MetricsMessage(
            at=utc(),
            uptime_s=(time.monotonic_ns() - self._started_ns) / 1e9,
            outbox=self._ledger.outbox_depth()[0],
            stations=stations,
            exports=self._exports.told(),
        )
        self._outbox.post("metrics", "", message.model_dump_json().encode(), apart=True)
