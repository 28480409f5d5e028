"""The node's figures: Prometheus on a port of its own, and the same numbers for the `metrics`
topic."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Info
from prometheus_client.process_collector import ProcessCollector

from node.telemetry.durations import Durations
from node.telemetry.metrics_port import MetricsPort
from schemas import Result


class NodeMetrics:
    """One registry for each node; labels are looked up once and kept."""

    def __init__(self, version: str, node: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        new: dict[str, Any] = {"registry": self.registry, "namespace": "inspection"}
        station = ["station"]
        self.results = Counter(
            "results", "Results by verdict and code", [*station, "verdict", "code"], **new
        )
        self.duration = Durations("duration_seconds", "Trigger received to verdict", station, **new)
        self.stages = Durations("stage_seconds", "Time of each step", [*station, "stage"], **new)
        self.tools = Durations(
            "tool_seconds", "Time of each tool", [*station, "tool", "kind"], **new
        )
        self.triggers = Counter(
            "triggers", "Triggers received by source", [*station, "source"], **new
        )
        self.duplicates = Counter("duplicates", "Triggers whose id was known", station, **new)
        self.ignored = Counter("ignored", "Retained triggers and commands ignored", station, **new)
        self.queue = Gauge("queue_depth", "Triggers that wait", station, **new)
        self.camera = Gauge("camera_ok", "1 if the camera can give frames", station, **new)
        self.lines = Gauge(
            "outputs_ok", "1 if the output lines can be driven, or none are used", station, **new
        )
        self.ready = Gauge("station_ready", "1 if the station takes triggers", station, **new)
        self.simulated = Gauge("simulated", "1 if camera or lines are simulated", station, **new)
        self.outbox = Gauge("outbox_depth", "Results that wait for the broker", **new)
        self.outbox_age = Gauge("outbox_age_seconds", "Age of the oldest of them", **new)
        self.online = Gauge("broker_online", "1 if results flow to the broker", **new)
        self.broker = Counter("broker", "What happened with the broker", ["what"], **new)
        self.beat_age = Gauge(
            "heartbeat_age_seconds", "Age of each thread's heartbeat", ["thread"], **new
        )
        self.pictures = Gauge("pictures", "Picture files", **new)
        self.picture_bytes = Gauge("picture_bytes", "Space of the picture files", **new)
        self.pictures_dropped = Counter(
            "pictures_dropped", "Pictures not kept because the disk was too slow or full", **new
        )
        self.export_waiting = Gauge(
            "export_waiting", "Results whose pictures wait for export", **new
        )
        self.export_age = Gauge("export_age_seconds", "Age of the oldest of them", **new)
        self.exported = Counter("exported", "Pictures that have arrived at their target", **new)
        self.export_lost = Counter(
            "export_lost", "Results whose pictures never will, by reason", ["why"], **new
        )
        self.export_failures = Counter("export_failures", "Attempts that failed", **new)
        self.backup_age = Gauge(
            "backup_age_seconds", "Time since a backup has arrived at its target", **new
        )
        self.disk_free = Gauge("disk_free_ratio", "Free share of the state folder's disk", **new)
        self.certificates = Gauge(
            "certificate_days", "Days until a certificate ends", ["file"], **new
        )
        self.alarms = Gauge("alarm", "1 while the alarm is active", ["code"], **new)
        self.abandoned = Counter(
            "abandoned", "Inspections that hung and were given up", station, **new
        )
        self.worker_bytes = Gauge("worker_bytes", "Memory of a worker process", station, **new)
        self.workers_ended = Counter(
            "workers_ended", "Worker processes that ended and were replaced", station, **new
        )
        Info("build", "Version of the node", **new).info({"version": version, "node": node})
        self._known: dict[tuple[str, ...], Any] = {}
        self._broker_seen: dict[str, int] = {}
        self._port: MetricsPort | None = None

    def serve(self, bind: str, token: str | None = None) -> None:
        """Open the port. Raises Problem SETTINGS_INVALID."""
        self._port = MetricsPort(self.registry, bind, token)

    @property
    def beat_ns(self) -> int | None:
        """The heartbeat of the port (monotonic ns), None if it is not open."""
        return None if self._port is None else self._port.beat_ns

    def close(self) -> None:
        """Close the port."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def result(self, result: Result) -> None:
        """Count one result."""
        station = result.station
        self._child(
            self.results, station, result.verdict, result.error.code if result.error else ""
        ).inc()
        self.duration.labels(station).observe(result.duration_ms / 1000)
        for stage, ms in result.timings_ms.items():
            self.stages.labels(station, stage).observe(ms / 1000)
        for tool in result.tools:
            self.tools.labels(station, tool.name, tool.kind).observe(tool.ms / 1000)

    def trigger(self, station: str, source: str) -> None:
        """Count one trigger."""
        self._child(self.triggers, station, source).inc()

    def broker_counters(self, counters: dict[str, int]) -> None:
        """Bring the counters of the broker up to date."""
        for what, count in counters.items():
            seen = self._broker_seen.get(what, 0)
            if count > seen:
                self.broker.labels(what).inc(count - seen)
                self._broker_seen[what] = count

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric._name, *labels)
        child = self._known.get(key)
        if child is None:
            child = self._known[key] = metric.labels(*labels)
        return child
