"""The node as a whole: from settings to running parts, the watch over them, and their orderly
end.

One file: wiring only; everything that is made is closed here too, in the opposite order.
"""

import contextlib
import gc
import logging
import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from broker.lanes import Lanes
from broker.outbox import Outbox
from broker.served import OFFLINE
from broker.topics import Names
from node import ending, limits
from node.alarms import Alarms
from node.chores.certificates import CertificateWatch
from node.chores.faults import Faults
from node.chores.figures import NodeFigures
from node.chores.info_telling import InfoTelling
from node.chores.keeping import Keeping
from node.chores.precedence import Precedence
from node.chores.retention import Retention
from node.chores.rounds import Chore, Chores
from node.chores.state_telling import StateTelling
from node.chores.station_care import StationCare
from node.chores.storing import Storing
from node.commands.actions import Actions
from node.commands.audit import Audit
from node.commands.inbox import Commands
from node.commands.reach import Reach
from node.exports.care import Exports
from node.gpio import make_bank
from node.gpio.driver import LineDriver
from node.inspection import inspect
from node.intake import Intake
from node.metrics import NodeMetrics
from node.notify import notify
from node.pictures.keeping import PictureKeeping
from node.shared import Shared
from node.sources import InputEdges, Sources
from node.state_lock import lock_state
from node.station import LOAD_S, Station
from node.telemetry.tracing import Tracing
from node.watch import Beats, Watch
from node.worker.in_process import ProcessWorker
from node.worker.seam import Crash, Worker
from node.worker.spare import Spare
from node.worker.tries import Tries
from node.worker.wire import WorkerSetup
from schemas import (
    AcceptedTrigger,
    Event,
    NodeState,
    Problem,
    Result,
    Settings,
    StationSettings,
    logs,
    ready,
)
from schemas.command import COMMANDS
from schemas.store.ledger import Ledger
from schemas.store.pictures import Pictures
from schemas.store.programs import Programs
from schemas.store.state import secured

if TYPE_CHECKING:
    from node.worker.threads import StationThreads

log = logging.getLogger(__name__)

Outcome = Literal["stop", "reload"]


