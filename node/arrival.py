"""A trigger on its way into the ledger: read from its payload, and checked whether its part can
still be there."""

import logging
import time
from dataclasses import dataclass
from typing import NamedTuple

from broker.reading import Delivery
from node.part import Part
from node.station import Station
from node.telemetry.tracing import context_of
from node.worker.seam import ReadyProgram
from schemas import Problem, Result, StationSettings, Trigger, canonical, new_id
from schemas.result import Source
from schemas.store.ledger import NewTrigger
from schemas.trigger import EMPTY, claim, parse_trigger, seconds

log = logging.getLogger(__name__)


class Received(NamedTuple):
    """When something was received: seconds since 1970, and monotonic ns."""

    at: float
    ns: int

    @classmethod
    def now(cls, age_s: float = 0.0) -> "Received":
        """Received this many seconds ago."""
        return cls(time.time() - age_s, time.monotonic_ns() - int(age_s * 1e9))


@dataclass
class Arrival:
    """One trigger that came. `problem` is why it is answered without an inspection; `bad` its
    payload if it is not a trigger."""

    station: Station
    trigger: Trigger
    source: Source
    received: Received
    problem: Problem | None = None
    older_ms: float = 0.0  # how old it may have been when it was received
    bad: bytes | None = None
    redelivered: bool = False
    same: bool = False  # whether it is already in the ledger, and has come again
    # whether its producer says so: it did not hear that the trigger was accepted
    repeated: bool = False
    trigger_id: str = ""  # the trigger's own, or assigned
    trace: str | None = None
    known: bool = False  # as far as can be seen before the commit, which decides
    reserved: bool = False  # whether it has a place among the waiting ones
    early: ReadyProgram | None = None  # with which its worker looks at it already
    result: Result | None = None  # if it was answered in the commit

    def name(self) -> None:
        """Give it its id."""
        self.trigger_id = self.trigger.trigger_id or new_id()

    def new(self) -> NewTrigger:
        """As it goes into the ledger. A second one with its id is another if anything else but
        sent_at and ack differs."""
        same = self.trigger.model_dump(mode="json", exclude_none=True, exclude={"sent_at", "ack"})
        return NewTrigger(
            station=self.station.id,
            trigger_id=self.trigger_id,
            payload=canonical(same) if self.bad is None else self.bad,
            body=self.trigger.model_dump_json(exclude_none=True),
            assigned=self.trigger.trigger_id is None,
            source=self.source,
            received_at=self.received.at,
            received_ns=self.received.ns,
            older_ms=self.older_ms,
        )

    def part(self, row: int) -> Part:
        """The part that goes into the inspection, with its row in the ledger."""
        assigned = self.trigger.trigger_id is None
        times = (*self.received, self.older_ms, self.trace)
        return Part(
            row,
            self.station.id,
            self.trigger_id,
            self.trigger,
            assigned,
            self.source,
            *times,
            self.early,
        )


def read(delivery: Delivery, station: Station, received: Received) -> Arrival | None:
    """The trigger in a message; None if a button was released. What cannot be read has a problem,
    and the id it claims."""
    payload = delivery.message.payload
    try:
        trigger = parse_trigger(payload, station.settings.plain)
    except Exception as error:
        # whatever a payload can do to us, it is no trigger, and it must not come again
        if not isinstance(error, Problem):
            log.exception("a trigger could not be read")
        problem = (
            error if isinstance(error, Problem) else Problem("BAD_TRIGGER", type(error).__name__)
        )
        claimed = claim(payload)
        trigger = EMPTY.model_copy(update={"trigger_id": claimed.trigger_id, "ack": claimed.ack})
        return Arrival(
            station,
            trigger,
            "mqtt",
            received,
            problem,
            bad=payload,
            redelivered=delivery.redelivered,
            same=delivery.same,
            trace=context_of(delivery.message.user),
        )
    if trigger is None:
        return None
    user = dict(delivery.message.user)
    repeated_ms = _age_ms(user.get("age_ms", ""))
    away_s = (
        max(0.0, delivery.backlog.outage_s - delivery.waited_s)
        if delivery.backlog is not None
        else 0.0
    )
    older_ms = repeated_ms + away_s * 1000
    return Arrival(
        station,
        trigger,
        "mqtt",
        received,
        stale(trigger, station.settings, received, older_ms=older_ms, repeated_ms=repeated_ms),
        older_ms,
        redelivered=delivery.redelivered,
        same=delivery.same,
        repeated="attempt" in user,
        trace=context_of(delivery.message.user),
    )


def _age_ms(text: str) -> float:
    """How long before a repeated trigger its producer had first published it; 0 if it does not say
    so."""
    return min(float(text[:12]), 1e12) if text.isascii() and text.isdigit() else 0.0


def stale(
    trigger: Trigger,
    settings: StationSettings,
    received: Received,
    *,
    older_ms: float = 0.0,
    repeated_ms: float = 0.0,
    now_ns: int | None = None,
) -> Problem | None:
    """Why a trigger is too old to be inspected now, if it is: the one check for every source
    (contract, section 3).

    By sent_at, where clocks agree; else by how old it may have been when it was received
    (`older_ms`: it waited while the node was away, or its producer had sent it before) and the time
    since then. repeated_ms: how much of that its producer has told.
    """
    max_age_ms = trigger.max_age_ms or settings.max_age_ms
    waited_ms = ((now_ns or time.monotonic_ns()) - received.ns) / 1e6
    if trigger.sent_at is not None and settings.clocks_synced:
        age_ms = (received.at - seconds(trigger.sent_at)) * 1000 + waited_ms
        if age_ms > max_age_ms:
            return Problem(
                "TRIGGER_STALE", f"sent {age_ms:.0f} ms ago, at most {max_age_ms} ms are allowed"
            )
    if older_ms + waited_ms <= max_age_ms:
        return None
    if repeated_ms:
        message = (
            f"repeated {repeated_ms:.0f} ms after it was sent first, at most {max_age_ms} ms are"
            " allowed"
        )
    elif older_ms > max_age_ms:
        message = "it was sent while the node was away from the broker"
    elif older_ms:
        message = (
            f"it waited {waited_ms:.0f} ms and may have been {older_ms:.0f} ms old, at most"
            f" {max_age_ms} ms are allowed"
        )
    else:
        message = f"it waited {waited_ms:.0f} ms, at most {max_age_ms} ms are allowed"
    return Problem("TRIGGER_STALE", message)
