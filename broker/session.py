"""The durable session of a node: intake, outbox and the echo fence, over one fresh connection after the other.

Theory of operation (contract, section 2). Intake: a trigger is acknowledged when `intake` returns, and that is when the
trigger is in the ledger. Outbox: a committed result waits in the ledger until the broker confirms it; results go out in
the order of their commits. Echo fence: our persistent session subscribes to our own results, so the broker itself
remembers what it got from us. After a reconnect we publish a marker to ourselves; whatever echoes before the marker was
delivered and leaves the outbox, and only the rest is sent again. An echo is acknowledged after its row has left the outbox,
so an echo lost to a crash comes again. Where the broker lost our session or refuses the subscription there are no echoes to
trust: what may have been sent before goes out again with the user property `attempt`.

Whatever arrives before the marker is backlog: it was sent while we were away, for as long as `outage_s` says.
"""

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import paho.mqtt.client as mqtt

from broker.connection import Ack, Connection, Ended
from broker.outbox import Outbox, Row
from broker.wire import Incoming, Message
from schemas import new_id
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

OFFLINE = b'{"state":"Offline"}'
WILL_DELAY_S = 5
FENCE_S = 10.0
UNFENCED_S = 2.0
SPACING_S = 0.05
BACKOFF_S = (1.0, 30.0)
REFUSED_RETRY_S = 5.0
BATCH = 64
ECHOES = 8  # less than any broker's receive maximum: unacknowledged echoes must not hold triggers up
ECHO_S = 0.02
LOSSES_A_MINUTE = 3
RESULT_HEAD = b'{"schema":"result/1","result_id":"'


class Ledger(Protocol):
    """What the session needs of the ledger."""

    def pending(self, after: int, limit: int) -> Sequence[Row]: ...

    def confirmed(self, result_ids: list[str]) -> None: ...

    def confirm_soon(self, result_id: str, settled: Callable[[], None]) -> None: ...

    def flush(self) -> bool: ...

    def outbox_last(self) -> int: ...


class Backlog(NamedTuple):
    """A trigger was sent while the node was away, for at most this long."""

    outage_s: float


class Delivery(NamedTuple):
    """A trigger as the broker delivered it; `redelivered` says that it may be one that was delivered before."""

    station: str
    message: Incoming
    backlog: Backlog | None
    redelivered: bool


