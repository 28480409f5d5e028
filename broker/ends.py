"""The two far ends of the promise, without any I/O: what a producer of triggers and a consumer of
results have to do.

Theory of operation (contract, section 2). MQTT ends at the broker, and a broker may forget all that
it holds. So the producer keeps each trigger and publishes the very same bytes again, at growing
intervals and after every reconnect, until it hears on `accepted` or `result` that the trigger is in
the ledger; the node inspects an id once, however often it comes. The consumer delivers the results
of a station in the order of `seq`, each once. Where one is missing, or `latest` or the node itself
is ahead of what it has, it asks `cmd/resend` for the range until it came; only what the node itself
no longer has is passed over, and that is told.

Both (broker/sending.py, broker/hearing.py) are machines in the manner of h11: `connected` and
`heard` take what happened, `due` gives what is to be published now, `wake_at` says when to ask
again. Times are seconds of one monotonic clock, given by what drives them: broker/threaded.py with
paho, broker/aio.py with aiomqtt. Nothing here blocks, and nothing is safe for threads.
"""

import json
import logging
import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from broker.topics import Names
from broker.wire import Message
from schemas import Problem, new_id, read_json
from schemas.command import MAX_COMMAND_BYTES

log = logging.getLogger(__name__)

FIRST_S = 1.0  # until the first repetition; doubled after that
LONGEST_S = 8.0
ANSWER_S = 30.0
WRONG_LIMIT = 10  # connections in a row that end as if the broker did not know the version
GRACE_S = 0.3  # what is on its way may close a gap: `latest` comes before its result


class Accepted(NamedTuple):
    """A trigger is in the ledger. `known`: by an earlier copy. Verdict and the rest are None while
    the part waits."""

    station: str
    trigger_id: str
    known: bool
    result_id: str | None = None
    seq: int | None = None
    verdict: str | None = None
    evaluation: int | None = None


class Answered(NamedTuple):
    """The result of a trigger that was added with `result`: all of it, or what `accepted` says if
    the node no longer has it."""

    station: str
    trigger_id: str
    result: dict[str, Any]


class Delivered(NamedTuple):
    """The next result of a station."""

    station: str
    result: dict[str, Any]


class Gone(NamedTuple):
    """The node no longer has these results, the seq given included: they were too old, or the
    ledger was damaged. They are skipped."""

    station: str
    first: int
    last: int


Event = Accepted | Answered | Delivered | Gone


class End(Protocol):
    """One end of the promise, as its driver sees it."""

    @property
    def filters(self) -> tuple[str, ...]:
        """The topics to subscribe to, on every connection."""

    def connected(self, now: float) -> None:
        """There is a new connection and all is subscribed; the broker may have forgotten
        everything."""

    def heard(self, topic: str, payload: bytes, *, retain: bool, now: float) -> list[Event]:
        """A message came, on any topic. Returns what follows from it. Never raises: anybody may
        have sent anything."""

    def due(self, now: float) -> list[Message]:
        """What is to be published now. Each message is scheduled again, and so given once more if
        nothing comes of it."""

    def wake_at(self) -> float:
        """When `due` next has something; infinite if it never will unless a message comes."""


class MqttVersions:
    """Which version of MQTT to speak: 5 unless the broker does not; what was spoken once is not
    given up over an outage."""

    def __init__(self, *, v5: bool = True) -> None:
        self.v5 = v5
        self._first = v5
        self._spoken = False
        self._wrong = 0

    def spoken(self) -> None:
        """The connection works."""
        self._spoken, self._wrong = True, 0

    def failed(self, *, wrong: bool) -> None:
        """No connection came about; `wrong` if it looked as if the broker, or a proxy before it,
        did not know this version."""
        self._wrong = self._wrong + 1 if wrong else 0
        if self._wrong > WRONG_LIMIT:  # there is another broker now
            self._spoken = False
        if not self._spoken:
            self.v5 = not self.v5 if wrong else self._first


def tell(call: Callable[..., None], *given: Any) -> None:
    """Call a callback that was handed to us: what it raises is logged, and keeps nothing from the
    callbacks after it."""
    try:
        call(*given)
    except Exception:
        log.exception("%s failed", getattr(call, "__qualname__", call))


def read_object(topic: str, payload: bytes) -> dict[str, Any] | None:
    """The JSON object in a message; None, with a warning, if there is none. Anybody may have sent
    anything. Empty is {}."""
    if not payload:
        return {}
    try:
        value = read_json(payload, limit=2 * MAX_COMMAND_BYTES)
    except Problem as problem:
        log.warning("%s: %s", topic, problem.message)
        return None
    return value if isinstance(value, dict) else None


def resend(names: Names, station: str, wanted: dict[str, Any]) -> tuple[str, Message]:
    """The id of the request, a new one each time (an old one would be answered without being done),
    and the command."""
    request_id = new_id()
    body = json.dumps(
        {"request_id": request_id, "station": station, **wanted}, separators=(",", ":")
    )
    return request_id, Message(names("cmd", "resend"), body.encode(), expiry_s=math.ceil(LONGEST_S))


def back_off(tries: int, longest_s: float = LONGEST_S) -> float:
    """Seconds until the next try: doubled each time, and slightly different for everybody who
    waits."""
    return min(longest_s, FIRST_S * float(2 ** min(tries - 1, 10))) * random.uniform(0.8, 1.0)
