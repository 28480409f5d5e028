"""One connection of a client to the broker: a paho client with its thread, from CONNECT to its end,
and never reused.

Callbacks run on paho's thread, partly while it holds its own locks: they only store and wake. So
nothing here calls paho while it holds `_state`, which the callbacks need.
"""

import contextlib
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

from broker.sockets import dial, reason_of
from broker.wire import Incoming, Message, PahoClient, incoming, properties_of
from schemas import Problem
from schemas.settings import BrokerSettings

ACK_S = 5.0
QUEUE_LIMIT = 1000
NO_SUBSCRIBERS = 0x10


class WrongProtocol(Problem):
    """The broker does not speak MQTT 5: it says so, or ends the connection instead of an answer."""


class Waiter:
    """A subscriber who waits for messages on some topics; `missed` counts those that did not fit
    into the queue."""

    def __init__(self, filters: tuple[str, ...]) -> None:
        self.filters = filters
        self.missed = 0
        self._queue: queue.Queue[Incoming | None] = queue.Queue(QUEUE_LIMIT)

    def offer(self, message: Incoming | None) -> None:
        """A message, or None for the end of the connection. Never waits."""
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self.missed += 1

    def take(self, wait_s: float) -> Incoming | None:
        """The next message; None if none came in time or the connection ended."""
        try:
            return self._queue.get(timeout=max(0.0, wait_s))
        except queue.Empty:
            return None


