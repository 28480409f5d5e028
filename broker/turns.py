"""What goes out when: markers, what is urgent, results and the rest share the credits of one
connection.

Theory of operation. Whatever goes out takes a credit of the broker's receive maximum. What is asked
for or must be known at once (replies, what was accepted, state, alarms) goes before results and has
a few credits for itself, since a flood holds confirmations up. Results go before the rest, and
every few messages the rest has its turn before the results. A topic in trouble (troubles.py) is
served alone, for which all others wait a moment, or not at all: its newest value waits, its results
wait in the ledger, anything else of it is dropped and counted. Each message is brought within the
packet limit (fit.py), and what cannot be is not sent, and told. What had no answer when a
connection ended goes again.
"""

import logging
import time
from collections import deque

from broker.connection import Connection
from broker.fence import Fence
from broker.fit import fitted
from broker.outbox import Committed, Outbox
from broker.results import Results, Sent
from broker.troubles import TOO_LARGE, Troubles
from broker.wire import Message

log = logging.getLogger(__name__)

SPACING_S = 0.05  # between two newest values of a topic
LINE_LIMIT = 1000
TURN = 4
ALONE_S = 2.0  # how long all others wait for a topic that must be tried alone
IDLE_S = 0.5
URGENT = ("reply", "accepted", "state", "alarm")
KEPT = 16  # one of this many credits is kept for these


