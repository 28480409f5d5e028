"""One connection as it is served: subscribed to, its marks, what comes in over it, and what goes
out.

It begins with CONNACK, whose terms are kept (terms.py). Then we subscribe (subscriptions.py) and
send the marker (marking.py), and once that is back results flow (results.py), served in turns with
all else that goes out (turns.py).
"""

import logging
import socket
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from broker.acks import Ack
from broker.connection import Connection
from broker.lane import Lane
from broker.marking import PROBE_S, Marking
from broker.outbox import Outbox
from broker.presence import Ask, Presence
from broker.reading import Backlog, Delivery, ReadTriggers
from broker.reasons import Reasons
from broker.results import Results
from broker.side import ConnectionEnd, Times
from broker.subscriptions import Subscriptions
from broker.terms import Terms
from broker.turns import Turns
from broker.wire import Incoming, Message
from schemas import Problem
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

OFFLINE = b'{"state":"Offline"}'
WILL_DELAY_S = 5
SUBACK_S = 10.0


class Lasting(NamedTuple):
    """What lasts longer than a connection, and who hears of what comes: see Session."""

    settings: BrokerSettings
    lane: Lane
    times: Times
    outbox: Outbox
    presence: Presence
    subscriptions: Subscriptions
    results: Results
    turns: Turns
    reading: ReadTriggers
    reasons: Reasons
    take: Callable[[list[Delivery]], None]
    command: Callable[[str, Incoming, Backlog | None], None]
    beat: Callable[[], None]
    online: Callable[[], None]
    pump: Callable[[], float]


