"""One connection to the broker: one paho client that lives as long as its TCP connection and is never reused.

Theory of operation. Paho's own reconnect sends in-flight messages again, so a client is thrown away with its connection.
One thread owns the client: it waits on the socket and on a wake-up, reads, sends, and is the only one to call paho at
all, so nothing in here needs a lock. Sending is bounded by credits (the broker's receive maximum), which come back with each
PUBACK. A raised exception in a
paho callback would kill the thread while is_connected() stays true, so each is guarded: it ends the connection instead, and
whatever was not acknowledged comes again.
"""

import contextlib
import logging
import os
import select
import ssl
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from broker.wire import Client, Incoming, Message, dial, incoming, properties, properties_of, reason_of
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

CONNECT_S = 5.0
WINDOW = 64
PASS_S = 1.0
READS = 16


class Ack(NamedTuple):
    """What acknowledges a message, on the connection over which it came and on no other."""

    mid: int
    qos: int


class Ended(NamedTuple):
    """Why a connection ended: a word for counters and a sentence for people."""

    reason: str
    message: str


class Side(Protocol):
    """Who a connection works for; every method is called on the connection's own thread."""

    def connected(self, session_present: bool, persistent: bool) -> None: ...

    def subscribed(self, refused: list[str]) -> None: ...

    def received(self, message: Incoming, ack: "Ack") -> bool:
        """True acknowledges; False leaves that to ack(), on this connection; raising ends the connection."""

    def confirmed(self, token: Any, refused: str | None) -> None: ...

    def pump(self) -> float:
        """Send what there is, by send(), while there are credits; seconds until it wants to be called again."""


