"""One connection to the broker: one paho client that lives as long as its TCP connection and is
never reused.

Theory of operation. Paho's own reconnect sends in-flight messages again, so a client is thrown away
with its connection. One thread owns the client: it waits on the socket and on a wake-up, reads,
sends, and is the only one to call paho at all, so nothing in here needs a lock. What one look at
the socket brings is handed over together, so that many triggers share a commit, and the thread
looks up between two such batches. What goes out is within the broker's window (window.py), and
nothing is handed to a socket that is still full. Whether the connection lives is our own decision:
a ping is always on its way, and a broker that says nothing for `dead_s` is gone, whatever keep
alive it asked for. A raised exception in a paho callback would kill the thread while is_connected()
stays true, so each is guarded: it ends the connection instead, and whatever was not acknowledged
comes again.

One file: one paho client, all of whose callbacks share the state of one connection.
"""

import contextlib
import logging
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from broker.acks import Ack, Acks
from broker.fit import size_of
from broker.presence import Ask
from broker.side import ENDINGS, REFUSALS, ConnectionEnd, Side, Times, told
from broker.terms import RECEIVE_MAX, WINDOW, Terms, terms
from broker.window import Window
from broker.wire import Incoming, Message, PahoClient, incoming, properties, properties_of
from schemas import Problem
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

PASS_S = 1.0
READ_S = 0.05
FILTERS = 8  # in one SUBSCRIBE: it must be within the packet limit too


