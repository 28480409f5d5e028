"""Whether anything can be stored, and whether more may wait for the broker."""

import time
from collections.abc import Mapping

from node.alarms import Alarms
from node.metrics import NodeMetrics
from node.station import Station
from schemas import Problem
from schemas.settings import HistorySettings
from schemas.store.ledger import Ledger

PROBE_S = 1.0
STEADY_S = 2.0  # after nothing could be stored


class Storing:
    """Sets the alarms STORE and OUTBOX, and blocks the stations while either is full.

    failed: chores that could not be done, by name; the alarm STORE tells them too.
    """

    def __init__(
        self,
        stations: Mapping[str, Station],
        ledger: Ledger,
        history: HistorySettings,
        alarms: Alarms,
        metrics: NodeMetrics,
        failed: Mapping[str, Problem],
    ) -> None:
        self._stations = stations
        self._ledger = ledger
        self._history = history
        self._alarms = alarms
        self._metrics = metrics
        self._failed = failed
        self._down: Problem | None = None  # why nothing can be stored, until a write succeeds
        self._probe_at = 0.0
        # why no result may be added to those that wait for the broker
        self._full: Problem | None = None

    def look(self) -> None:
        """Whether anything can be stored: once it could not, and all went well for a while, a write
        that succeeds says so."""
        stations = self._stations.values()
        problem = next(
            filter(None, (station.unrecorded for station in stations)), self._ledger.failing
        )
        now = time.monotonic()
        if problem is not None:  # a full disk may take little now and then
            self._probe_at = now + STEADY_S
        elif self._down is not None:
            problem = self._down
            if now >= self._probe_at:
                self._probe_at = now + PROBE_S
                try:
                    self._ledger.probe()
                    problem = None
                except Problem as still:
                    problem = still
        self._down = problem
        for station in stations:
            station.block(problem or self._full)
        failed = [f"{name}: {why.message}" for name, why in self._failed.items()]
        self._alarms.set("STORE", problem.message if problem else "; ".join(failed) or None)

    def outbox(self) -> None:
        """How many results wait for the broker, and whether there may be more."""
        depth, age_s = self._ledger.outbox_depth()
        self._metrics.outbox.set(depth)
        self._metrics.outbox_age.set(age_s)
        limit, drops = (
            self._history.outbox_limit,
            self._history.outbox_full == "drop",
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
        self._alarms.set("OUTBOX", told if full else None)
