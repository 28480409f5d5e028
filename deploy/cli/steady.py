"""Triggers at a steady rate, and what came of each, as a line would see it.

Theory of operation. Each trigger has a moment at which it is due, and its time counts from then on:
a node or a broker that becomes slow is not asked less often, and the time that triggers wait for it
counts. One loop sends what is due and takes what has come. A trigger is sent only once, so that a
loss is seen.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from broker.ends import read_object
from broker.link import Link, Waiter, WrongProtocol
from broker.topics import Names
from broker.wire import Message, new_client_id
from deploy.cli import show
from schemas import Problem, new_id
from schemas.settings import BrokerSettings
from schemas.trigger import as_trigger

CONNECT_S = 5.0
LOOK_S = 0.2
SETTLE_S = 0.5  # after the last result: what comes twice comes now
NUMBER = "{n}"  # in the payload: the number of the part


class SentPart:
    """One trigger and what came of it; times are monotonic seconds, None until they are known."""

    __slots__ = (
        "answers",
        "code",
        "confirmed_at",
        "due_at",
        "heard_at",
        "inspected",
        "sent_at",
        "station",
        "verdict",
    )

    def __init__(self, station: str, due_at: float) -> None:
        self.station = station
        self.due_at = due_at
        self.sent_at: float | None = None
        self.confirmed_at: float | None = None
        self.heard_at: float | None = None
        self.answers = 0
        self.verdict = ""
        self.code = ""
        self.inspected = False

    def take(self, result: dict[str, Any], now: float) -> None:
        """Its result, or one more of them."""
        self.answers += 1
        if self.answers == 1:
            self.heard_at = now
            self.verdict = str(result.get("verdict"))
            self.code = str((result.get("error") or {}).get("code") or "")
            self.inspected = result.get("captured_at") is not None


class Percentiles(NamedTuple):
    """Percentiles of some times, in ms."""

    p50: float
    p95: float
    p99: float
    worst: float


class TriggerOutcome(NamedTuple):
    """What came of the triggers of a station, or of all of them.

    times_ms: from when a trigger was due to its result, of the parts that were inspected; None if
    none was. confirmed_ms: to the broker's confirmation. late: sent more than 0.1 s after it was
    due, which its time includes. twice: came again, though nobody had asked for it.
    """

    station: str
    planned: int
    sent: int
    late: int
    answered: int
    lost: int
    twice: int
    not_inspected: int
    verdicts: dict[str, int]
    codes: dict[str, int]
    rate: float
    times_ms: Percentiles | None
    confirmed_ms: Percentiles | None

    @property
    def good(self) -> bool:
        """Whether every trigger was sent, inspected, and answered exactly once."""
        return self.sent == self.planned and not (self.lost or self.twice or self.not_inspected)


def plan(stations: Sequence[str], rate: float, seconds: float) -> list[tuple[float, str]]:
    """When each station gets its triggers, in s from the start: `rate` per second, in turns."""
    gap = 1 / (rate * len(stations))
    return [
        (n * gap, stations[n % len(stations)])
        for n in range(max(1, round(rate * seconds)) * len(stations))
    ]


def template(text: str) -> dict[str, Any]:
    """The keys that every trigger gets. Raises Problem BAD_TRIGGER."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise Problem("BAD_TRIGGER", f"--payload is no JSON: {error}") from None
    if not isinstance(given, dict) or given.get("trigger_id"):
        raise Problem("BAD_TRIGGER", "--payload is an object without trigger_id, which is given")
    as_trigger({"trigger_id": "x", **_numbered(given, 1)})
    return given


