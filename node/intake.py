"""Intake: every trigger, from whatever source, goes through here into the ledger, before it is acknowledged.

What cannot or must not be inspected (not a trigger, stale, overrun, paused) is answered at once, in the same commit; such
an answer drives no lines, since no part stands under the camera for it.
"""

import logging
import time
from typing import Any

from broker.outbox import Outbox
from broker.session import Backlog
from broker.wire import Incoming
from node.part import Inspection, Part
from node.publish import build, publish
from node.station import Station
from schemas import Problem, Result, Trigger, new_id
from schemas.result import Source
from schemas.store.ledger import Accepted, Duplicate, Ledger, NewTrigger
from schemas.trigger import bad_id, claim, parse_trigger, seconds

log = logging.getLogger(__name__)

SELDOM_S = 10.0


class Intake:
    """See the head of this file. Events tell what a person may want to know."""

    def __init__(self, stations: dict[str, Station], ledger: Ledger, outbox: Outbox) -> None:
        self._stations = stations
        self._ledger = ledger
        self._event = outbox.event
        self.draining = False
        self._told: dict[tuple[str, str], float] = {}

    def mqtt(self, station_id: str, message: Incoming, backlog: Backlog | None) -> None:
        """A message on a trigger topic. Returns when it may be acknowledged. Raises Problem STORE_FAILED."""
        station = self._stations.get(station_id)
        if station is None or not station.settings.mqtt:
            wrong = "has MQTT triggers off" if station else "does not exist"
            data = {
                "code": "STATION_NOT_FOUND",
                "message": f"station {station_id[:64]} {wrong}",
                "stations": list(self._stations),
            }
            self._seldom("trigger.refused", station_id[:64], data)
            return
        received = time.time(), time.monotonic_ns()
        if message.retain:
            station.metrics.ignored.labels(station_id).inc()
            self._event("trigger.retained", station_id, {"payload": message.payload[:200].decode("utf-8", "replace")})
            return
        if message.qos == 0:
            self._seldom("trigger.qos0", station_id, {"advice": "QoS 0 can be lost on the way: publish triggers with QoS 1"})
        problem: Problem | None = None
        trigger: Trigger | None = None
        try:
            trigger = parse_trigger(message.payload, station.settings.plain)
        except Problem as refused:
            problem = refused
        except Exception as error:  # whatever a payload can do to us: it is no trigger, and it must not come again
            log.exception("a trigger could not be read")
            problem = Problem("BAD_TRIGGER", type(error).__name__)
        if problem is not None:
            trigger = self._answerable(station_id, message.payload)
        elif trigger is None:
            self._event("trigger.ignored", station_id, {"payload": message.payload[:200].decode("utf-8", "replace")})
            return
        else:
            problem = _stale(trigger, station, received[0], backlog)
        self.take(station, trigger, message.payload, "mqtt", received, problem)

    def _answerable(self, station: str, payload: bytes) -> Trigger:
        """What is no trigger, under the id that it claims, or else under one of its own, so that it can be answered."""
        claimed = claim(payload)
        if claimed.trigger_id is not None and self._newest_id(station, claimed.trigger_id) is None:
            return Trigger(trigger_id=claimed.trigger_id, ack=claimed.ack)
        first = bad_id(payload)
        last = self._newest_id(station, first, f"{first}:")
        number = int(last[len(first) :]) + 1 if last else 1
        return Trigger(trigger_id=f"{first}{number:08d}", ack=claimed.ack)

    def _newest_id(self, station: str, first: str, last: str | None = None) -> str | None:
        """The greatest id of a trigger between these two, if there is one."""
        sql = "SELECT max(trigger_id) FROM triggers WHERE station = ? AND trigger_id BETWEEN ? AND ?"
        newest: str | None = self._ledger.read(sql, (station, first, last or first))[0][0]
        return newest

    def take(
        self,
        station: Station,
        trigger: Trigger,
        payload: bytes,
        source: Source,
        received: tuple[float, int] | None = None,
        problem: Problem | None = None,
    ) -> str | None:
        """Commit a trigger and let it wait for its inspection, or answer it at once.

        received is (seconds since 1970, monotonic ns). The trigger's id, None if it was known. Raises Problem STORE_FAILED.
        """
        received = received or (time.time(), time.monotonic_ns())
        trigger_id = trigger.trigger_id or new_id()
        new = NewTrigger(
            station=station.id,
            trigger_id=trigger_id,
            payload=payload,
            body=trigger.model_dump_json(exclude_none=True),
            assigned=trigger.trigger_id is None,
            source=source,
            received_at=received[0],
            received_ns=received[1],
        )
        station.metrics.trigger(station.id, source)
        if problem is None and self.draining:
            problem = Problem("INTERRUPTED", "the node stops")
        if problem is None and station.blocked is not None:
            problem = station.blocked
        if problem is None and station.paused:
            problem = Problem("STATION_PAUSED")
        reserved = problem is None and station.reserve()
        if problem is None and not reserved:
            problem = Problem("OVERRUN", f"{station.settings.queue_limit} triggers are waiting already")
        answer: Accepted | Duplicate
        try:
            answer = self._answered(new, trigger, station, problem) if problem else self._ledger.accept(new)
        except BaseException:
            if reserved:
                station.give_back()
            raise
        if isinstance(answer, Duplicate):
            if reserved:
                station.give_back()
            station.metrics.duplicates.labels(station.id).inc()
            if answer.differs:
                self._event("trigger.duplicate", station.id, {"trigger_id": trigger_id, "differs": True})
            return None
        if reserved:
            station.add(self._part(answer.id, new, trigger))
        return trigger_id

    def _seldom(self, kind: str, station: str, data: dict[str, Any]) -> None:
        """An event that would come with every trigger, at most every 10 s."""
        now = time.monotonic()
        if now - self._told.get((kind, station), -SELDOM_S) >= SELDOM_S:
            if len(self._told) > 256:  # a bound: station names come from topics
                self._told.clear()
            self._told[kind, station] = now
            self._event(kind, station, data)

    def answer(self, part: Part, station: Station, problem: Problem) -> None:
        """Answer a part that is in the ledger without inspecting it. Raises Problem STORE_FAILED."""
        if part.claim():
            found = Inspection(part)
            found.fail(problem)
            publish(found, station)

    def recover(self) -> int:
        """After a start: answer what was interrupted, take up again what still waits; how many there were.

        A station inspects in order, so its oldest trigger without a result is the one that was under way. Those behind it go
        on if they are fresh enough; triggers of another boot cannot be, and triggers of a station that is gone stay.
        """
        waiting = self._ledger.waiting()
        first: set[str] = set()
        for row in waiting:
            station = self._stations.get(row.station)
            if station is None:
                continue
            trigger = Trigger.model_validate_json(row.body)
            part = Part(
                row.id, row.station, row.trigger_id, trigger, row.assigned, row.source, row.received_at, row.received_ns
            )
            if not row.this_boot:
                part.received_ns = time.monotonic_ns()  # durations across a reboot mean nothing
            if row.station not in first:
                first.add(row.station)
                self.answer(part, station, Problem("INTERRUPTED"))
            elif not row.this_boot:
                self.answer(part, station, Problem("TRIGGER_STALE", "the machine was started anew"))
            elif station.reserve():
                station.add(part)
            else:
                self.answer(part, station, Problem("OVERRUN"))
        return len(waiting)

    def _answered(self, new: NewTrigger, trigger: Trigger, station: Station, problem: Problem) -> Accepted | Duplicate:
        result_id = new_id()
        part = self._part(0, new, trigger)
        found = Inspection(part)
        found.fail(problem)
        built: list[Result] = []

        def make(seq: int) -> Result:
            built[:] = [build(found, station, result_id, seq)]
            return built[0]

        answer = self._ledger.accept_answered(new, make)
        if isinstance(answer, Accepted):
            station.answered(built[0])
        return answer

    def _part(self, row: int, new: NewTrigger, trigger: Trigger) -> Part:
        return Part(row, new.station, new.trigger_id, trigger, new.assigned, new.source, new.received_at, new.received_ns)


def _stale(trigger: Trigger, station: Station, received_at: float, backlog: Backlog | None) -> Problem | None:
    """Contract, section 3: by sent_at where clocks agree, else as backlog; by waiting time later, in trigger.py."""
    max_age_ms = trigger.max_age_ms or station.settings.max_age_ms
    if trigger.sent_at is not None and station.settings.clocks_synced:
        age_ms = (received_at - seconds(trigger.sent_at)) * 1000
        if age_ms > max_age_ms:
            return Problem("TRIGGER_STALE", f"sent {age_ms:.0f} ms ago, at most {max_age_ms} ms are allowed")
    if backlog is not None and backlog.outage_s * 1000 > max_age_ms:
        return Problem("TRIGGER_STALE", "it was sent while the node was away from the broker")
    return None