class Connection:
    """See the head of this file. run() returns when the connection is over; the other methods are
    for its callbacks."""

    def __init__(
        self,
        settings: BrokerSettings,
        ask: Ask,
        side: Side,
        wake: int,
        *,
        will: Message | None,
        will_delay_s: int,
        beat: Callable[[], None],
        times: Times,
    ) -> None:
        self.settings = settings
        self.side = side
        self.v5 = ask.v5
        self.online = False
        self.ended: ConnectionEnd | None = None
        self.said: Terms | None = None
        self.window = Window()
        self._times = times
        self._beat = beat
        # an eventfd of the owner, which writes to it when there is something to send
        self._wake = wake
        self._asked: dict[int, list[str]] = {}
        self._heard_at = time.monotonic()
        self._looked_at = time.monotonic()
        # as the settings ask, but never later than dead_s: a keep alive of 10 s means 15 s
        self._dead_s = min(times.dead_s, max(4.0, 1.5 * settings.keepalive_s))
        self.client = PahoClient(
            settings,
            ask.client_id,
            v5=ask.v5,
            clean=False,
            manual_ack=True,
            ponged=self._guard(self._on_pong),
            arrived=self._guard(self._on_arrived),
        )
        self._acks = Acks(self.client.ack)
        self._pings: deque[int] = deque()
        self.client.on_connect = self._guard(self._on_connect)
        self.client.on_subscribe = self._guard(self._on_subscribe)
        self.client.on_message = self._guard(self._on_message)
        self.client.on_publish = self._guard(self._on_publish)
        self.client.on_disconnect = self._guard(self._on_disconnect)
        self.client.on_unsubscribe = self._guard(self._on_unsubscribe)
        if will is not None:
            given = None
            if self.v5:
                given = properties(PacketTypes.WILLMESSAGE)
                given.WillDelayInterval = will_delay_s
            self.client.will_set(
                will.topic, will.payload, ask.will_qos, will.retain and ask.will_retain, given
            )

    # The thread's loop

    def run(
        self, sock: socket.socket, stopping: Callable[[], bool], last: Callable[[], Message | None]
    ) -> ConnectionEnd:
        """Serve over a socket that was dialled, until the connection ends or `stopping`, and say
        why it ended.

        A stop ends in order: `last` is sent and its confirmation waited for, up to the limit; the
        session is kept.
        """
        try:
            self.client.begin(
                sock, self.settings.keepalive_s, self.settings.session_expiry_s, RECEIVE_MAX
            )
            self._serve(stopping)
            if self.ended is None:
                self._farewell(last())
        except OSError as error:
            self.fail("lost" if self.online else "closed", f"{self.settings.url}: {error}")
        finally:
            self.online = False
            with contextlib.suppress(OSError):
                sock.close()
        return self.ended or ConnectionEnd("lost", "the connection was lost")

    def fail(self, reason: str, message: str, code: int | None = None) -> None:
        """End the connection without a farewell: what was not acknowledged comes again."""
        self.ended = self.ended or ConnectionEnd(reason, message, code)

    def _serve(self, stopping: Callable[[], bool]) -> None:
        client = self.client
        sock: Any = client.socket()
        waiter = select.poll()
        waiter.register(self._wake, select.POLLIN)
        give_up = time.monotonic() + self._times.connect_s
        wait_s, waited_for = 0.0, 0
        while self._holds(sock) and not stopping():
            self._beat()
            wanted = (0 if self.side.full else select.POLLIN) | (
                select.POLLOUT if client.want_write() else 0
            )
            if wanted != waited_for:
                waiter.register(sock, wanted)
                waited_for = wanted
            limit_s = 0.0 if sock.pending() and not self.side.full else min(wait_s, PASS_S)
            began = time.monotonic()
            ready = dict(waiter.poll(limit_s * 1000))
            self._look(began, limit_s)
            if self._wake in ready:
                os.eventfd_read(self._wake)
            if (sock.fileno() in ready or sock.pending()) and not self.side.full:
                self._read(sock)
            if self.online and self._holds(sock):
                self._guard(self.side.turn)()
                client.flush()
            if self.online and self._holds(sock):
                wait_s = self.side.pump()
                client.flush()
            elif time.monotonic() > give_up:
                self.fail(
                    "silent",
                    f"{self.settings.url} did not answer CONNECT within"
                    f" {self._times.connect_s:g} s",
                )
            else:
                wait_s = PASS_S / 4
            if self._holds(sock) and client.want_write():
                client.loop_write()
            if self.side.full:  # nobody checks whether it says anything
                self._heard_at = time.monotonic()
            elif self.online and time.monotonic() - self._heard_at > self._dead_s:
                self.fail("dead", f"the broker has said nothing for {self._dead_s:g} s")

    def _look(self, began: float, limit_s: float) -> None:
        """Note when the socket was looked at, and tell if that was late: poll took longer than it
        was asked to, or was called late."""
        now = time.monotonic()
        late_s = began - self._looked_at + max(0.0, now - began - limit_s)
        if late_s > PASS_S:
            # we were away, not the broker
            self._heard_at = max(self._heard_at, now - self._dead_s / 2)
            if self.online:
                self.side.stalled(now - late_s)
        self._looked_at = now

    def _read(self, sock: Any) -> None:
        """Read what is there, for a moment at most."""
        self._heard_at = time.monotonic()
        until = self._heard_at + READ_S
        while (
            not self.client.loop_read()
            and self._holds(sock)
            and sock.pending()
            and not self.side.full
        ):
            if time.monotonic() > until:
                break
        self._looked_at = time.monotonic()

    def _holds(self, sock: Any) -> bool:
        return self.ended is None and self._open(sock)

    def _open(self, sock: Any) -> bool:
        return sock is not None and self.client.socket() is sock

    def _farewell(self, last: Message | None) -> None:
        self.ended = ConnectionEnd("stopped", "the node stops")
        sock: Any = self.client.socket()
        if not self.online or sock is None:
            return
        waiter = select.poll()
        waiter.register(sock, select.POLLIN)
        self.client.flush()
        until = time.monotonic() + self._times.farewell_s
        while (last or self.window.unanswered) and time.monotonic() < until and self._open(sock):
            if last is not None and (self.window.credits > 0 or not last.qos):
                self.send(last)
                last = None
            if sock.pending() or waiter.poll(READ_S * 1000):
                self.client.loop_read()
            self.client.flush()
            self.client.loop_write()
        self.client.disconnect()
        self.client.loop_write()

    # Sending

    @property
    def room(self) -> bool:
        """Whether a QoS 1 message may be sent: the broker allows one more, and the socket has taken
        all before it."""
        return self.window.credits > 0 and not self.client.want_write()

    def send(self, message: Message) -> None:
        """Hand one message to paho, which writes it at once; QoS 1 takes a credit until the broker
        confirms."""
        assert self.said is not None
        qos = min(message.qos, self.said.max_qos)
        retain = message.retain and self.said.retain
        given = properties_of(message) if self.v5 else None
        info = self.client.publish(message.topic, message.payload, qos, retain, given)
        self.window.sent(info.mid, message._replace(qos=qos), self._acks.asked() if qos else 0)

    def size(self, message: Message) -> int:
        """The most bytes that its packet can have."""
        return size_of(message, self.v5)

    def ack(self, ack: Ack, message: Incoming | None = None) -> None:
        """Acknowledge a message that came over this connection; `message` is its content, given if
        it matters that it may come again."""
        if self.ended is None:
            self._acks.ack(ack, message)

    @property
    def unsure(self) -> list[Incoming]:
        """Messages that were dealt with and may come again over the next connection."""
        return self._acks.unsure

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._pings.append(self._acks.asked())
        self.client.ping()

    def subscribe(self, topics: list[str]) -> None:
        """Subscribe to these filters; subscribed() reports each answer."""
        options = SubscribeOptions(qos=1, retainAsPublished=False) if self.v5 else None
        for first in range(0, len(topics), FILTERS):
            some = topics[first : first + FILTERS]
            asked: Any = [(topic, options if self.v5 else 1) for topic in some]
            _, mid = self.client.subscribe(asked)
            assert mid is not None
            self._asked[mid] = some

    def unsubscribe(self, topics: list[str]) -> None:
        """Unsubscribe from these filters; unsubscribed() reports the answer."""
        for first in range(0, len(topics), FILTERS):
            some = topics[first : first + FILTERS]
            _, mid = self.client.unsubscribe(some)
            assert mid is not None
            self._asked[mid] = some

    # Callbacks of paho, on the thread above

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Problem as problem:  # expected: what could not be done comes again
                self.fail("callback", problem.message)
            except Exception as error:
                log.exception("callback %s failed, the connection ends", callback.__name__)
                self.fail("callback", f"{type(error).__name__}: {error}")

        return guarded

    def _on_connect(
        self, _client: Any, _userdata: Any, flags: Any, reason: ReasonCode, given: Any
    ) -> None:
        if reason.is_failure:
            message = f"the broker refused the connection: {told(reason, given)}"
            self.fail(REFUSALS.get(reason.value, "turned_away"), message, reason.value)
            return
        self.said = terms(self.settings, bool(flags.session_present), given if self.v5 else None)
        self.window.open(min(WINDOW, self.said.receive_max))
        self.online = True
        self.side.connected(self.said)

    def _on_subscribe(
        self, _client: Any, _userdata: Any, mid: int, reasons: list[ReasonCode], given: Any
    ) -> None:
        for topic, reason in zip(self._asked.pop(mid, []), reasons, strict=False):
            self.side.subscribed(
                topic, told(reason, given) if reason.is_failure else None, reason.value
            )

    def _on_unsubscribe(
        self, _client: Any, _userdata: Any, mid: int, reasons: list[ReasonCode], given: Any
    ) -> None:
        failed = [told(reason, given) for reason in reasons if reason.is_failure]
        self.side.unsubscribed(self._asked.pop(mid, []), failed[0] if failed else None)

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._on_arrived(incoming(message), message.mid)

    def _on_arrived(self, message: Incoming, mid: int) -> None:
        # NATS delivers again what is not acknowledged for 30 s
        if not message.qos or self._acks.came(mid):
            self.side.received(message, Ack(mid, message.qos))

    def _on_publish(
        self, _client: Any, _userdata: Any, mid: int, reason: ReasonCode, given: Any
    ) -> None:
        answered = self.window.answered(mid)
        if answered is None:
            return
        self._confirm(answered.before)
        self._acks.answered(answered.number)
        self.side.confirmed(
            answered.message, reason.value, told(reason, given) if reason.is_failure else None
        )

    def _on_pong(self) -> None:
        self._confirm(self.window.written())
        if self._pings:
            self._acks.answered(self._pings.popleft())
        self.side.pong()

    def _confirm(self, written: list[Message]) -> None:
        for message in written:
            self.side.confirmed(message, 0, None)

    def _on_disconnect(
        self, _client: Any, _userdata: Any, flags: Any, reason: ReasonCode, given: Any
    ) -> None:
        if getattr(flags, "is_disconnect_packet_from_server", False):
            self.fail(
                ENDINGS.get(reason.value, "ended"),
                f"the broker ended the connection: {told(reason, given)}",
                reason.value,
            )
        else:
            self.fail("lost" if self.online else "closed", "the connection was lost")
