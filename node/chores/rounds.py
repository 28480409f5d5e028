"""What must be done now and then, away from the inspection path: telling state, info and metrics,
reopening cameras, noticing changed programs, removing pictures that are too old. What the ledger
needs does node/chores/keeping.py.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from node.chores.certificates import CertificateWatch
from node.limits import STOP_S
from schemas import Info, NodeState, Problem, ProgramInfo, utc
from schemas.command import MAX_COMMAND_BYTES
from schemas.generate import schema_hashes
from schemas.inventory import software
from schemas.result import MAX_RESULT_BYTES
from schemas.state import Metrics as MetricsMessage
from schemas.state import StateName
from schemas.trigger import MAX_META_BYTES, MAX_TRIGGER_BYTES

if TYPE_CHECKING:
    from node.service import Service

log = logging.getLogger(__name__)

TICK_S = 0.1
PROBE_S = 1.0
STEADY_S = 2.0  # after nothing could be stored
LOADED_S = 1.0  # so long a change is held back for its program to be loaded
ORPHAN_BATCH = 500
READINESS: tuple[StateName, ...] = (
    "Error",
    "Preoperational",
    "Halted",
    "Initialized",
    "SingleExecution",
    "ContinuousExecution",
    "Ready",
)


class Chores:
    """See the head of this file."""

    def __init__(self, service: "Service") -> None:
        self.beat_ns = time.monotonic_ns()
        self._service = service
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)
        self._looked_at = 0
        self._told: NodeState | None = None
        self._info: bytes = b""
        self._ready: dict[str, tuple[bool, bool]] = {}
        self._failed: dict[str, Problem] = {}  # chores that could not be done, by name
        self._down: Problem | None = None  # why nothing can be stored, until a write succeeds
        self._probe_at = 0.0
        # why no result may be added to those that wait for the broker
        self._full: Problem | None = None
        self._since = utc()
        self._due: list[tuple[float, float, Callable[[], None]]] = [
            (0.0, 0.5, self._programs),
            (0.0, 1.0, self._cameras),
            (0.0, 1.0, self._gauges),
            (0.0, 1.0, CertificateWatch(service.settings, service.alarms, service.metrics).tell),
            (10.0, 10.0, self._metrics),
            (10.0, 10.0, self._retention),
            (1.0, 10.0, self._audit),
            (1.0, 1.0, self._maintenance),
            (1.0, 1.0, service.exports.tell),
        ]

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(STOP_S)

    def greet(self) -> None:
        """The broker is there (again): tell everything that it keeps for us."""
        self._told = None
        self._info = b""

    def _run(self) -> None:
        began = time.monotonic()
        due = [(began + first, period, chore) for first, period, chore in self._due]
        while not self._stopping.wait(TICK_S):
            self.beat_ns = time.monotonic_ns()
            self._guard(self._count)
            self._guard(self._store)
            self._guard(self._state)
            now = time.monotonic()
            for number, (at, period, chore) in enumerate(due):
                if now >= at:
                    due[number] = (now + period, period, chore)
                    self._guard(chore)

    def _guard(self, chore: Callable[[], None]) -> None:
        name = chore.__name__.strip("_")
        try:
            chore()
            self._failed.pop(name, None)
        except Problem as problem:
            self._failed[name] = problem
        except Exception:
            # a chore that fails is tried again in its turn, and must not end the others
            log.exception("chore %s failed", chore.__name__)

    def _count(self) -> None:
        service = self._service
        for station in service.stations.values():
            while station.counted:
                service.metrics.result(station.counted.popleft())
        # what was posted, should the thread that was asked for it be held up
        service.ledger.flush()

    def _store(self) -> None:
        """Whether anything can be stored: once it could not, and all went well for a while, a write
        that succeeds says so."""
        service = self._service
        stations = service.stations.values()
        problem = next(
            filter(None, (station.unrecorded for station in stations)), service.ledger.failing
        )
        now = time.monotonic()
        if problem is not None:  # a full disk may take little now and then
            self._probe_at = now + STEADY_S
        elif self._down is not None:
            problem = self._down
            if now >= self._probe_at:
                self._probe_at = now + PROBE_S
                try:
                    service.ledger.probe()
                    problem = None
                except Problem as still:
                    problem = still
        self._down = problem
        for station in stations:
            station.blocked = problem or self._full
        failed = [f"{name}: {why.message}" for name, why in self._failed.items()]
        service.alarms.set("STORE", problem.message if problem else "; ".join(failed) or None)

    # State and info

    def state(self) -> NodeState:
        """What the node is doing."""
        service = self._service
        stations = {station.id: station.state() for station in service.stations.values()}
        return NodeState(
            state=min((station.state for station in stations.values()), key=READINESS.index),
            stations=stations,
            since=self._since,
            version=service.version,
            session=service.session.kind,
            protocol=service.session.protocol if service.session.kind else None,
            commands=service.session.commands,
            simulated=any(station.simulated for station in stations.values()),
            alarms=tuple(sorted(service.alarms.active)),
            broker=service.session.reasons,
        )

    def _state(self) -> None:
        service = self._service
        state = self.state()
        for name, station in state.stations.items():
            ready = station.state in READINESS[-3:], station.maintenance
            if self._ready.get(name) != ready or service.driver.wants_ready(name) != ready[0]:
                self._ready[name] = ready
                service.driver.ready(name, ready[0])
        told = self._told
        if told is not None and state.model_copy(update={"since": told.since}) == told:
            return
        if told is None or told.state != state.state:
            self._since = utc()
            state = state.model_copy(update={"since": self._since})
        self._told = state
        service.outbox.retain("state", "", state.model_dump_json().encode())

    def _programs(self) -> None:
        service = self._service
        for program_id in service.shelf.refresh(LOADED_S):
            service.outbox.event("program.changed", None, {"program": program_id})
        broken = service.shelf.store.problem
        service.alarms.set("PROGRAMS", broken.message if broken else None)
        info = Info(
            node=service.settings.node_id,
            version=service.version,
            stations={
                station.id: {
                    "camera": station.settings.camera.kind,
                    "lines": station.settings.lines.kind,
                    "simulated": station.simulated,
                    "mqtt": station.settings.mqtt,
                    "gpio": station.settings.lines.trigger is not None,
                    "timer_ms": station.settings.timer_ms,
                    "queue_limit": station.settings.queue_limit,
                    "max_age_ms": station.settings.max_age_ms,
                    "plain": station.settings.plain,
                    "ack": station.settings.ack,
                    "short": station.settings.short,
                }
                for station in service.stations.values()
            },
            programs={
                head.id: ProgramInfo(version=head.version, hash=head.hash, name=head.name)
                for head in service.shelf.store.list()
            },
            schemas=schema_hashes(),
            limits={
                "trigger_bytes": MAX_TRIGGER_BYTES,
                "meta_bytes": MAX_META_BYTES,
                "result_bytes": MAX_RESULT_BYTES,
                "command_bytes": MAX_COMMAND_BYTES,
            },
            environment=service.settings.environment,
            software=software(),
        )
        payload = info.model_dump_json().encode()
        if payload != self._info:
            self._info = payload
            service.outbox.retain("info", "", payload)

    def _maintenance(self) -> None:
        for station in self._service.stations.values():
            if station.end_forgotten():
                self._service.outbox.event(
                    "station.maintenance_ended", station.id, {"why": "no sign for 15 minutes"}
                )

    # Cameras, figures, care

    def _cameras(self) -> None:
        service = self._service
        for station in service.stations.values():
            if station.camera.problem is not None:
                station.camera.open()
            problem = station.camera.problem
            known = f"CAMERA.{station.id}" in service.alarms.active
            if (problem is not None) != known:
                kind = "camera.lost" if problem else "camera.found"
                service.outbox.event(
                    kind,
                    station.id,
                    {"code": problem.code, "message": problem.message} if problem else {},
                )
            service.alarms.set("CAMERA", problem.message if problem else None, station.id)
            lines = service.driver.problem(station.id)
            service.alarms.set("OUTPUTS", lines.message if lines else None, station.id)
            program = (
                service.shelf.peek(station.program_id)
                if station.program_id
                else Problem("PROGRAM_NOT_FOUND")
            )
            service.alarms.set(
                "PROGRAM", program.message if isinstance(program, Problem) else None, station.id
            )
            service.alarms.set(
                "HUNG", "an inspection hangs" if station.thread.hanging else None, station.id
            )
            service.alarms.set("FAULT", station.fault, station.id)

    def _gauges(self) -> None:
        service, metrics = self._service, self._service.metrics
        for station in service.stations.values():
            metrics.queue.labels(station.id).set(station.thread.waiting)
            metrics.camera.labels(station.id).set(station.camera.problem is None)
            metrics.lines.labels(station.id).set(service.driver.status(station.id) != "error")
            metrics.simulated.labels(station.id).set(station.simulated)
            metrics.ready.labels(station.id).set(station.state().state in READINESS[-3:])
        depth, age_s = service.ledger.outbox_depth()
        metrics.outbox.set(depth)
        metrics.outbox_age.set(age_s)
        limit, drops = (
            service.settings.history.outbox_limit,
            service.settings.history.outbox_full == "drop",
        )
        full = depth >= limit
        self._full = (
            Problem("STORE_FAILED", f"{depth} results wait for the broker")
            if full and not drops
            else None
        )
        told = f"{limit} results wait for the broker, no more may" + (
            ": the oldest are not published any more" if drops else ""
        )
        service.alarms.set("OUTBOX", told if full else None)
        metrics.online.set(service.session.online)
        metrics.broker_counters(
            service.session.counters | {"unpublished": service.ledger.unpublished}
        )
        free = service.disk_free()
        metrics.disk_free.set(free)
        low = free * 100 < service.settings.pictures.min_free_percent
        service.alarms.set("DISK", "the disk is nearly full: pictures are dropped" if low else None)
        for code in service.alarms.active:
            metrics.alarms.labels(code).set(1)
        for labels in list(metrics.alarms._metrics):
            if labels[0] not in service.alarms.active:
                metrics.alarms.labels(*labels).set(0)

    def _orphans(self) -> None:
        """The other way round: results that say they have pictures which are gone; a batch each
        time, round and round."""
        service = self._service
        rows = service.ledger.with_pictures(self._looked_at, ORPHAN_BATCH)
        self._looked_at = rows[-1][0] if len(rows) == ORPHAN_BATCH else 0
        names = {f"{result_id}.jpg": row for row, result_id in rows}
        gone = service.pictures.store.missing(names)
        if gone:
            ids = [names[name] for name in gone]
            service.exports.pictures.gone(ids)
            service.ledger.without_pictures(ids)

    def _metrics(self) -> None:
        service = self._service
        stations = {}
        for station in service.stations.values():
            times = sorted(station.latencies_ms)
            stations[station.id] = {
                "ok": station.counts.get("OK", 0),
                "ng": station.counts.get("NG", 0),
                "error": station.counts.get("ERROR", 0),
                "since": utc(station.reset_at) if station.reset_at else service.started_at,
                "queue": station.thread.waiting,
                "p50_ms": times[len(times) // 2] if times else None,
                "p95_ms": times[len(times) * 95 // 100] if times else None,
                "max_ms": times[-1] if times else None,
            }
        message = MetricsMessage(
            at=utc(),
            uptime_s=(time.monotonic_ns() - service._started_ns) / 1e9,
            outbox=service.ledger.outbox_depth()[0],
            stations=stations,
            exports=service.exports.told(),
        )
        service.outbox.post("metrics", "", message.model_dump_json().encode(), apart=True)

    def _retention(self) -> None:
        service = self._service
        swept = service.pictures.store.sweep(service.ledger.pictured)
        self._orphans()
        service.pictures.full = False
        service.metrics.pictures.set(swept.usage.files)
        service.metrics.picture_bytes.set(swept.usage.bytes)

    def _audit(self) -> None:
        self._service.alarms.set("AUDIT", self._service.audit.trouble())
