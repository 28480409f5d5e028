"""Intake: every trigger, from whatever source, goes through here into the ledger, before it is
acknowledged.

What cannot or must not be inspected (not a trigger, stale, overrun, paused) is answered at once, in
the same commit; such an answer drives no lines, since no part stands under the camera for it.
Triggers that come together are committed together. Whoever sends a known id is always told so
on `accepted`: nothing is inspected again.

One file: the ways in which a trigger is answered at once are one decision, in an order that
matters.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from broker.outbox import Outbox
from broker.reading import Backlog, Delivery
from node.alarms import Alarms
from node.arrival import Arrival, Received, read, stale
from node.early import early
from node.part import Part
from node.publish import compose, publish
from node.record import Record
from node.seldom import Seldom
from node.station import Station
from schemas import EVALUATION, AcceptedTrigger, Problem, Result, Trigger
from schemas.result import Source
from schemas.store.ledger import Answer, Duplicate, Ledger, LedgerEntry, TriggerStored
from schemas.trigger import EMPTY, bad_id

log = logging.getLogger(__name__)

NUMBER_DIGITS = 8  # for what is not a trigger: as text they are in the order of the numbers
IN_A_ROW = 3  # known ids one after the other: a counter that began again


class Taken(NamedTuple):
    """What became of a trigger; `differs` if its id was known and the trigger before it was another
    one."""

    told: AcceptedTrigger
    differs: bool = False


class Intake:
    """See the head of this file. Events tell what a person may want to know."""

    def __init__(
        self, stations: dict[str, Station], ledger: Ledger, outbox: Outbox, alarms: Alarms
    ) -> None:
        self._stations = stations
        self._ledger = ledger
        self._outbox = outbox
        self._alarms = alarms
        self._event = outbox.event
        self._seldom = Seldom(outbox)
        self._repeats: dict[str, int] = {}  # known ids in a row, by station
        self._draining = False

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Messages on trigger topics. When it returns they may be acknowledged. Raises Problem
        STORE_FAILED: none may."""
        # only afterwards: what cannot be stored is delivered again and again
        tell: list[Callable[[], object]] = []
        arrivals = [self._arrival(each, Received.now(each.waited_s), tell) for each in deliveries]
        self._commit([arrival for arrival in arrivals if arrival is not None])
        for each in tell:
            each()

    def take(
        self,
        station: Station,
        trigger: Trigger,
        source: Source,
        received: Received,
        *,
        backlog: Backlog | None = None,
        problem: Problem | None = None,
    ) -> Taken:
        """Commit a trigger of another source and let it wait for its inspection, or answer it at
        once.

        `problem` is why it must not be inspected whatever its age. Raises Problem STORE_FAILED.
        """
        older_ms = 0.0 if backlog is None else backlog.outage_s * 1000
        problem = problem or stale(trigger, station.settings, received, older_ms=older_ms)
        return self._commit(
            [Arrival(station, trigger, source, received, problem, older_ms=older_ms)]
        )[0]

    def edges(
        self, edges: Sequence[tuple[str, Received]], beyond: Sequence[tuple[str, Received]] = ()
    ) -> None:
        """Edges of input lines, by station; those `beyond` found no place to wait. Raises Problem
        STORE_FAILED."""
        arrivals = []
        for station_id, received in edges:
            station = self._stations[station_id]
            arrivals.append(
                Arrival(station, EMPTY, "gpio", received, stale(EMPTY, station.settings, received))
            )
        for station_id, received in beyond:
            problem = Problem(
                "OVERRUN", "edges of the input line come faster than they can be taken"
            )
            arrivals.append(Arrival(self._stations[station_id], EMPTY, "gpio", received, problem))
        self._commit(arrivals)

    def _arrival(
        self, delivery: Delivery, received: Received, tell: list[Callable[[], object]]
    ) -> Arrival | None:
        station_id, message = delivery.station, delivery.message
        station = self._stations.get(station_id)
        if station is None or not station.settings.mqtt:
            wrong = "has MQTT triggers off" if station else "does not exist"
            data = {
                "code": "STATION_NOT_FOUND",
                "message": f"station {station_id[:64]} {wrong}",
                "stations": list(self._stations),
            }
            tell.append(partial(self._seldom, "trigger.refused", station_id[:64], data))
            return None
        shown = {"payload": message.payload[:200].decode("utf-8", "replace")}
        if message.retain:
            tell.append(station.metrics.ignored.labels(station_id).inc)
            tell.append(partial(self._event, "trigger.retained", station_id, shown))
            return None
        if message.qos == 0:
            advice = {"advice": "QoS 0 can be lost on the way: publish triggers with QoS 1"}
            tell.append(partial(self._seldom, "trigger.qos0", station_id, advice))
        arrival = read(delivery, station, received)
        if arrival is None:
            tell.append(partial(self._event, "trigger.ignored", station_id, shown))
        return arrival

    # Into the ledger

    def _commit(self, arrivals: list[Arrival]) -> list[Taken]:
        if not arrivals:
            return []
        self._name(arrivals)
        for arrival in arrivals:
            station = arrival.station
            arrival.problem = arrival.problem or self._closed(station)
            if arrival.problem is None and not arrival.known:
                arrival.reserved = station.thread.reserve()
                if not arrival.reserved:
                    arrival.problem = Problem(
                        "OVERRUN", f"{station.settings.queue_limit} triggers are waiting already"
                    )
        if len(arrivals) == 1:
            self._begin_early(arrivals[0])
        try:
            entries = [
                LedgerEntry(each.new(), _answer(each, each.problem) if each.problem else None)
                for each in arrivals
            ]
            answers = self._ledger.accept_all(entries)
        except BaseException:
            for arrival in arrivals:
                if arrival.reserved:
                    arrival.station.thread.give_back()
                if arrival.early is not None:
                    arrival.station.worker.forget(arrival.trigger_id)
            raise
        for arrival in arrivals:
            arrival.station.metrics.trigger(arrival.station.id, arrival.source)
        return [
            self._settle(arrival, answer) for arrival, answer in zip(arrivals, answers, strict=True)
        ]

    def _begin_early(self, arrival: Arrival) -> None:
        """Let the worker of a station that is idle look at the part while its trigger is committed,
        unless it says that it comes again and is known. Never raises: what does not begin early
        begins later."""
        if not arrival.reserved:
            return
        again = arrival.redelivered or arrival.repeated
        try:
            if not again or not self._known(arrival.station.id, {arrival.trigger_id}):
                arrival.early = early(arrival.part(0), arrival.station)
        except Exception as error:
            log.exception("station %s: no early look", arrival.station.id)
            arrival.station.faulty(f"no early look: {type(error).__name__}: {error}")

    def drain(self) -> None:
        """The node stops: from now on triggers are answered without an inspection."""
        self._draining = True

    def _closed(self, station: Station) -> Problem | None:
        """Why no part of a station is inspected now."""
        if self._draining:
            return Problem("INTERRUPTED", "the node stops")
        if station.blocked is None and station.paused:
            return Problem("STATION_PAUSED", station.crash)
        return station.blocked

    def _name(self, arrivals: list[Arrival]) -> None:
        """Settle the ids, so that what is not a trigger is answered too, and see which ids are
        known.

        A redelivery is the same message again; any other that is not a trigger is answered under an
        id of its own. One without an id that is in the ledger already keeps the id it was given
        then.
        """
        ids: dict[str, set[str]] = {}
        for arrival in arrivals:
            arrival.name()
            if arrival.trigger.trigger_id is not None and (
                len(arrivals) > 1 or arrival.bad is not None
            ):
                ids.setdefault(arrival.station.id, set()).add(arrival.trigger_id)
        known = {
            (station, taken)
            for station, wanted in ids.items()
            for taken in self._known(station, wanted)
        }
        numbers: dict[tuple[str, str], int] = {}
        for arrival in arrivals:
            station = arrival.station.id
            if arrival.same and arrival.bad is None and arrival.trigger.trigger_id is None:
                given = self._ledger.assigned(arrival.new())
                if given is not None:
                    arrival.trigger_id = given
                    known.add((station, given))
            free = arrival.redelivered or (station, arrival.trigger_id) not in known
            if arrival.bad is not None and not (free and arrival.trigger.trigger_id is not None):
                begin = bad_id(arrival.bad)
                if (station, begin) not in numbers:
                    numbers[station, begin] = self._last_number(station, begin)
                if numbers[station, begin] == 0 or not arrival.redelivered:
                    numbers[station, begin] += 1
                trigger_id = f"{begin}{numbers[station, begin]:0{NUMBER_DIGITS}d}"
                arrival.trigger = arrival.trigger.model_copy(update={"trigger_id": trigger_id})
                arrival.name()
            arrival.known = (station, arrival.trigger_id) in known
            known.add((station, arrival.trigger_id))

    def _known(self, station: str, ids: set[str]) -> list[str]:
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT trigger_id FROM triggers WHERE station = ? AND trigger_id IN ({marks})"
        return [row[0] for row in self._ledger.read(sql, (station, *ids))]

    def _last_number(self, station: str, begin: str) -> int:
        # anybody may give their triggers ids that look like ours
        sql = (
            "SELECT max(trigger_id) FROM triggers WHERE station = ? AND trigger_id BETWEEN ? AND ?"
            " AND trigger_id GLOB ?"
        )
        last = self._ledger.read(
            sql, (station, begin, f"{begin}:", begin + "[0-9]" * NUMBER_DIGITS)
        )[0][0]
        return int(last[len(begin) :]) if last else 0

    # After the commit

    def _settle(self, arrival: Arrival, answer: TriggerStored | Duplicate) -> Taken:
        station, trigger_id, result = arrival.station, arrival.trigger_id, arrival.result
        if isinstance(answer, Duplicate):
            if arrival.reserved:
                station.thread.give_back()
            if arrival.early is not None:
                station.worker.forget(trigger_id)
            return self._known_again(arrival, answer)
        told = _told(trigger_id, None, known=False)
        if result is not None:
            station.answered(result)
            told = _told(
                trigger_id, Answer(result.result_id, result.seq, result.verdict), known=False
            )
        if arrival.trigger.ack or station.settings.ack == "always":
            self._tell(station, told)
        # an id may have been forgotten since it was seen to be known
        if arrival.reserved or (result is None and station.thread.reserve()):
            station.thread.add(arrival.part(answer.id))
        elif result is None:
            self.answer(arrival.part(answer.id), station, Problem("OVERRUN"))
        if arrival.bad is None and arrival.trigger.trigger_id is not None:
            self._in_a_row(station, None)
        return Taken(told)

    def _known_again(self, arrival: Arrival, answer: Duplicate) -> Taken:
        """Nothing is inspected again; the sender is told, and can read the verdict from that."""
        station, trigger_id = arrival.station, arrival.trigger_id
        station.metrics.duplicates.labels(station.id).inc()
        told = _told(trigger_id, answer.answered, known=True)
        self._tell(station, told)
        if answer.differs or not arrival.redelivered:
            self._event(
                "trigger.duplicate",
                station.id,
                {"trigger_id": trigger_id, "differs": answer.differs},
            )
        if not arrival.redelivered and not arrival.repeated:
            self._in_a_row(station, trigger_id)
        return Taken(told, answer.differs)

    def _tell(self, station: Station, told: AcceptedTrigger) -> None:
        self._outbox.post("accepted", station.id, told.model_dump_json(exclude_none=True).encode())

    def _in_a_row(self, station: Station, known: str | None) -> None:
        """Count known ids without a new one between them; None is a new one."""
        count = self._repeats[station.id] = (
            0 if known is None else self._repeats.get(station.id, 0) + 1
        )
        if count >= IN_A_ROW:
            message = (
                f"{IN_A_ROW} triggers in a row had known ids, so nothing was inspected: does a"
                " counter begin again?"
            )
            self._alarms.set("DUPLICATES", message, station.id)
        elif count == 0:
            self._alarms.set("DUPLICATES", None, station.id)

    # Parts that are in the ledger

    def answer(self, part: Part, station: Station, problem: Problem) -> None:
        """Answer a part that is in the ledger without inspecting it. Raises Problem
        STORE_FAILED."""
        if part.claim():
            record = Record(part)
            record.fail(problem)
            publish(record, station)

    def recover(self) -> int:
        """After a start: answer what was interrupted, take up again what still waits; how many
        there were.

        A station inspects in order, so its oldest trigger without a result is the one that was
        under way. Those behind it go on if they are fresh enough; triggers of another boot cannot
        be, and triggers of a station that is gone stay.
        """
        waiting = self._ledger.waiting()
        first: set[str] = set()
        for row in waiting:
            station = self._stations.get(row.station)
            if station is None:
                continue
            received = (
                Received(row.received_at, row.received_ns) if row.this_boot else Received.now()
            )
            # a duration across a reboot means nothing
            received = received._replace(at=row.received_at)
            trigger = Trigger.model_validate_json(row.body)
            part = Part(
                row.id,
                row.station,
                row.trigger_id,
                trigger,
                row.assigned,
                row.source,
                *received,
                row.older_ms,
            )
            if row.station not in first:
                first.add(row.station)
                self.answer(part, station, Problem("INTERRUPTED"))
            elif not row.this_boot:
                self.answer(part, station, Problem("TRIGGER_STALE", "the machine was restarted"))
            elif station.thread.reserve():
                station.thread.add(part)
            else:
                self.answer(part, station, Problem("OVERRUN"))
        return len(waiting)


def _answer(arrival: Arrival, problem: Problem) -> Callable[[int], Result]:
    """A function that gives a result its seq, for a trigger that is answered in its commit."""
    record = Record(arrival.part(0))
    record.fail(problem)
    compose(record, arrival.station)
    if (
        arrival.station.tracing is not None
        and arrival.trace is not None
        and record.result is not None
    ):
        arrival.station.tracing.begun(record.result.result_id, arrival.trace)

    def numbered(seq: int) -> Result:
        assert record.result is not None
        arrival.result = record.result.model_copy(update={"seq": seq})
        return arrival.result

    return numbered


def _told(trigger_id: str, answer: Answer | None, *, known: bool) -> AcceptedTrigger:
    result_id, seq, verdict = answer or (None, None, None)
    return AcceptedTrigger.made(  # all these values are our own
        trigger_id=trigger_id,
        known=known,
        state="waiting" if answer is None else "answered",
        result_id=result_id,
        seq=seq,
        verdict=verdict,
        evaluation=None if verdict is None else EVALUATION[verdict],
    )
