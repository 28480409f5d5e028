"""The durable session of a node: the order of a connection, one fresh connection after the other.

Theory of operation (contract, section 2). A connection is dialled elsewhere (dialling.py) and begins with CONNACK, whose terms
are kept (terms.py). Then we subscribe (subscriptions.py), send the marker (marking.py), and once it is back results flow
(results.py), served in turns with all else that goes out (turns.py). Triggers are handed over as they were read, many at a
time, and are acknowledged when `take` returns, which is when all of them are in the ledger. When to try again is
presence.py's. Under a flood more is read than is handed over: confirmations, commands and our own markers stand among the
triggers, and mosquitto 2.0.11 sends all that it has as soon as one message is acknowledged, whatever Receive Maximum says.

What the broker lacks, refuses or does to us is a sentence among the reasons of the alarm BROKER, each cleared by what ends it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from broker.acks import Ack
from broker.again import Again
from broker.connection import Connection
from broker.dialling import Dialling
from broker.marking import PROBE_S, Marking
from broker.outbox import Outbox
from broker.presence import Presence
from broker.results import Ledger, Results
from broker.side import Ended, Times
from broker.subscriptions import Subscriptions
from broker.terms import Terms, lacks
from broker.troubles import Troubles
from broker.turns import Turns
from broker.wire import Incoming, Message, reason_of
from schemas import Problem
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

OFFLINE = b'{"state":"Offline"}'
WILL_DELAY_S = 5
TELL_S = 0.1
SUBACK_S = 10.0
STAYS_S = 5.0  # how long what came late is told after it
WAITED_S = 5.0  # for a name, an address or a certificate, until that is told
REASONS_TOLD = 6
TAKE = 96  # triggers that are handed over together; between two such batches all else has its turn
LEAST = 16  # as many, where the broker takes so few results at a time that they could not follow
AHEAD = 16_384  # triggers that are read before those before them are handed over, and their bytes
AHEAD_BYTES = 16 * 1024 * 1024
HELD_S = 2.0  # triggers that cannot be stored are held so long, then the connection ends, and they come again
AGAIN_S = 0.25


class Backlog(NamedTuple):
    """A message was sent while the node was away, or came late: it is at most this old."""

    outage_s: float


class Delivery(NamedTuple):
    """A trigger as the broker delivered it `waited_s` ago.

    redelivered: it may have been delivered before; same: by its content it is one that was handed over already.
    """

    station: str
    message: Incoming
    backlog: Backlog | None
    redelivered: bool
    waited_s: float = 0.0
    same: bool = False


class Session:
    """The node's side of the broker. Everything public may be called from any thread.

    take(deliveries) commits triggers, all of them, or raises. command(name, message, backlog) takes a command and returns
    at once. notice(what, message) hears of "online", "offline" and "trouble": all reasons in one message, empty if there are
    none. stations and commands are subscribed one by one where the broker has no wildcards; `state` is the folder of what is
    remembered.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        outbox: Outbox,
        ledger: Ledger,
        take: Callable[[list[Delivery]], None],
        command: Callable[[str, Incoming, Backlog | None], None],
        notice: Callable[[str, str], None],
        state: Path,
        stations: tuple[str, ...] = (),
        commands: tuple[str, ...] = (),
        times: Times = Times(),  # noqa: B008  an immutable value
    ) -> None:
        self.names = outbox.names
        self.beat_ns = time.monotonic_ns()
        self.kind: Literal["persistent", "volatile"] | None = None  # None while away
        self.deaf: dict[str, str] = {}  # stations that cannot hear their triggers, and why
        self.reasons: tuple[str, ...] = ()
        self.connects = 0
        self._settings = settings
        self._outbox = outbox
        self._ledger = ledger
        self._take = take
        self._command = command
        self._notice = notice
        self._times = times
        self._presence = Presence(settings, self.names.node, state)
        self._dialling = Dialling(settings, times.connect_s, outbox.wake)
        self._subscriptions = Subscriptions(self.names, stations, commands)
        self._results = Results(outbox, ledger)
        self._troubles = Troubles(self._presence.longest, no_dots=self._presence.no_dots)
        self._turns = Turns(outbox, self._results, self._troubles)
        self._again = Again()
        self._marking: Marking | None = None
        self._stopping = threading.Event()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._last: Message | None = None
        self._said: dict[str, str] = {}  # what the broker lacks
        self._away: str | None = None  # why there is no connection
        self._read: deque[tuple[Delivery, Ack, float]] = deque()  # triggers, and when they were read
        self._read_bytes = 0
        self._unstored_at = 0.0  # since when they cannot be stored; 0 if they can, or have not been tried
        self._again_at = 0.0
        self._connected_at = 0.0
        self._late_at = float("-inf")
        self._store: str | None = None
        self._rewound = True
        self._told_at = 0.0
        self._triggers = self.names.prefix("trigger")
        self._commands = self.names.prefix("cmd")
        self._result = self.names.prefix("result")
        self._marker = self.names("_fence")

    # For other threads

    def start(self) -> None:
        """Begin connecting."""
        self._thread.start()

    @property
    def online(self) -> bool:
        """Whether results flow: connected and past the fence."""
        connection = self._connection
        marking = self._marking
        return connection is not None and connection.online and marking is not None and marking.fence.passed

    @property
    def protocol(self) -> Literal["5.0", "3.1.1"]:
        """Version of MQTT that is spoken."""
        return self._presence.version

    @property
    def client_id(self) -> str:
        """By what id the broker knows us."""
        return self._presence.client_id

    def stop(self, last: bytes | None, limit_s: float) -> None:
        """Send what waits, then the last state, and leave; the broker keeps our session."""
        self._last = Message(self.names("state"), last, retain=True) if last is not None else None
        until = time.monotonic() + limit_s
        while self.online and time.monotonic() < until - limit_s / 2 and self._turns.waits:
            self._outbox.nudge()
            time.sleep(0.01)
        self._stopping.set()
        self._outbox.nudge()
        self._thread.join(until - time.monotonic())
        self._dialling.leave()
        if not self._thread.is_alive():
            self._outbox.close()

    @property
    def counters(self) -> dict[str, int]:
        """What happened with the broker so far."""
        return {"connects": self.connects, "echoes": self._results.echoes, **self._turns.counters}

    # The thread

    def _run(self) -> None:
        self._outbox.attend(False)
        while not self._stopping.is_set():
            try:
                delay = self._one_connection()
            except Exception as error:  # a fault of ours: the next connection starts clean, and it is told
                log.exception("the connection to the broker failed")
                self._away, delay = f"{type(error).__name__}: {error}", 1.0
            self._tell()
            until = time.monotonic() + delay
            while not self._stopping.is_set() and time.monotonic() < until:
                self._stopping.wait(min(0.5, until - time.monotonic()))
                self._beat()

    def _one_connection(self) -> float:
        """Connect, serve, and say how long to wait before the next."""
        presence = self._presence
        ended, sock = Ended("stopped", ""), None
        while not self._stopping.is_set():
            sock, error = self._dialling.look()
            self._beat()
            if sock is not None:
                break
            if error is not None:
                reason = "tls" if type(error).__name__.startswith("SSL") else "unreachable"
                ended = Ended(reason, f"{self._settings.url}: {reason_of(error)}")
                break
            step, waited_s = self._dialling.waits
            if waited_s > WAITED_S:
                self._away = f"{self._settings.url} cannot be reached: {step}, for more than {WAITED_S:g} s"
                self._tell()
            self._stopping.wait(0.02 if waited_s < 1.0 else 0.25)
        stood_s = None
        blamed = False
        if sock is not None:
            ask = presence.ask()
            will = Message(self.names("state"), OFFLINE, retain=True)
            connection = Connection(
                self._settings,
                ask,
                self,
                self._outbox.wake,
                will=will,
                will_delay_s=WILL_DELAY_S,
                beat=self._beat,
                times=self._times,
            )
            self._connection = connection
            began = time.monotonic()
            try:
                ended = connection.run(sock, self._stopping.is_set, lambda: self._last)
            except Exception as error:
                log.exception("the connection to the broker failed")
                ended = Ended("fault", f"{type(error).__name__}: {error}")
            finally:
                stood_s = time.monotonic() - began if connection.said is not None else None
                blamed = self._leave(connection, ended)
        if self._stopping.is_set():
            with suppress(Problem):  # then these go again at the next start
                self._results.finish()
            return 0.0
        if stood_s is None and presence.adapt(ended.reason):
            return 0.0
        delay, again = presence.delay(ended.reason, stood_s, explained=blamed)
        self._away = ended.message
        if again and not blamed:
            self._away += f"; lost again and again: does another client use the id {self.client_id}, or is the network bad?"
        log.warning("broker: %s; next try in %.1f s", ended.message, delay)
        return delay

    def _leave(self, connection: Connection, ended: Ended) -> bool:
        """Put a connection away; True if a topic was to blame for its end."""
        self._connection = None
        self._outbox.attend(False)
        marking, self._marking = self._marking, None
        current_at = self._current_at(marking.current_at if marking else time.monotonic(), marking)
        self._again.ended(connection.unsure)
        self._read.clear()
        self._read_bytes = 0
        self._unstored_at = self._again_at = 0.0
        blamed = False
        if ended.reason in ("lost", "ended"):
            blamed = self._subscriptions.ended()
        if ended.reason in ("lost", "ended") and not blamed:
            sizes = [(message, connection.size(message)) for message in connection.window.unanswered]
            blamed = self._troubles.ended(sizes, ended.code, ended.message)
        self._turns.end(connection, self._marker)
        if self.kind is not None:
            self._presence.left(current_at)
            self.kind = None
            self._notice("offline", ended.message)
        self._results.end()
        return blamed

    def _current_at(self, at: float, marking: Marking | None) -> float:
        """Up to here all that came was handed over: what was only read comes again, and is as old as it is by then."""
        if self._read:
            delivery, _, read_at = self._read[0]
            at = min(at, read_at - (delivery.backlog.outage_s if delivery.backlog else 0.0))
        backlog_s = marking.fence.backlog_s if marking else None
        return at if backlog_s is None else min(at, time.monotonic() - backlog_s)

    def _beat(self) -> None:
        self.beat_ns = time.monotonic_ns()
        current = self._marking is not None and self._marking.behind_s == 0
        handed_over = not self._read or time.monotonic() - self._read[0][2] < PROBE_S
        self._presence.beat(online=self.kind is not None and current and handed_over)

    def _tell(self) -> None:
        """Bring the reasons up to date."""
        self._told_at = time.monotonic()
        reasons = [self._away] if self._away else []
        if self.kind is not None:
            reasons += self._said.values()
            reasons += self._subscriptions.told()
        reasons += self._troubles.told()
        longest = self._troubles.longest.known
        self._presence.learn(longest, no_dots=self._troubles.no_dots)
        if longest.limit and self.kind is not None:
            seems = "does not take" if longest.sure else "seems not to take"
            reasons.append(f"the broker {seems} packets of more than {longest.limit} bytes: they are shortened")
        if self._marking is not None and self._marking.swallowed:
            reasons.append(
                f"the broker does not bring back what the node publishes to {self._marker}: what waited at the broker is told "
                "from what is new by pauses only"
            )
        elif self._marking is not None and self._marking.fence.long:
            reasons.append(
                f"the broker has not yet brought back what the node published to {self._marker}: what comes before that is "
                "taken for old"
            )
        if time.monotonic() - self._late_at < STAYS_S:
            reasons.append("messages from the broker come late: what is older than its max_age_ms is not inspected")
        reasons += [each for each in (self._presence.problem, self._store) if each]
        deaf = self._subscriptions.deaf() if self.kind is not None else {}
        if tuple(reasons) != self.reasons or deaf != self.deaf:
            self.reasons, self.deaf = tuple(reasons), deaf
            more = len(reasons) - REASONS_TOLD
            told = [*reasons[:REASONS_TOLD], f"and {more} more"] if more > 0 else reasons
            self._notice("trouble", "; ".join(told))

    # Side of the connection: called on the thread above

    def connected(self, said: Terms) -> None:
        """CONNACK came."""
        presence = self._presence
        presence.came()
        presence.answered(said)
        self.connects += 1
        self._turns.begin()
        self._again.began(session_present=said.session_present)
        self._said = lacks(said, self._settings)
        if presence.version == "3.1.1":
            why = "refuses MQTT 5" if presence.said else "does not answer MQTT 5"
            self._said["protocol"] = f"the broker speaks MQTT 3.1.1 only (it {why}): what is sent again is not marked"
        if not presence.own_id and self._settings.client_id is None:
            self._said["client_id"] = f"the broker refuses our client id: the node is there as {presence.client_id}"
        self._away = None
        self._connected_at = time.monotonic()
        self._granted: Literal["persistent", "volatile"] = "persistent" if said.expiry_s > 0 else "volatile"
        self._marking = Marking(
            self._turns,
            self._marker,
            session_present=said.session_present,
            outage_s=presence.outage_s,
            keepalive_s=said.keepalive_s,
        )
        self._subscriptions.begin(wildcards=said.wildcards)

    def subscribed(self, topic: str, refused: str | None, qos: int) -> None:
        """SUBACK came for one filter: once all are answered, the node is on line."""
        self._subscriptions.answered(topic, refused, qos)
        if not self._subscriptions.answered_all:
            return
        self._results.echoing = self._subscriptions.echoing
        assert self._marking is not None
        self._marking.answered(echoing=self._results.echoing)
        if self.kind is None:
            self.kind = self._granted
            self._notice("online", self.protocol)

    def received(self, message: Incoming, ack: Ack) -> None:
        """A message came: triggers wait for turn(), an echo until its confirmation is committed, the rest is done with."""
        connection, marking, topic = self._connection, self._marking, message.topic
        assert connection is not None
        assert marking is not None
        marking.heard(trigger=topic.startswith(self._triggers))
        backlog = Backlog(marking.age_s) if marking.age_s is not None else None
        if topic.startswith(self._triggers):
            same = self._again.is_one(message)
            # before the fence, what comes again may have lost its DUP flag on the way
            redelivered = same or message.dup or marking.fence.backlog_s is not None
            delivery = Delivery(topic[len(self._triggers) :], message, backlog, redelivered, same=same)
            self._read.append((delivery, ack, time.monotonic()))
            self._read_bytes += len(message.payload)
            return
        if topic.startswith(self._result):
            if not self._results.echo(message.payload, lambda: connection.ack(ack)):
                return
        elif topic.startswith(self._commands):
            self._command(topic[len(self._commands) :], message, backlog)
        elif topic == self._marker and marking.came(message.payload):
            self._pass_fence()
        connection.ack(ack)

    @property
    def full(self) -> bool:
        """Whether so many triggers wait that no more should be read."""
        return len(self._read) >= AHEAD or self._read_bytes >= AHEAD_BYTES

    def turn(self) -> None:
        """A batch of what was read is handed over, and then acknowledged on the connection over which it came."""
        now = time.monotonic()
        if not self._read or now < self._again_at:
            return
        assert self._connection is not None
        assert self._connection.said is not None
        batch = list(islice(self._read, min(TAKE, max(LEAST, self._connection.said.receive_max))))
        try:
            self._take([_aged(delivery, now - read_at) for delivery, _, read_at in batch])
        except Problem:  # nothing is acknowledged; before this connection ends what is wrong is told over it
            self._unstored_at = self._unstored_at or now
            self._again_at = now + AGAIN_S
            if now - self._unstored_at > HELD_S:
                raise
            return
        self._unstored_at = 0.0
        for delivery, ack, _ in batch:
            self._read.popleft()
            self._read_bytes -= len(delivery.message.payload)
            self._connection.ack(ack, delivery.message)

    def pong(self) -> None:
        """A ping came back."""
        assert self._marking is not None
        self._marking.pong()

    def stalled(self, since: float) -> None:
        """What comes until the next answer may have waited since then."""
        assert self._connection is not None
        assert self._marking is not None
        self._marking.stalled(self._connection, since)

    def confirmed(self, message: Message, code: int, reason: str | None) -> None:
        """PUBACK came for a message of ours."""
        assert self._connection is not None
        if message.topic == self._marker and self._marking is not None:
            (self._marking.taken if reason is None else self._marking.refused)()
        self._turns.answered(self._connection, message, code, reason)

    def pump(self) -> float:
        """Send markers, then what is urgent, results and the rest; seconds until there is more to do."""
        connection, marking = self._connection, self._marking
        if connection is None or marking is None:
            return PROBE_S
        now = time.monotonic()
        self._ask(connection, now)
        if self.kind is not None and marking.probe(connection, now):
            self._pass_fence()
        self._late_at = max(self._late_at, marking.late_at)
        wait_s = marking.probe_s / 2
        if self._read:
            wait_s = AGAIN_S if self._unstored_at else 0.0
        try:
            if not self._rewound:
                self._results.rewind()
                self._rewound = True
            flush, self._outbox.flush_wanted = self._outbox.flush_wanted, False
            wait_s = min(wait_s, self._results.settle(now, flush=flush))
            wait_s = min(wait_s, self._turns.pump(connection, now, marking.fence))
            self._store = None
        except Problem as problem:  # the ledger: what is on its way stays so, and is looked at again
            self._store = f"what goes out cannot be read or confirmed: {problem.message}"
        if now - self._told_at > TELL_S:
            self._tell()
        return wait_s

    def _ask(self, connection: Connection, now: float) -> None:
        """Subscribe to what is not, or not yet, granted."""
        self._subscriptions.again()
        if asked := self._subscriptions.take():
            connection.subscribe(asked)
        if self.kind is None and now - self._connected_at > SUBACK_S:
            connection.fail("unanswered", f"the broker does not answer the subscriptions within {SUBACK_S:g} s")

    def _pass_fence(self) -> None:
        self._rewound = False
        self._outbox.attend(True)
        self._outbox.nudge()


def _aged(delivery: Delivery, waited_s: float) -> Delivery:
    """A delivery that was read so long ago is older by that."""
    backlog = delivery.backlog
    return delivery._replace(backlog=backlog and Backlog(backlog.outage_s + waited_s), waited_s=waited_s)