class Link:
    """See the head of this file. Connects at once; everything raises Problem BROKER_AWAY when it
    cannot be done.

    `ended` says why the connection is over, None while it is not. session_present and properties
    are those of CONNACK. quick_acks: whether what the broker sends is acknowledged at once
    (TCP_QUICKACK), which most clients do not do.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        limit_s: float,
        *,
        v5: bool = True,
        clean: bool = True,
        expiry_s: int = 0,
        quick_acks: bool = True,
    ) -> None:
        self.v5 = v5
        self.ended: str | None = None
        self.session_present = False
        self.properties: dict[str, Any] = {}
        self._state = threading.Condition()
        self._up = False
        self._other_protocol = False
        self._acks: dict[int, list[ReasonCode]] = {}
        self._confirmed: dict[int, Callable[[bool], None]] = {}
        self._waiters: list[Waiter] = []
        self._topics = threading.Lock()
        self._uses: Counter[str] = Counter()
        self._client = self._made(settings, client_id, clean)
        try:
            sock = dial(settings, limit_s)
            sock.quick_acks = quick_acks
            self._client.begin(sock, settings.keepalive_s, expiry_s)
        except (OSError, ValueError) as error:
            raise Problem("BROKER_AWAY", f"{settings.url}: {reason_of(error)}") from error
        self._client.loop_start()
        try:
            self._await(
                lambda: self._up, limit_s, f"{settings.url} did not answer within {limit_s:g} s"
            )
        except Problem as problem:
            self.close()
            if self._other_protocol:
                raise WrongProtocol("BROKER_AWAY", self.ended) from problem
            raise

    def close(self) -> None:
        """Leave the broker. It can be called twice."""
        self._client.disconnect()
        self._client.loop_stop()

    @contextlib.contextmanager
    def listening(self, *filters: str, subscribe: bool = True, qos: int = 1) -> Iterator[Waiter]:
        """Messages on these topics, from the broker's confirmation on, retained ones first."""
        waiter = Waiter(filters)
        with self._state:
            self._waiters.append(waiter)
        subscribed = []
        try:
            for each in filters if subscribe else ():
                subscribed.append(each)
                self.subscribe(each, qos)
            yield waiter
        finally:
            with self._state:
                self._waiters.remove(waiter)
            with self._topics:
                for each in subscribed:
                    self._uses[each] -= 1
                    if self._uses[each] == 0:
                        del self._uses[each]
                        self._client.unsubscribe(each)

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """Subscribe; returns when the broker has confirmed."""
        # so that an unsubscription of another thread cannot come after our subscription
        with self._topics:
            self._uses[topic] += 1
            error, mid = self._client.subscribe(topic, qos)
        for reason in self._acknowledged(error, mid, f"the subscription to {topic}"):
            if reason.is_failure:
                raise Problem("BROKER_AWAY", f"it refuses the subscription to {topic}: {reason}")

    def publish(self, message: Message) -> bool:
        """Publish; returns when the broker has confirmed: whether anybody subscribes, as far as it
        tells."""
        qos = min(message.qos, self.properties.get("MaximumQoS", 1))
        retain = message.retain and bool(self.properties.get("RetainAvailable", 1))
        given = properties_of(message) if self.v5 else None
        info = self._client.publish(message.topic, message.payload, qos, retain, given)
        if not qos:
            return True
        reason = self._acknowledged(info.rc, info.mid, f"the message to {message.topic}")[0]
        if reason.is_failure:
            raise Problem("BROKER_AWAY", f"it refuses the message to {message.topic}: {reason}")
        return bool(reason.value != NO_SUBSCRIBERS)

    def send(self, message: Message, confirmed: Callable[[bool], None]) -> None:
        """Publish without waiting; `confirmed` hears, on paho's thread, whether the broker took it.

        At QoS 0 it never does. At most as many as the broker's Receive Maximum may be unconfirmed.
        """
        given = properties_of(message) if self.v5 else None
        info = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, given
        )
        with self._state:
            if info.rc == mqtt.MQTT_ERR_SUCCESS and message.qos:
                self._confirmed[info.mid] = confirmed
            reasons = self._acks.pop(info.mid, None) if message.qos else None
        if reasons is not None:
            self._on_ack(info.mid, reasons)

    def check(self) -> None:
        """Raises Problem BROKER_AWAY if the connection has ended."""
        if self.ended is not None:
            raise Problem("BROKER_AWAY", self.ended)

    def _made(self, settings: BrokerSettings, client_id: str, clean: bool) -> PahoClient:
        client = PahoClient(settings, client_id, v5=self.v5, clean=clean)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = lambda _client, _userdata, mid, reason, _properties: self._on_ack(
            mid, [reason]
        )
        client.on_subscribe = lambda _client, _userdata, mid, reasons, _properties: self._on_ack(
            mid, reasons
        )
        return client

    def _acknowledged(self, error: int, mid: int | None, what: str) -> list[ReasonCode]:
        if error != mqtt.MQTT_ERR_SUCCESS or mid is None:
            raise Problem("BROKER_AWAY", self.ended or f"{what} could not be sent")
        self._await(
            lambda: mid in self._acks, ACK_S, f"it did not confirm {what} within {ACK_S:g} s"
        )
        with self._state:
            return self._acks.pop(mid)

    def _await(self, done: Callable[[], bool], limit_s: float, otherwise: str) -> None:
        with self._state:
            self._state.wait_for(lambda: self.ended is not None or done(), limit_s)
            if done():
                return
        self.check()
        raise Problem("BROKER_AWAY", otherwise)

    # Callbacks of paho, on its thread

    def _on_connect(
        self, _client: Any, _userdata: Any, flags: Any, reason: ReasonCode, given: Any
    ) -> None:
        with self._state:
            if reason.is_failure:
                self._other_protocol = self.v5 and "protocol version" in str(reason).lower()
                self.ended = f"it refuses the connection: {reason}"
            else:
                self._up = True
                self.session_present = bool(flags.session_present)
                self.properties = {} if given is None else given.json()
            self._state.notify_all()

    def _on_disconnect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        with self._state:
            if self.ended is None:
                self._other_protocol = self.v5 and not self._up
                self.ended = f"the connection ended: {reason}"
            for waiter in self._waiters:
                waiter.offer(None)
            self._state.notify_all()

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        received = incoming(message)
        with self._state:
            for waiter in self._waiters:
                if any(mqtt.topic_matches_sub(each, received.topic) for each in waiter.filters):
                    waiter.offer(received)

    def _on_ack(self, mid: int, reasons: list[ReasonCode]) -> None:
        with self._state:
            confirmed = self._confirmed.pop(mid, None)
            if confirmed is None:
                self._acks[mid] = reasons
                self._state.notify_all()
        if confirmed is not None:
            confirmed(not reasons[0].is_failure)