class Connection:
    """See the head of this file. run() returns when the connection is over; the others are for its callbacks."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        side: Side,
        subscriptions: tuple[str, ...],
        wake: int,
        *,
        protocol: int = mqtt.MQTTv5,
        will: Message | None = None,
        will_delay_s: int = 0,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.side = side
        self.subscriptions = subscriptions
        self.protocol = protocol
        self.credits = WINDOW
        self.online = False
        self.ended: Ended | None = None
        self._beat = beat
        self._wake = wake  # an eventfd of the owner, who writes to it when there is something to send
        self._tokens: dict[int, Any] = {}
        self._v5 = protocol == mqtt.MQTTv5
        self.client = Client(settings, client_id, v5=self._v5, clean=False, manual_ack=True)
        self.client.on_connect = self._guard(self._on_connect)
        self.client.on_subscribe = self._guard(self._on_subscribe)
        self.client.on_message = self._guard(self._on_message)
        self.client.on_publish = self._guard(self._on_publish)
        self.client.on_disconnect = self._guard(self._on_disconnect)
        if will is not None:
            given = None
            if self._v5:
                given = properties(PacketTypes.WILLMESSAGE)
                given.WillDelayInterval = will_delay_s
            self.client.will_set(will.topic, will.payload, will.qos, will.retain, given)

    # The thread's loop

    def run(self, stopping: Callable[[], bool], last: Callable[[], Message | None], limit_s: float = 2.0) -> Ended:
        """Connect, serve until the connection ends or `stopping`, and say why it ended.

        A stop ends in order: `last` is sent and its confirmation waited for, up to the limit; the session is kept.
        """
        try:
            self._connect()
            self._serve(stopping)
            if self.ended is None:
                self._farewell(last(), limit_s)
        except ssl.SSLError as error:
            self.ended = Ended("tls", reason_of(error))
        except (OSError, UnicodeError) as error:
            self.ended = self.ended or Ended("unreachable", f"{self.settings.url}: {reason_of(error)}")
        finally:
            self.online = False
            self._close()
        return self.ended or Ended("lost", "the connection was lost")

    def fail(self, reason: str, message: str) -> None:
        """End the connection without a farewell: what was not acknowledged comes again."""
        self.ended = self.ended or Ended(reason, message)

    def _connect(self) -> None:
        sock = dial(self.settings, CONNECT_S)
        self.client.begin(sock, self.settings.keepalive_s, self.settings.session_expiry_s)

    def _serve(self, stopping: Callable[[], bool]) -> None:
        client = self.client
        sock: Any = client.socket()
        pending: Callable[[], int] = getattr(sock, "pending", lambda: 0)  # bytes that poll does not see
        waiter = select.poll()
        waiter.register(self._wake, select.POLLIN)
        give_up = time.monotonic() + CONNECT_S
        wait_s = 0.0
        waited_for = 0
        while self._holds(sock) and not stopping():
            self._beat()
            wanted = select.POLLIN | (select.POLLOUT if client.want_write() else 0)
            if wanted != waited_for:
                waiter.register(sock, wanted)
                waited_for = wanted
            ready = dict(waiter.poll(0 if pending() else min(wait_s, PASS_S) * 1000))
            if self._wake in ready:
                os.eventfd_read(self._wake)
            # paho reads one packet a call: take a few, so that a burst is worked off without a poll for each
            if sock.fileno() in ready or pending():
                for _ in range(READS):
                    if client.loop_read() or not self._holds(sock):
                        break
                    if not pending():
                        break
            if self._holds(sock):
                client.loop_misc()
            if self.online and self._holds(sock):
                wait_s = self.side.pump()
            else:
                wait_s = PASS_S
                if time.monotonic() > give_up:
                    self.fail("unreachable", "the broker did not answer CONNECT in time")
            if self._holds(sock) and client.want_write():
                client.loop_write()

    def _holds(self, sock: Any) -> bool:
        return self.ended is None and sock is not None and self.client.socket() is sock

    def _farewell(self, last: Message | None, limit_s: float) -> None:
        self.ended = Ended("stopped", "the node stops")
        sock: Any = self.client.socket()
        if not self.online or sock is None:
            return
        if last is not None:
            self.send(last)
        waiter = select.poll()
        waiter.register(sock, select.POLLIN)
        until = time.monotonic() + limit_s
        while self._tokens and time.monotonic() < until and self.client.socket() is sock:
            if waiter.poll(50):
                self.client.loop_read()
            self.client.loop_write()
        self.client.disconnect()
        self.client.loop_write()

    def _close(self) -> None:
        sock = self.client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()

    # Sending

    def send(self, message: Message) -> None:
        """Hand one message to paho, which writes it at once; QoS 1 takes a credit until the broker confirms."""
        given = properties_of(message) if self._v5 else None
        info = self.client.publish(message.topic, message.payload, message.qos, message.retain, given)
        if message.qos:
            self.credits -= 1
            self._tokens[info.mid] = message.token

    def ack(self, ack: Ack) -> None:
        """Acknowledge a message that came over this connection."""
        self.client.ack(*ack)

    # Callbacks of paho, on the thread above

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                log.exception("callback %s failed, the connection ends", callback.__name__)
                self.fail("callback", f"{type(error).__name__}: {error}")

        return guarded

    def _on_connect(self, _client: Any, _userdata: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self.fail(_word(reason), f"the broker refused the connection: {reason}")
            return
        self.credits = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self.online = True
        persistent = getattr(properties, "SessionExpiryInterval", self.settings.session_expiry_s) > 0
        self.side.connected(bool(flags.session_present), persistent)
        if not self.subscriptions:
            return
        options = SubscribeOptions(qos=1, retainAsPublished=True) if self._v5 else None
        topics: Any = [(topic, options if self._v5 else 1) for topic in self.subscriptions]
        self.client.subscribe(topics)

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: list[ReasonCode], _props: Any) -> None:
        pairs = zip(self.subscriptions, reasons, strict=False)
        self.side.subscribed([topic for topic, reason in pairs if reason.is_failure])

    def _on_message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        ack = Ack(message.mid, message.qos)
        done = self.side.received(incoming(message), ack)
        if done:
            client.ack(*ack)

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: ReasonCode, _props: Any) -> None:
        if mid in self._tokens:
            token = self._tokens.pop(mid)
            self.credits += 1
            self.side.confirmed(token, str(reason) if reason.is_failure else None)

    def _on_disconnect(self, _client: Any, _userdata: Any, flags: Any, reason: ReasonCode, _props: Any) -> None:
        if getattr(flags, "is_disconnect_packet_from_server", False):
            self.fail(_word(reason), f"the broker ended the connection: {reason}")
        else:
            self.fail("lost" if self.online else "closed", f"the connection was lost: {reason}")


def _word(reason: ReasonCode) -> str:
    name = str(reason).lower()
    if "taken over" in name:
        return "taken_over"
    if "protocol version" in name:
        return "protocol"
    if "authori" in name or "password" in name or "authentication" in name or "banned" in name:
        return "refused"
    return "ended"
