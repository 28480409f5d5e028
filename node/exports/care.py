"""The exports of a node: its pictures on their way, the state of its backups, and what is reported
of both."""

import time
from pathlib import Path
from typing import Any

from node.alarms import Alarms
from node.exports.pictures import PictureExporter
from node.metrics import NodeMetrics
from node.pictures.keeping import PictureKeeping
from schemas import Problem, Settings, utc
from schemas.settings.exports import BackupExport
from schemas.store import exports as store
from schemas.store.exports import BackupSent, Memory, Queue
from schemas.store.ledger import Ledger


class Exports:
    """Sets the alarms EXPORT and BACKUP; one thread reports the figures and alarms (`tell`)."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        pictures: PictureKeeping,
        metrics: NodeMetrics,
        alarms: Alarms,
    ) -> None:
        state = Path(settings.state_dir)
        wanted = settings.exports.pictures
        stations = [station.id for station in settings.station]
        self.pictures = PictureExporter(
            wanted,
            Queue(ledger, wanted, stations),
            pictures.store,
            pictures.pending.__contains__,
            state,
        )
        self._backups = BackupCare(settings.exports.backups, store.backups(state), time.time())
        self._metrics, self._alarms = metrics, alarms
        self._seen = {"sent": 0, "failures": 0}
        self._lost: dict[str, int] = {}

    def start(self) -> None:
        """Begin."""
        self.pictures.start()

    def stop(self, limit_s: float) -> None:
        """End."""
        self.pictures.stop(limit_s)

    def tell(self) -> None:
        """Bring figures and alarms up to date."""
        pictures, metrics = self.pictures, self._metrics
        self._alarms.set("EXPORT", pictures.trouble())
        self._alarms.set("BACKUP", self._backups.trouble(time.time()))
        waiting, oldest_at = pictures.waiting
        metrics.export_waiting.set(waiting)
        metrics.export_age.set(max(0.0, time.time() - oldest_at) if oldest_at is not None else 0)
        metrics.exported.inc(pictures.arrived - self._seen["sent"])
        metrics.export_failures.inc(pictures.failures - self._seen["failures"])
        self._seen = {"sent": pictures.arrived, "failures": pictures.failures}
        for why, count in pictures.lost.items():
            metrics.export_lost.labels(why).inc(count - self._lost.get(why, 0))
            self._lost[why] = count
        if (age_s := self._backups.age_s(time.time())) is not None:
            metrics.backup_age.set(age_s)

    def told(self) -> dict[str, Any]:
        """For the topic `metrics`: what pages show of both; empty if nothing is exported."""
        report: dict[str, Any] = {}
        if self.pictures.settings.target is not None:
            waiting, oldest_at = self.pictures.waiting
            report["pictures"] = {
                "to": self.pictures.settings.target.kind,
                "waiting": waiting,
                "oldest_at": utc(oldest_at) if oldest_at is not None else None,
                "sent": self.pictures.sent,
                "lost": sum(self.pictures.lost.values()),
                "problem": self.pictures.trouble(),
            }
        if self._backups.settings.target is not None:
            last = self._backups.last
            report["backups"] = {
                "to": self._backups.settings.target.kind,
                "arrived_at": utc(last.arrived_at) if last.arrived_at is not None else None,
                "file": last.file,
                "problem": self._backups.trouble(time.time()),
            }
        return report


class BackupCare:
    """Whether backups arrive at their target: the command `backup` writes down how each went."""

    def __init__(self, settings: BackupExport, memory: Memory[BackupSent], began_at: float) -> None:
        self.settings = settings
        self.last = BackupSent()
        self._memory, self._began_at = memory, began_at

    def trouble(self, now: float) -> str | None:
        """What is wrong, for people; the same words as long as it is the same."""
        if self.settings.target is None:
            return None
        try:
            self.last = self._memory.read() or self.last
        except Problem as problem:
            return problem.message
        if self.last.error is not None:
            return f"the last backup did not arrive: {self.last.error}"
        arrived_at = self.last.arrived_at
        if now - (arrived_at or self._began_at) > self.settings.late_hours * 3600:
            since = f"since {utc(arrived_at)}" if arrived_at is not None else "yet"
            return f"no backup has arrived {since}"
        return None

    def age_s(self, now: float) -> float | None:
        """Seconds since a backup has arrived; None if none has."""
        return None if self.last.arrived_at is None else max(0.0, now - self.last.arrived_at)