def run(
    link: Link,
    names: Names,
    due: Iterable[tuple[float, str]],
    payload: dict[str, Any],
    patience_s: float,
    tell: Callable[[int], None] = lambda _: None,
) -> list[SentPart]:
    """Send each trigger when it is due and wait for its result; what came of each.

    patience_s: how long the last ones are waited for. It ends when the connection does, and on
    Ctrl-C.
    """
    name, began = new_id(), time.monotonic()
    parts = [SentPart(station, began + at) for at, station in due]
    window = int(link.properties.get("ReceiveMaximum", 65535))
    unconfirmed: set[int] = set()
    sent, heard, until = 0, 0, math.inf
    with link.listening(*{names("result", part.station): None for part in parts}) as waiter:
        try:
            while (now := time.monotonic()) < until and link.ended is None:
                wait_s = LOOK_S
                if sent == len(parts):
                    until = min(until, now + (patience_s if heard < sent else SETTLE_S))
                elif len(unconfirmed) >= window:
                    wait_s = 0.001
                elif (wait_s := parts[sent].due_at - now) <= 0:
                    _send(link, names, f"{name}-{sent}", sent, parts[sent], payload, unconfirmed)
                    sent += 1
                    tell(sent)
                heard += _take(waiter, max(0.0, min(wait_s, LOOK_S)), name, parts)
        except KeyboardInterrupt:
            show.note("ended early")
        _take(waiter, 0.0, name, parts)
        if waiter.missed:
            raise Problem(
                "BUSY", f"{waiter.missed} results came faster than this machine takes them"
            )
    return parts


def connected(settings: BrokerSettings) -> Link:
    """A connection of our own. Raises Problem BROKER_AWAY."""
    try:
        return Link(settings, new_client_id("load"), CONNECT_S)
    except WrongProtocol:
        return Link(settings, new_client_id("load"), CONNECT_S, v5=False)


def account(station: str, parts: Sequence[SentPart]) -> TriggerOutcome:
    """What came of these parts."""
    sent = [part for part in parts if part.sent_at is not None]
    answered = [part for part in sent if part.answers]
    seconds = max((part.due_at for part in parts), default=0.0) - min(
        (part.due_at for part in parts), default=0.0
    )
    return TriggerOutcome(
        station=station,
        planned=len(parts),
        sent=len(sent),
        late=sum(part.sent_at - part.due_at > 0.1 for part in sent if part.sent_at is not None),
        answered=len(answered),
        lost=len(sent) - len(answered),
        twice=sum(part.answers > 1 for part in answered),
        not_inspected=sum(not part.inspected for part in answered),
        verdicts=dict(sorted(Counter(part.verdict for part in answered).items())),
        codes=dict(Counter(part.code for part in answered if part.code).most_common()),
        rate=round((len(parts) - 1) / seconds, 2) if seconds else 0.0,
        times_ms=percentiles((part.heard_at, part.due_at) for part in answered if part.inspected),
        confirmed_ms=percentiles((part.confirmed_at, part.due_at) for part in sent),
    )


def percentiles(times: Iterable[tuple[float | None, float]]) -> Percentiles | None:
    """Percentiles of the spans, each from the second time to the first; None if there are none."""
    ordered = sorted(1000 * (end - begin) for end, begin in times if end is not None)
    if not ordered:
        return None
    return Percentiles(
        *(
            round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 2)
            for part in (0.5, 0.95, 0.99, 1.0)
        )
    )


def _send(
    link: Link,
    names: Names,
    trigger_id: str,
    number: int,
    part: SentPart,
    payload: dict[str, Any],
    unconfirmed: set[int],
) -> None:
    body = {"trigger_id": trigger_id, **_numbered(payload, number + 1)}
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

    def confirmed(taken: bool) -> None:
        if taken:
            part.confirmed_at = time.monotonic()
        unconfirmed.discard(number)

    unconfirmed.add(number)
    part.sent_at = time.monotonic()
    link.send(Message(names("trigger", part.station), data), confirmed)


def _take(waiter: Waiter, wait_s: float, name: str, parts: Sequence[SentPart]) -> int:
    """Take what has come; how many parts have their first answer now."""
    first = 0
    while (received := waiter.take(wait_s)) is not None:
        now, wait_s = time.monotonic(), 0.0
        value = read_object(received.topic, received.payload) or {}
        ours, _, number = str(value.get("trigger_id")).rpartition("-")
        if ours == name and not (parts[int(number)].answers and "resend" in dict(received.user)):
            part = parts[int(number)]
            part.take(value, now)
            first += part.answers == 1
    return first


def _numbered(payload: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        key: value.replace(NUMBER, str(number)) if isinstance(value, str) else value
        for key, value in payload.items()
    }
