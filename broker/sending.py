"""The producer's end, without I/O: triggers that are repeated until they are accepted. See
broker/ends.py."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.ends import GRACE_S, Accepted, Answered, Event, back_off, read_object, resend
from broker.topics import Names
from broker.wire import Message
from schemas import Problem, new_id
from schemas.trigger import as_trigger

TRIGGERS_LIMIT = 1000  # triggers that wait to be accepted


@dataclass
class Waiting:
    """A trigger under way; `trouble` is what the driver could say about its last try."""

    station: str
    trigger_id: str
    message: Message
    added_at: float
    wants_result: bool
    next_at: float
    tries: int = 0
    accepted: Accepted | None = None
    asked: set[str] = field(default_factory=set)


class Sending:
    """The producer's end: triggers that are repeated until they are accepted, or until their result
    is there."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._waiting: dict[str, Waiting] = {}

    @property
    def filters(self) -> tuple[str, ...]:
        """See End."""
        return (
            self._names("accepted", "+"),
            self._names("result", "+"),
            self._names("reply", "resend"),
        )

    def add(
        self, station: str, trigger: Mapping[str, Any], now: float, *, result: bool = False
    ) -> str:
        """Take a trigger (a new id is given to one without); its id. With `result` it is followed
        until its result is there.

        Raises Problem BAD_TRIGGER, and BUSY if the id is under way already, or 1000 are.
        """
        checked = as_trigger(
            {
                "trigger_id": new_id(),
                **{key: value for key, value in trigger.items() if value is not None},
            }
        )
        body = {**checked.model_dump(mode="json", exclude_none=True), "ack": True}
        trigger_id = str(checked.trigger_id)
        if trigger_id in self._waiting:
            raise Problem("BUSY", f"trigger {trigger_id} is under way already")
        if len(self._waiting) >= TRIGGERS_LIMIT:
            raise Problem("BUSY", f"{TRIGGERS_LIMIT} triggers wait to be accepted")
        payload = json.dumps(
            body, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        ).encode()
        message = Message(self._names("trigger", station), payload)
        self._waiting[trigger_id] = Waiting(station, trigger_id, message, now, result, next_at=now)
        return trigger_id

    def drop(self, trigger_id: str) -> Accepted | None:
        """Stop following it, and return what is known about it: None if it may not be in the
        ledger."""
        waiting = self._waiting.pop(trigger_id, None)
        return waiting.accepted if waiting else None

    def follows(self, trigger_id: str) -> bool:
        """Whether a trigger is still followed."""
        return trigger_id in self._waiting

    @property
    def under_way(self) -> int:
        """How many triggers are followed."""
        return len(self._waiting)

    def connected(self, now: float) -> None:
        """See End: whatever waits is published at once, in the order in which it was added."""
        for waiting in self._waiting.values():
            waiting.next_at = now

    def heard(self, topic: str, payload: bytes, *, retain: bool, now: float) -> list[Event]:  # noqa: ARG002
        """See End."""
        kind, _, leaf = topic.removeprefix(f"{self._names.base}/{self._names.node}/").partition("/")
        if (
            kind not in ("accepted", "result", "reply")
            or (value := read_object(topic, payload)) is None
        ):
            return []
        if kind == "reply":
            return self._replied(value)
        waiting = self._waiting.get(str(value.get("trigger_id")))
        if waiting is None or waiting.station != leaf:
            return []
        if kind == "accepted":
            return self._accepted(waiting, value, now)
        events: list[Event] = []
        if waiting.accepted is None:
            events.append(_accepted(waiting, {**value, "known": False}))
        if waiting.wants_result:
            events.append(Answered(leaf, waiting.trigger_id, value))
        del self._waiting[waiting.trigger_id]
        return events

    def _accepted(self, waiting: Waiting, value: dict[str, Any], now: float) -> list[Event]:
        first = waiting.accepted is None
        waiting.accepted = _accepted(waiting, value)
        if not waiting.wants_result:
            del self._waiting[waiting.trigger_id]
        elif first or value.get("state") == "answered":
            # its result is on its way, or lost, and can then be asked for
            waiting.tries = 0
            waiting.next_at = now + (
                GRACE_S if value.get("state") == "answered" else _pause(waiting)
            )
        return [waiting.accepted] if first else []

    def _replied(self, reply: dict[str, Any]) -> list[Event]:
        """The node no longer has the result that was asked for: what `accepted` said about it is
        all there is."""
        error = reply.get("error")
        if not isinstance(error, dict) or error.get("code") != "RESULT_NOT_FOUND":
            return []
        for waiting in self._waiting.values():
            if reply.get("request_id") in waiting.asked and waiting.accepted is not None:
                del self._waiting[waiting.trigger_id]
                known = {
                    key: each for key, each in waiting.accepted._asdict().items() if key != "known"
                }
                return [Answered(waiting.station, waiting.trigger_id, known)]
        return []

    def due(self, now: float) -> list[Message]:
        """See End: triggers, and for those that are answered and whose result did not come, a
        request to send it again."""
        messages = []
        for waiting in self._waiting.values():
            if waiting.next_at > now:
                continue
            waiting.tries += 1
            waiting.next_at = now + _pause(waiting)
            if waiting.accepted is not None and waiting.accepted.verdict is not None:
                request, message = resend(
                    self._names, waiting.station, {"trigger_ids": [waiting.trigger_id]}
                )
                waiting.asked.add(request)
                messages.append(message)
            else:
                age_ms = int((now - waiting.added_at) * 1000)
                user = (
                    (("attempt", str(waiting.tries)), ("age_ms", str(age_ms)))
                    if waiting.tries > 1
                    else ()
                )
                messages.append(waiting.message._replace(user=user))
        return messages

    def wake_at(self) -> float:
        """See End."""
        return min((waiting.next_at for waiting in self._waiting.values()), default=math.inf)


def _accepted(waiting: Waiting, value: Mapping[str, Any]) -> Accepted:
    known = value.get("known") is True
    answer = (value.get(key) for key in ("result_id", "seq", "verdict", "evaluation"))
    return Accepted(waiting.station, waiting.trigger_id, known, *answer)


def _pause(waiting: Waiting) -> float:
    return back_off(max(1, waiting.tries))
