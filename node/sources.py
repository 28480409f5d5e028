"""Trigger sources of our own: edges of input lines, and timers."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterable, Mapping

from node.arrival import Received
from node.intake import Intake
from node.station import Station
from schemas import Problem, Trigger

log = logging.getLogger(__name__)

SOURCES_S = 0.5  # between two beats, if there is no edge and no timer
EDGE_LIMIT = 256
EDGE_BATCH = 64


class InputEdges:
    """Edges of input lines on their way from the thread of the lines to the intake.

    So many may wait; those beyond have no place, but are counted, so that each is answered.
    """

    def __init__(self, stations: Iterable[str]) -> None:
        self._waiting: queue.Queue[tuple[str, int]] = queue.Queue(EDGE_LIMIT)
        self._beyond = dict.fromkeys(stations, 0)  # edges that found no place
        self._answered = dict(self._beyond)  # how many of those were answered

    def put(self, station: str, at_ns: int) -> None:
        """An edge at this time of the monotonic clock. Called on the thread of the lines."""
        try:
            self._waiting.put_nowait((station, at_ns))
        except queue.Full:  # the debounce is far off: these do not wait, but are answered
            self._beyond[station] += 1

    def take(self, wait_s: float) -> list[tuple[str, Received]]:
        """The edges that wait, or the next one that comes in time; at most EDGE_BATCH."""
        edges: list[tuple[str, Received]] = []
        with contextlib.suppress(queue.Empty):
            while len(edges) < EDGE_BATCH:
                if wait_s > 0 and not edges:
                    station, at_ns = self._waiting.get(timeout=wait_s)
                else:
                    station, at_ns = self._waiting.get_nowait()
                age_s = max(0, time.monotonic_ns() - at_ns) / 1e9
                edges.append((station, Received.now(age_s)))
        return edges

    def take_beyond(self) -> list[tuple[str, Received]]:
        """Edges that found no place and were not given out yet; at most EDGE_BATCH of each
        station."""
        beyond: list[tuple[str, Received]] = []
        for station, number in self._beyond.items():
            more = min(EDGE_BATCH, number - self._answered[station])
            self._answered[station] += more
            beyond += [(station, Received.now())] * more
        return beyond


class Sources:
    """The thread that gives edges and timers to the intake."""

    def __init__(self, stations: Mapping[str, Station], intake: Intake, edges: InputEdges) -> None:
        self.beat_ns = time.monotonic_ns()
        self._stations = stations
        self._intake = intake
        self._edges = edges
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sources", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Take nothing more; the thread ends by itself."""
        self._stopping = True

    def _run(self) -> None:
        timed = {
            station.id: station.settings.timer_ms / 1000
            for station in self._stations.values()
            if station.settings.timer_ms
        }
        due = {station: time.monotonic() + period for station, period in timed.items()}
        while not self._stopping:
            self.beat_ns = time.monotonic_ns()
            self.give_edges(min([SOURCES_S, *(at - time.monotonic() for at in due.values())]))
            now = time.monotonic()
            for station_id, at in due.items():
                if now >= at:
                    period = timed[station_id]
                    # never a burst to catch up
                    due[station_id] = at + period * (1 + (now - at) // period)
                    self._timed(self._stations[station_id])

    def give_edges(self, wait_s: float) -> None:
        """Give the edges to the intake, and those that come within this time."""
        edges = self._edges.take(wait_s)
        try:
            self._intake.edges(edges, self._edges.take_beyond())
        except Problem as problem:
            log.error("edges of input lines could not be stored: %s", problem.message)

    def _timed(self, station: Station) -> None:
        if station.paused or station.thread.current is not None or station.unrecorded is not None:
            return  # a timer asks for as many pictures as there can be, not for a queue
        try:
            self._intake.take(station, Trigger(), "timer", Received.now())
        except Problem as problem:
            log.error(
                "station %s: a trigger of the timer could not be stored: %s",
                station.id,
                problem.message,
            )