class Service:
    """One node. run() returns when it was asked to stop or to reload, with everything put away."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.version = package_version("inspection-node")
        state = Path(settings.state_dir)
        secured(state)
        self._lock_file = lock_state(state)
        self.metrics = NodeMetrics(self.version, settings.node_id)
        short = frozenset(station.id for station in settings.station if station.short)
        names = Names(settings.broker.base, settings.node_id)
        self.tracing = Tracing(settings.tracing, settings.node_id, self.version)
        self.outbox = Outbox(names, short, Outbox(names), self.tracing.contexts)
        self.ledger = Ledger(state / "ledger.db", self.outbox.committed, self.outbox.flush_soon)
        self.alarms = Alarms(tuple(station.id for station in settings.station), self.outbox)
        self.programs = Programs(state / "programs")
        store = Pictures(state / "pictures", settings.pictures, lived=self.ledger.lived)
        self.pictures = PictureKeeping(store, self.metrics, previews=settings.preview)
        self.edges = InputEdges(station.id for station in settings.station)
        banks = {
            station.id: (station.lines, make_bank(station.lines)) for station in settings.station
        }
        self.driver = LineDriver(banks, self.edges.put)
        shared = Shared(
            settings.node_id,
            self.driver,
            self.ledger,
            self.programs,
            self.pictures,
            self.metrics,
            self.tracing,
        )
        self.threads: StationThreads | None = None
        self.processes: dict[str, ProcessWorker] = {}
        self.spare = Spare()
        self.stations: dict[str, Station] = {
            station.id: Station(station, self._worker(station, folder), shared, inspect)
            for station in settings.station
        }
        self.intake = Intake(self.stations, self.ledger, self.outbox, self.alarms)
        self.sources = Sources(self.stations, self.intake, self.edges)
        reach = Reach(self.stations, self.intake, self.outbox, self.programs, self.version)
        self.audit = Audit(state, self.outbox.names, settings.web.audit_rows)
        self.commands = Commands(
            settings.commands, Actions(reach), self.ledger, self.outbox, self.audit
        )
        self.session = Lanes(
            settings.broker,
            self.outbox,
            self.ledger,
            self.intake.deliver,
            self.commands.put,
            self._notice,
            state,
            tuple(station.id for station in settings.station if station.mqtt),
            tuple(COMMANDS),
            limits.BROKER,
        )
        self.exports = Exports(settings, self.ledger, self.pictures, self.metrics, self.alarms)
        self.state = StateTelling(
            self.stations, self.session, self.driver, self.alarms, self.outbox, self.version
        )
        self.info = InfoTelling(
            settings, self.stations, self.programs, self.alarms, self.outbox, self.version
        )
        self.faults = Faults(self.alarms)
        self.precedence = Precedence(settings.station, shared.busy)
        self.chores = self._chores()
        self.keeping = Keeping(
            self.ledger,
            settings.history,
            self.alarms,
            self.faults,
            tuple(station.id for station in settings.station if station.clocks_synced),
        )
        self.watch = Watch(self.stations, self.driver, self.metrics, self.outbox, self._beats)
        self._asked: Outcome | None = None
        self.left_behind = False  # whether something did not end that should have

    def _worker(self, station: StationSettings, folder: Path) -> Worker:
        settings = self.settings
        if station.worker == "thread":
            if self.threads is None:
                from node.worker.threads import StationThreads

                self.threads = StationThreads(settings, self.pictures, self._show)
            return self.threads.worker(station, folder)
        setup = WorkerSetup(
            settings.node_id,
            station,
            str(folder),
            settings.state_dir,
            settings.pictures.jpeg_quality,
            settings.log_level,
        )
        made = partial(ProcessWorker, programs=self.programs, keeping=self.pictures)
        apart = setup._replace(tries=True)
        tries = Tries(lambda: made(apart, preview=self._show, crashed=_nobody, spare=self.spare))
        crashed = partial(self._crashed, station.id)
        worker = made(setup, preview=self._show, crashed=crashed, spare=self.spare, tries=tries)
        self.processes[station.id] = worker
        return worker

    def _chores(self) -> Chores:
        stations, ledger, alarms, metrics = self.stations, self.ledger, self.alarms, self.metrics
        outbox, driver, session = self.outbox, self.driver, self.session
        failed: dict[str, Problem] = {}
        storing = Storing(stations, ledger, self.settings.history, alarms, metrics, failed)
        care = StationCare(stations, driver, alarms, outbox, self.precedence)
        figures = NodeFigures(
            self.settings,
            stations,
            driver,
            ledger,
            session,
            self.exports,
            alarms,
            metrics,
            outbox,
            self.processes,
        )
        retention = Retention(self.pictures, ledger, self.exports, metrics)
        certificates = CertificateWatch(self.settings, alarms, metrics)
        return Chores(
            failed,
            self.faults,
            (
                Chore("count", figures.count),
                Chore("store", storing.look),
                Chore("state", self.state.tell),
                Chore("programs", self.info.look, 0.5),
                Chore("precedence", self.precedence.keep),
                Chore("cameras", care.cameras, 1.0),
                Chore("outbox", storing.outbox, 1.0),
                Chore("gauges", figures.gauges, 1.0),
                Chore("certificates", certificates.tell, 1.0),
                Chore("metrics", figures.tell, 10.0, 10.0),
                Chore("retention", retention.sweep, 10.0, 10.0),
                Chore("audit", lambda: alarms.set("AUDIT", self.audit.trouble()), 10.0, 1.0),
                Chore("maintenance", care.maintenance, 1.0, 1.0),
                Chore("exports", self.exports.tell, 1.0, 1.0),
                Chore("faults", self.faults.tell, 1.0, 1.0),
            ),
        )

    # For the threads

    def _crashed(self, station: str, crash: Crash) -> None:
        self.stations[station].crashed(crash)

    def _show(self, station: str, jpeg: bytes) -> None:
        self.outbox.post("image", station, jpeg, content_type="image/jpeg")

    def _notice(self, what: str, message: str) -> None:
        if what == "online":
            self.alarms.all_out()
            self.state.again()
            self.info.again()
        elif what == "trouble":
            self.alarms.set("BROKER", message or None)
            for station in self.stations.values():
                deaf = self.session.deaf.get(station.id)
                station.hears_triggers(Problem("SUBSCRIPTION_REFUSED", deaf) if deaf else None)

    def _telling(self) -> dict[str, str]:
        """For a line of the log: in whose inspection it is written."""
        for station in self.stations.values():
            if (part := station.thread.here()) is not None:
                return {"station": station.id, "trigger_id": part.trigger_id}
        return {}

    # Life

    def run(self, asked: Callable[[], Outcome | None]) -> Outcome:
        """Start everything, watch over it until `asked` says stop or reload, put everything away.
        Raises OSError, Problem."""
        if self.settings.metrics.enabled:
            token = self.settings.metrics.token
            self.metrics.serve(
                self.settings.metrics.bind, token.get_secret_value() if token else None
            )
        ready(Result, AcceptedTrigger, Event, NodeState)
        self.driver.start()
        if self.processes:
            self.spare.start()
        for station in self.stations.values():
            station.worker.start()
        until = time.monotonic() + LOAD_S  # for all of them: they load beside one another
        for station in self.stations.values():
            left_s = max(0.0, until - time.monotonic())
            with contextlib.suppress(Problem):  # the state says what is wrong with the program
                station.assign(station.worker.program(station.program_id or "", left_s))
        self.tracing.start()
        self.exports.start()
        if self.threads is not None:
            self.threads.start()
        self.commands.start()
        self.intake.recover()
        self.commands.recover()
        logs.telling["node"] = self._telling
        for station in self.stations.values():
            station.thread.start()
        self.chores.start()
        self.keeping.start()
        self.session.start()
        self.sources.start()
        gc.collect()
        # what is here now stays: the collector need not look at it during an inspection
        gc.freeze()
        notify("READY=1")
        log.info("node %s is running: %s", self.settings.node_id, ", ".join(self.stations))
        try:
            outcome: Outcome = self.watch.until(asked)
            self._asked = outcome
        finally:
            self._end()
        return outcome

    def _beats(self) -> Beats:
        beats = {
            **{name: (beat_ns, limits.BEAT_S) for name, beat_ns in self.session.beats.items()},
            "lines": (self.driver.beat_ns, limits.BEAT_S),
            "chores": (self.chores.beat_ns, limits.CARE_BEAT_S),
            "keeping": (self.keeping.beat_ns, limits.CARE_BEAT_S),
            "sources": (self.sources.beat_ns, limits.BEAT_S),
            "commands": (self.commands.beat_ns, limits.COMMANDS_BEAT_S),
            **{
                name: (beat_ns, limits.BEAT_S)
                for worker in self.processes.values()
                for name, beat_ns in worker.beats.items()
            },
        }
        if self.processes:
            beats["spare"] = (self.spare.beat_ns, limits.BEAT_S)
        if (port_ns := self.metrics.beat_ns) is not None:
            beats["metrics"] = (port_ns, limits.CARE_BEAT_S)
        if not self.ledger.moving:  # this takes as long as the disk needs
            beats["moving"] = (self.keeping.moving_beat_ns, limits.BEAT_S)
        if (turned_ns := self.exports.pictures.beat) is not None:  # it waits for no target
            beats["exports"] = (turned_ns, limits.CARE_BEAT_S)
        for station in self.stations.values():
            if station.thread.current is None:
                beats[f"station {station.id}"] = (station.thread.beat_ns, limits.BEAT_S)
        return beats

    def _end(self) -> None:
        """Put everything away, in less than limits.END_S."""
        notify("STOPPING=1" if self._asked == "stop" else "STATUS=reloading")
        self._asked = self._asked or "stop"
        self.sources.end()
        self.intake.drain()
        late = ending.apart(
            {
                "parts": lambda: ending.finish(self.stations.values()),
                "commands": lambda: self.commands.stop(limits.STOP_S),
                "chores": self.chores.stop,
                "keeping": self.keeping.stop,
            },
            limits.FINISH_S + limits.STOP_S,
        )
        late += ending.apart(
            {"answers": lambda: ending.answer_waiting(self.stations.values(), self.intake)},
            limits.ANSWER_S,
        )
        late += ending.apart(
            {
                "lines": lambda: self.driver.stop(limits.LINES_STOP_S),
                **({} if self.threads is None else {"pictures": self.threads.stop}),
                "tracing": lambda: self.tracing.stop(limits.TRACING_STOP_S),
                "exports": lambda: self.exports.stop(limits.EXPORTS_STOP_S),
                "broker": lambda: self.session.stop(OFFLINE, limits.BROKER_STOP_S),
                **{
                    f"camera of {station.id}": station.worker.stop
                    for station in self.stations.values()
                },
            },
            limits.APART_S,
        )
        late += ending.apart(
            {
                "metrics": self.metrics.close,
                "ledger": self.ledger.close,
                "spare": self.spare.close,
            },
            limits.CLOSE_S,
        )
        self.precedence.let_go()
        os.close(self._lock_file)
        logs.telling.pop("node", None)
        gc.unfreeze()
        self.left_behind = bool(late) or not all(
            station.thread.ended for station in self.stations.values()
        )
        log.info("node %s has ended", self.settings.node_id)


def _nobody(_: Crash) -> None:
    """What an editor tries pauses no station."""