class Served:
    """See the head of this file. The side of its connection: everything is called on the session's
    thread."""

    def __init__(self, lasting: Lasting, ask: Ask) -> None:
        names = lasting.outbox.names
        self.kind: Literal["persistent", "volatile"] | None = None  # None until it is on line
        self.marking: Marking | None = None
        self.connection = Connection(
            lasting.settings,
            ask,
            self,
            lasting.outbox.wake,
            will=Message(names("state"), OFFLINE, retain=True) if lasting.lane.will else None,
            will_delay_s=WILL_DELAY_S,
            beat=lasting.beat,
            times=lasting.times,
        )
        self._lasting = lasting
        self._granted: Literal["persistent", "volatile"] = "volatile"
        self._connected_at = 0.0
        self._rewound = True
        self._greeted = False
        self._triggers = names.prefix("trigger")
        self._commands = names.prefix("cmd")
        self._result = names.prefix("result")
        self._marker = names("_fence")

    def run(
        self, sock: socket.socket, stopping: Callable[[], bool], last: Callable[[], Message | None]
    ) -> ConnectionEnd:
        """Serve over a socket that was dialled until it ends or `stopping`; see Connection."""
        return self.connection.run(sock, stopping, last)

    @property
    def passed(self) -> bool:
        """Whether results flow: connected and past the fence."""
        return self.connection.online and self.marking is not None and self.marking.fence.passed

    @property
    def current(self) -> bool:
        """Whether nothing comes late, on the way or here."""
        oldest = self._lasting.reading.oldest
        handed_over = oldest is None or time.monotonic() - oldest[0] < PROBE_S
        return handed_over and self.marking is not None and self.marking.behind_s == 0

    @property
    def current_at(self) -> float:
        """Up to here (monotonic seconds) all that came was handed over: what was only read comes
        again, that much older."""
        now = time.monotonic()
        oldest = self._lasting.reading.oldest
        at = now if self.marking is None else self.marking.current_at
        backlog_s = None if self.marking is None else self.marking.fence.backlog_s
        return min(
            at, now if oldest is None else oldest[1], now if backlog_s is None else now - backlog_s
        )

    # Side of the connection

    def connected(self, said: Terms) -> None:
        """CONNACK came."""
        lasting = self._lasting
        lasting.presence.came()
        lasting.presence.answered(said)
        lasting.lane.connected(session_present=said.session_present)
        lasting.turns.begin()
        lasting.reading.began(session_present=said.session_present)
        lasting.reasons.connected(said)
        self._connected_at = time.monotonic()
        self._granted = "persistent" if said.expiry_s > 0 else "volatile"
        self.marking = Marking(
            lasting.turns,
            self._marker,
            session_present=said.session_present,
            outage_s=lasting.presence.outage_s,
            keepalive_s=said.keepalive_s,
        )
        lasting.subscriptions.begin(wildcards=said.wildcards, session_present=said.session_present)

    def subscribed(self, topic: str, refused: str | None, qos: int) -> None:
        """SUBACK came for one filter: once all are answered, the node is on line."""
        subscriptions, results = self._lasting.subscriptions, self._lasting.results
        subscriptions.answered(topic, refused, qos)
        if subscriptions.hears is not None:
            self._lasting.lane.hears_commands(subscriptions.hears)
        if not subscriptions.answered_all:
            return
        results.answered(echoing=subscriptions.echoing)
        assert self.marking is not None
        self.marking.answered(echoing=subscriptions.echoing)
        if self.kind is None:
            self.kind = self._granted
            self._lasting.lane.online()
            self._lasting.online()

    def unsubscribed(self, topics: list[str], refused: str | None) -> None:
        """UNSUBACK came: the other connection has the commands."""
        if refused is not None:
            log.warning(
                "the broker does not end the subscription to %s: %s", ", ".join(topics), refused
            )
            return
        self._lasting.subscriptions.left(topics)
        self._lasting.lane.left_commands()

    def received(self, message: Incoming, ack: Ack) -> None:
        """A message came: triggers wait for turn(), an echo until its confirmation is committed,
        the rest is done with."""
        lasting, connection, marking, topic = (
            self._lasting,
            self.connection,
            self.marking,
            message.topic,
        )
        assert marking is not None
        trigger = topic.startswith(self._triggers)
        marking.heard(work=trigger or topic.startswith(self._commands))
        backlog = Backlog(marking.age_s) if marking.age_s is not None else None
        if trigger:
            fenced = marking.fence.backlog_s is not None
            lasting.reading.came(topic[len(self._triggers) :], message, ack, backlog, fenced=fenced)
            return
        if topic.startswith(self._result):
            if not lasting.results.echo(message.payload, lambda: connection.ack(ack)):
                return
        elif topic.startswith(self._commands):
            lasting.command(topic[len(self._commands) :], message, backlog)
        elif topic == self._marker and marking.came(message.payload):
            self._pass_fence()
        connection.ack(ack)

    @property
    def full(self) -> bool:
        """Whether too many triggers wait for any more to be read."""
        return self._lasting.reading.full

    def turn(self) -> None:
        """A batch of what was read is handed over."""
        self._lasting.reading.turn(self._lasting.take, self.connection)

    def pong(self) -> None:
        """A ping came back."""
        assert self.marking is not None
        self.marking.pong()

    def stalled(self, since: float) -> None:
        """What comes until the next answer may have waited since then."""
        assert self.marking is not None
        self.marking.stalled(self.connection, since)

    def confirmed(self, message: Message, code: int, reason: str | None) -> None:
        """PUBACK came for a message of ours."""
        if message.topic == self._marker and self.marking is not None:
            if reason is None:
                self.marking.taken(message.payload)
            else:
                self.marking.refused()
        self._lasting.turns.answered(self.connection, message, code, reason)

    def pump(self) -> float:
        """The session sends by send(), and tells how things are."""
        return self._lasting.pump()

    def send(self) -> float:
        """Send markers, then what is urgent, results and the rest; seconds until there is more to
        do."""
        lasting, marking = self._lasting, self.marking
        if marking is None:
            return PROBE_S
        now = time.monotonic()
        self._ask(now)
        unstored = lasting.reading.unstored
        lasting.reasons.triggers_wait(
            f"triggers wait, since they cannot be stored: {unstored.message}" if unstored else None
        )
        if unstored:
            marking.fence.hold()
        if self.kind is not None and marking.probe(
            self.connection, now, held=len(lasting.reading) > 0
        ):
            self._pass_fence()
        wait_s = lasting.reading.wait_s
        wait_s = marking.probe_s / 2 if wait_s is None else wait_s
        try:
            if not self._rewound:
                lasting.results.rewind()
                self._rewound = True
            flush = lasting.outbox.flush_asked()
            lasting.results.settle(now, flush=flush)
            if not self._quiet:
                wait_s = min(wait_s, lasting.turns.pump(self.connection, now, marking.fence))
            lasting.reasons.ledger_fails(None)
        except Problem as problem:
            # the ledger: results on their way stay as they are, and are looked at again; all else
            # goes out
            lasting.reasons.ledger_fails(
                f"what goes out cannot be read or confirmed: {problem.message}"
            )
            wait_s = min(wait_s, lasting.turns.pump(self.connection, now, None))
        return min(wait_s, lasting.results.told(now))

    @property
    def _quiet(self) -> bool:
        """Whether only subscriptions go out, SUBACK_S at most: a suspected filter or topic is tried
        with nothing beside it."""
        return self.kind is None and (
            self._lasting.subscriptions.careful or self._lasting.turns.suspects
        )

    def _ask(self, now: float) -> None:
        """Subscribe to what is not, or not yet, granted, and leave what the other connection
        has."""
        subscriptions, lane = self._lasting.subscriptions, self._lasting.lane
        if left := subscriptions.hear(lane.wants_commands()):
            self.connection.unsubscribe(left)
        self._greeted = self._greeted or lane.may_greet() or subscriptions.hears is not None
        self._lasting.turns.greet(self._greeted)
        subscriptions.again()
        if asked := self._lasting.subscriptions.take():
            self.connection.subscribe(asked)
        if self.kind is None and now - self._connected_at > SUBACK_S:
            self.connection.fail(
                "unanswered", f"the broker does not answer the subscriptions within {SUBACK_S:g} s"
            )

    def _pass_fence(self) -> None:
        self._rewound = False
        self._lasting.outbox.attend(True)
        self._lasting.outbox.nudge()