class Turns:
    """See the head of this file. Used on the session's thread."""

    def __init__(self, outbox: Outbox, results: Results, troubles: Troubles) -> None:
        self.counters = {"resent": 0, "refused": 0, "shortened": 0, "unsendable": 0}
        self._outbox = outbox
        self._names = outbox.names
        self._results = results
        self._troubles = troubles
        self._urgent: deque[Message] = deque()
        self._rest: deque[Message] = deque()
        self._newest_at: dict[str, float] = {}
        # the result of each station whose short form went out last
        self._shortened: dict[str, str] = {}
        self._greets = True
        self._turn = 0
        self._attempts = 0
        self._alone: str | None = None  # the topic for which all others wait, no longer than
        self._alone_until = 0.0

    @property
    def waits(self) -> bool:
        """Whether there is more to send than newest values."""
        return bool(self._urgent or self._rest or self._results.in_flight) or not self._outbox.empty

    @property
    def suspects(self) -> bool:
        """Whether any topic is in trouble, or may be."""
        return bool(self._troubles)

    def greet(self, allowed: bool) -> None:
        """Whether the state may be published; until then it waits."""
        self._greets = allowed

    def begin(self) -> None:
        """A new connection."""
        self._attempts += 1
        self._alone = None

    def end(self, connection: Connection, marker: str) -> None:
        """A connection is over: what had no answer goes again, newest values and results by
        themselves."""
        for message in reversed(connection.window.unanswered):
            if message.retain:
                self._outbox.retain_again(message)
            elif not isinstance(message.token, Sent) and message.qos and message.topic != marker:
                self._line_of(message).appendleft(message)

    def take_back(self) -> list[Message]:
        """What waits here to go out, for somebody else to send."""
        waiting = [*self._urgent, *self._rest]
        self._urgent.clear()
        self._rest.clear()
        return waiting

    def answered(
        self, connection: Connection, message: Message, code: int, reason: str | None
    ) -> None:
        """PUBACK came: `reason` if it was refused."""
        if message.topic == self._alone:
            self._alone = None
        if callable(message.token) and code != TOO_LARGE:
            message.token()
        if reason is None:
            self._troubles.taken(message.topic, connection.size(message))
            if isinstance(message.token, Sent):
                self._results.acked(message.token, sure=message.qos > 0)
            return
        log.warning("the broker refused a message to %s: %s", message.topic, reason)
        self.counters["refused"] += 1
        self._troubles.refused(message, connection.size(message), code, reason)
        if isinstance(message.token, Sent):
            self._results.refused(message.token)
        elif message.retain:
            self._outbox.retain_again(message)
        elif code == TOO_LARGE:
            self._rest.appendleft(message)

    def marker(self, connection: Connection, message: Message) -> bool:
        """Send a marker, before all others but one that must be alone; False if it cannot go
        now."""
        waits = self._alone not in (None, message.topic) and time.monotonic() < self._alone_until
        if waits or connection.window.credits <= 0 or self._troubles.held(message.topic):
            return False
        if self._troubles.alone(message.topic):
            self._alone, self._alone_until = message.topic, time.monotonic() + ALONE_S
        connection.send(message)
        return True

    def pump(self, connection: Connection, now: float, fence: Fence | None) -> float:
        """Send while there is room, in turns; seconds until a newest value is due. Results only
        once the fence is passed.

        Without a fence no results, so the ledger is not asked. Raises Problem STORE_FAILED.
        """
        if len(self._urgent) + len(self._rest) < LINE_LIMIT:
            for message in self._outbox.take_misc():
                self._line_of(message).append(message)
        wait_s = self._due(now)
        if now > self._alone_until:
            self._alone = None
        assert connection.said is not None
        kept = connection.said.receive_max // KEPT
        while connection.room:
            self._turn += 1
            if connection.window.credits <= kept:
                if not self._one_of(self._urgent, connection):
                    break
                continue
            rest_first = self._turn % TURN == 0
            sent = (
                self._one_of(self._urgent, connection)
                or (rest_first and self._one_of(self._rest, connection))
                or (fence is not None and fence.passed and self._one_result(connection, fence))
                or (not rest_first and self._one_of(self._rest, connection))
            )
            if not sent:
                break
        return wait_s

    def _line_of(self, message: Message) -> deque[Message]:
        urgent = message.correlation is not None or self._names.name_of(message.topic) in URGENT
        return self._urgent if urgent else self._rest

    def _due(self, now: float) -> float:
        """Put newest values whose time has come in line; seconds until there are more."""
        wait_s = IDLE_S
        if len(self._rest) >= LINE_LIMIT:
            return wait_s  # they stay the newest until there is room
        due = []
        for topic in self._outbox.newest():
            left = self._newest_at.get(topic, 0.0) + SPACING_S - now
            if left > 0:
                wait_s = min(wait_s, left)
            elif not self._troubles.held(topic) and (self._greets or topic != self._names("state")):
                due.append(topic)
        for message in self._outbox.take_newest(due):
            self._newest_at[message.topic] = now
            self._line_of(message).append(message)
        return wait_s

    def _one_of(self, line: deque[Message], connection: Connection) -> bool:
        for number, message in enumerate(line):
            held = self._troubles.held(message.topic)
            if held or self._may_send(connection, message.topic):
                del line[number]
                if held:
                    self._put_back(message)
                else:
                    self._send(connection, message)
                return True
        return False

    def _put_back(self, message: Message) -> None:
        if message.retain:
            self._outbox.retain_again(message)
        else:
            self._outbox.drop(message)

    def _may_send(self, connection: Connection, topic: str, of_topic: int | None = None) -> bool:
        """Whether the topic's troubles allow a message now; a topic that must be alone makes the
        others wait until it can be."""
        if not self._troubles:
            return True
        if self._alone not in (None, topic):
            return False
        if of_topic is None:
            of_topic = connection.window.of(topic)
        if self._alone is None and self._troubles.alone(topic) and not self._troubles.held(topic):
            self._alone, self._alone_until = topic, time.monotonic() + ALONE_S
        return self._troubles.may_send(topic, len(connection.window), of_topic)

    def _one_result(self, connection: Connection, fence: Fence) -> bool:
        row = self._results.next(
            lambda station, n: self._may_send(connection, self._names("result", station), n)
        )
        if row is None:
            return False
        if self._shortened.get(row.station) != row.result_id:
            self._shortened[row.station] = row.result_id
            short = self._outbox.short(row.station, row.payload)
            if short is not None:
                self._urgent.append(short)  # it goes first, with a credit of its own
                return True
        user: tuple[tuple[str, str], ...] = ()
        if row.id <= self._results.maybe_sent:
            self.counters["resent"] += 1
            if not fence.trusted or row.id <= self._results.maybe_confirmed:
                user = (("attempt", str(max(2, self._attempts))),)
        if (
            self._outbox.contexts
            and (trace := self._outbox.contexts.get(row.result_id)) is not None
        ):
            user = (*user, ("traceparent", trace))
        self._send(
            connection, Message(self._names("result", row.station), row.payload, user=user), row
        )
        return True

    def _send(self, connection: Connection, message: Message, row: Committed | None = None) -> None:
        """Send a message within the packet limit, or report that it cannot be sent."""
        assert connection.said is not None
        limit = self._troubles.limit_of(message.topic, connection.said.max_packet)
        fit = fitted(message, limit, self._names, connection.v5) if limit else message
        if fit is None:
            self.counters["unsendable"] += 1
            log.warning(
                "a message to %s does not fit into a packet of %d bytes and is not sent",
                message.topic,
                limit or 0,
            )
            if row is not None:  # it stays in the ledger, and its station waits
                self._troubles.refused(
                    message, 0, 0, f"not even the shortest result fits into {limit} bytes"
                )
            return
        if fit is not message:
            self.counters["shortened"] += 1
        connection.send(fit if row is None else fit._replace(token=self._results.sent(row)))