class _Sent:
    """A result on its way: `acked_at` is set by PUBACK; the echo, or a second without one, ends it."""

    __slots__ = ("acked_at", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.acked_at: float | None = None


class Session:
    """The node's side of the broker. Everything public may be called from any thread.

    take(deliveries) commits triggers, all of them, or raises. command(name, message, backlog) takes a command and returns
    at once. notice(what, message) hears about what changed: online, offline, refused, taken_over.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        outbox: Outbox,
        ledger: Ledger,
        take: Callable[[list[Delivery]], None],
        command: Callable[[str, Incoming, Backlog | None], None],
        notice: Callable[[str, str], None],
        alive_file: Path,
    ) -> None:
        self.names = outbox.names
        self.beat_ns = time.monotonic_ns()
        self.kind: Literal["persistent", "volatile"] | None = None  # None while away
        self.counters = {"connects": 0, "echoes": 0, "resent": 0, "refused": 0}
        self._settings = settings
        self.client_id = f"inspection-node-{self.names.node}"
        self._outbox = outbox
        self._ledger = ledger
        self._take = take
        self._command = command
        self._notice = notice
        self._alive_file = alive_file
        self._protocol: int = mqtt.MQTTv5
        self._stopping = threading.Event()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._cursor = 0
        self._in_flight: dict[str, _Sent] = {}
        self._maybe_sent = ledger.outbox_last()  # rows up to here may have been sent over an earlier connection
        self._attempts = 1
        self._hold_until = 0.0
        self._swept_at = 0.0
        self._echoes: deque[tuple[Connection, Ack]] = deque()  # whose confirmations are committed
        self._echoes_waiting = 0
        self._echoed_at = 0.0
        self._newest_at: dict[str, float] = {}
        self._last: Message | None = None
        # fence
        self._nonce: str | None = None
        self._fenced = False
        self._session_present = False
        self._granted: Literal["persistent", "volatile"] = "persistent"
        self._echoing = False
        self._trust_echo = False
        self._fence_until = 0.0
        self._outage_s = self._away_since_alive()
        self._offline_at = time.monotonic()
        self._alive_at = 0.0
        self._losses: deque[float] = deque(maxlen=LOSSES_A_MINUTE + 1)
        self._triggers = self.names.prefix("trigger")
        self._commands = self.names.prefix("cmd")
        self._results = self.names.prefix("result")
        self._fence = self.names("_fence")

    # For other threads

    def start(self) -> None:
        """Begin connecting."""
        self._thread.start()

    @property
    def online(self) -> bool:
        """Whether results flow: connected and past the fence."""
        connection = self._connection
        return connection is not None and connection.online and self._fenced

    @property
    def protocol(self) -> Literal["5.0", "3.1.1"]:
        """Version of MQTT that is spoken."""
        return "5.0" if self._protocol == mqtt.MQTTv5 else "3.1.1"

    def stop(self, last: bytes | None, limit_s: float) -> None:
        """Send what waits, then the last state, and leave; the broker keeps our session."""
        self._last = Message(self.names("state"), last, retain=True) if last is not None else None
        until = time.monotonic() + limit_s / 2
        while self.online and time.monotonic() < until and (self._in_flight or not self._outbox.empty):
            self._outbox.nudge()
            time.sleep(0.01)
        self._stopping.set()
        self._outbox.nudge()
        self._thread.join(limit_s)

    # The thread

    def _run(self) -> None:
        self._outbox.attend(False)
        failures = 0
        while not self._stopping.is_set():
            ended, was_fenced = self._one_connection()
            if self._stopping.is_set():
                return
            failures = 0 if was_fenced else failures + 1
            delay = self._after(ended, failures)
            self._beat()
            until = time.monotonic() + delay
            while not self._stopping.is_set() and time.monotonic() < until:
                self._stopping.wait(min(0.5, until - time.monotonic()))
                self._beat()

    def _one_connection(self) -> tuple[Ended, bool]:
        subscriptions = (
            self.names("trigger", "+"),
            self.names("cmd", "+"),
            self.names("result", "+"),
            self._fence,
        )
        will = Message(self.names("state"), OFFLINE, retain=True)
        connection = Connection(
            self._settings,
            self.client_id,
            self,
            subscriptions,
            self._outbox.wake,
            protocol=self._protocol,
            will=will,
            will_delay_s=WILL_DELAY_S,
            beat=self._beat,
        )
        self._fenced = False
        self._echoes.clear()
        self._echoes_waiting = 0
        self._connection = connection
        try:
            ended = connection.run(self._stopping.is_set, lambda: self._last)
        except Exception as error:  # a fault of ours or of paho's: the next connection starts clean, and it is told
            log.exception("the connection to the broker failed")
            ended = Ended("fault", f"{type(error).__name__}: {error}")
        self._connection = None
        was_fenced, self._fenced = self._fenced, False
        self._outbox.attend(False)
        if self.kind is not None:
            self._offline_at = time.monotonic()
            self.kind = None
            self._notice("offline", ended.message)
        if self._in_flight:
            self._maybe_sent = max(self._maybe_sent, *(sent.row.id for sent in self._in_flight.values()))
            self._confirm([result_id for result_id, sent in self._in_flight.items() if sent.acked_at is not None])
            self._in_flight.clear()
        self._rewind()
        return ended, was_fenced

    def _after(self, ended: Ended, failures: int) -> float:
        """Seconds until the next try; tells who must know."""
        low, high = BACKOFF_S
        delay = min(high, low * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)
        if ended.reason in ("protocol", "closed") and self._protocol == mqtt.MQTTv5 and failures >= 2:
            log.warning("the broker does not speak MQTT 5 (%s): trying MQTT 3.1.1", ended.message)
            self._protocol = mqtt.MQTTv311
            return low
        if ended.reason == "closed" and self._protocol == mqtt.MQTTv311:
            self._protocol = mqtt.MQTTv5
        if ended.reason in ("refused", "tls"):
            delay = high * random.uniform(0.5, 1.0)
            self._notice("refused", ended.message)
        elif ended.reason in ("taken_over", "lost") and failures == 0:
            # not every broker says that another client took our session over: it may look like a lost connection
            now = time.monotonic()
            self._losses.append(now)
            if len(self._losses) > LOSSES_A_MINUTE and now - self._losses[0] < 60:
                delay = high * random.uniform(0.5, 1.0)
                message = f"lost again and again: does another client use the id {self.client_id}, or is the network bad?"
                self._notice("taken_over", message)
            else:
                self._notice("away", ended.message)
        else:
            self._notice("away", ended.message)
        log.warning("broker: %s; next try in %.1f s", ended.message, delay)
        return float(max(delay, low))

    def _beat(self) -> None:
        self.beat_ns = time.monotonic_ns()
        if self.kind is not None and time.monotonic() - self._alive_at > 0.5:
            self._alive_at = time.monotonic()
            self._alive_file.write_text(f"{_boot()} {time.monotonic_ns()}")

    def _away_since_alive(self) -> float:
        """Seconds since the last run was last online; infinite if another boot, or none."""
        try:
            boot, at_ns = self._alive_file.read_text().split()
            return (time.monotonic_ns() - int(at_ns)) / 1e9 if boot == _boot() else float("inf")
        except (OSError, ValueError):
            return float("inf")

    # Side of the connection: called on the thread above

    def connected(self, session_present: bool, persistent: bool) -> None:
        """CONNACK came."""
        self._granted = "persistent" if persistent else "volatile"
        self.counters["connects"] += 1
        if self.counters["connects"] > 1:
            self._outage_s = time.monotonic() - self._offline_at
            self._attempts += 1
        self._session_present = session_present
        # after a reboot the last confirmations may be forgotten here while the broker has forgotten the echoes
        self._trust_echo = session_present and self._outage_s != float("inf")
        self._nonce = None
        self._fence_until = time.monotonic() + FENCE_S

    def subscribed(self, refused: list[str]) -> None:
        """SUBACK came: send the marker, or go on without a fence."""
        assert self._connection is not None
        if refused:
            self._notice("refused", f"the broker refuses the subscription to {', '.join(refused)}")
        if self.names("result", "+") in refused or self._fence in refused:
            self._trust_echo = self._echoing = False
            self._fence_until = time.monotonic() + UNFENCED_S
        else:
            self._echoing = True
            self._nonce = new_id()
            marker = json.dumps({"nonce": self._nonce}, separators=(",", ":")).encode()
            self._connection.send(Message(self._fence, marker))
        self.kind = self._granted
        self._notice("online", self.protocol)

    def received(self, message: Incoming, ack: Ack) -> bool:
        """A message came. True acknowledges it; an echo is acknowledged by pump(), once its confirmation is committed."""
        topic = message.topic
        if topic.startswith(self._results):
            return self._echo(message, ack)
        if topic.startswith(self._triggers):
            backlog = None if self._fenced or not self._session_present else Backlog(self._outage_s)
            redelivered = message.dup or (self._session_present and not self._fenced)
            self._take([Delivery(topic[len(self._triggers) :], message, backlog, redelivered)])
        elif topic.startswith(self._commands):
            backlog = None if self._fenced or not self._session_present else Backlog(self._outage_s)
            self._command(topic[len(self._commands) :], message, backlog)
        elif topic == self._fence and self._nonce is not None and self._nonce.encode() in message.payload:
            self._pass_fence()
        return True

    def confirmed(self, token: Any, refused: str | None) -> None:
        """PUBACK came for a message of ours."""
        if not isinstance(token, _Sent):
            if refused:
                self.counters["refused"] += 1
                log.warning("the broker refused a message: %s", refused)
            return
        if refused:
            self.counters["refused"] += 1
            self._in_flight.pop(token.row.result_id, None)
            self._hold_until = time.monotonic() + REFUSED_RETRY_S
            self._rewind()
            self._notice("result_refused", f"the broker refuses results: {refused}")
        elif self._echoing:
            token.acked_at = time.monotonic()
        else:
            self._confirm([token.row.result_id])

    def pump(self) -> float:
        """Send results in order, then the rest; seconds until there is more to do."""
        connection = self._connection
        if connection is None:
            return 1.0
        now = time.monotonic()
        if not self._fenced and now > self._fence_until and self.kind is not None:
            log.warning("no echo of the fence marker: going on without the fence")
            self._trust_echo = False
            self._pass_fence()
        wait_s = 1.0
        if (
            self._outbox.flush_wanted
            or self._echoes_waiting >= ECHOES
            or (self._echoes_waiting and now - self._echoed_at > ECHO_S)
        ):
            self._outbox.flush_wanted = False
            self._ledger.flush()
        if self._echoes_waiting:
            wait_s = ECHO_S
            while self._echoes:
                of, ack = self._echoes.popleft()
                self._echoes_waiting -= 1
                if of is connection:
                    connection.ack(ack)
        if now - self._swept_at > 1.0:
            self._swept_at = now
            self._confirm([i for i, sent in self._in_flight.items() if sent.acked_at and now - sent.acked_at > 1.0])
        if self._fenced and now >= self._hold_until:
            while connection.credits > 0 and (row := self._next_row()) is not None:
                self._send_result(connection, row)
        while connection.credits > 0 and self._outbox.misc:
            connection.send(self._outbox.misc.popleft())
        if connection.credits > 0:
            wait_s = min(wait_s, self._send_newest(connection, now))
        return wait_s

    # Results

    def _send_result(self, connection: Connection, row: Row) -> None:
        user: tuple[tuple[str, str], ...] = ()
        if row.id <= self._maybe_sent:
            self.counters["resent"] += 1
            if not self._trust_echo:
                user = (("attempt", str(max(2, self._attempts))),)
        sent = self._in_flight[row.result_id] = _Sent(row)
        connection.send(Message(self.names("result", row.station), row.payload, user=user, token=sent))

    def _next_row(self) -> Row | None:
        feed = self._outbox.take_rows()
        while True:
            while feed:
                row = feed.popleft()
                if row.id > self._cursor:
                    self._cursor = row.id
                    if row.result_id not in self._in_flight:
                        return row
            if not self._outbox.behind():
                return None
            rows = self._ledger.pending(self._cursor, BATCH)
            self._outbox.read(list(rows), more=len(rows) == BATCH)
            if not feed:
                return None

    def _rewind(self) -> None:
        self._ledger.flush()  # confirmations that stand in line count already
        self._outbox.rewind()
        self._cursor = 0

    def _confirm(self, result_ids: list[str]) -> None:
        if result_ids:
            self._ledger.confirmed(result_ids)
            for result_id in result_ids:
                self._in_flight.pop(result_id, None)

    def _echo(self, message: Incoming, ack: Ack) -> bool:
        payload = message.payload
        if not payload.startswith(RESULT_HEAD):
            return True
        result_id = payload[len(RESULT_HEAD) : len(RESULT_HEAD) + 36].decode("ascii", "replace")
        self.counters["echoes"] += 1
        self._in_flight.pop(result_id, None)
        connection = self._connection
        assert connection is not None
        if not self._echoes_waiting:
            self._echoed_at = time.monotonic()
        self._echoes_waiting += 1
        # the confirmation goes with the next commit, and the acknowledgement after it, on the same connection or never:
        # an echo lost to a crash in between comes again
        self._ledger.confirm_soon(result_id, partial(self._echoes.append, (connection, ack)))
        return False

    def _pass_fence(self) -> None:
        self._fenced = True
        self._outbox.attend(True)
        self._rewind()
        self._outbox.nudge()

    def _send_newest(self, connection: Connection, now: float) -> float:
        wait_s = 1.0
        due = []
        for topic in self._outbox.newest():
            left = self._newest_at.get(topic, 0.0) + SPACING_S - now
            if left <= 0:
                due.append(topic)
            else:
                wait_s = min(wait_s, left)
        messages = self._outbox.take_newest(due)
        for message in messages:
            self._newest_at[message.topic] = now
            connection.send(message)
        return wait_s


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
