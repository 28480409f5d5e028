"""What all MQTT clients of ours have in common: a message with its properties, and paho over a
socket of ours (sockets.py).

Under load most of what comes are PUBLISH packets with the properties that most have, or with none.
Those that are in the buffer as a whole are read by `PahoClient` itself, some three times as fast as
paho does, and acknowledgements wait for flush() or for what is sent next, so that many go in one
write. All else is paho's.
"""

import socket
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from schemas.settings import BrokerSettings


class Message(NamedTuple):
    """A message to the broker; `token` comes back when the broker has answered it, and is called
    then if it can be."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    content_type: str | None = "application/json"
    response_topic: str | None = None
    correlation: bytes | None = None
    user: tuple[tuple[str, str], ...] = ()
    token: Any = None


class Incoming(NamedTuple):
    """A message from the broker; `dup` says that it may have come before, `user` are its user
    properties."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    dup: bool = False
    user: tuple[tuple[str, str], ...] = ()


PLAIN = (None, "application/json", None, None, ())  # the properties of most messages


class PahoClient(mqtt.Client):
    """paho over a socket that is connected already; made anew for each connection, since paho's own
    reconnect sends twice."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        *,
        v5: bool,
        clean: bool,
        manual_ack: bool = False,
        ponged: Callable[[], None] = lambda: None,
        arrived: Callable[[Incoming, int], None] | None = None,
    ) -> None:
        """ponged: hears of each answer to a ping. arrived: hears of messages and their ids, in
        place of on_message."""
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if v5 else clean,
            protocol=mqtt.MQTTv5 if v5 else mqtt.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=manual_ack,
        )
        self._settings = settings
        self._v5 = v5
        self._clean = clean
        self._dialled: Any = None
        self._ponged = ponged
        self._arrived = arrived
        self._acks = bytearray()
        self.max_inflight_messages_set(0)  # the sender keeps to the broker's receive maximum
        if settings.username is not None:
            self.username_pw_set(
                settings.username,
                settings.password.get_secret_value() if settings.password else None,
            )

    def begin(
        self, sock: socket.socket, keepalive_s: int, expiry_s: int, receive_max: int | None = None
    ) -> None:
        """Send CONNECT over a socket that was dialled. expiry_s: how long the broker shall keep the
        session."""
        self._dialled = sock
        given: dict[str, Any] = {"clean_start": mqtt.MQTT_CLEAN_START_FIRST_ONLY}
        if self._v5:
            wanted = properties(PacketTypes.CONNECT)
            wanted.SessionExpiryInterval = expiry_s
            if receive_max is not None:
                wanted.ReceiveMaximum = receive_max
            given = {"clean_start": self._clean, "properties": wanted}
        self.connect(self._settings.host, self._settings.port, keepalive=keepalive_s, **given)

    def ping(self) -> None:
        """Ask for a sign of life; for an owner that does not call loop_misc(), which does so by the
        keep alive."""
        self._send_pingreq()

    def ack(self, mid: int, qos: int) -> Any:
        """Acknowledge a message of QoS 1: it goes out with the next flush()."""
        if qos == 1:
            self._acks += b"\x40\x02" + mid.to_bytes(2, "big")

    def flush(self) -> None:
        """Send what was acknowledged since the last time; whatever else goes out goes after it."""
        if self._acks:
            acks, self._acks = bytes(self._acks), bytearray()
            super()._packet_queue(mqtt.PUBACK, acks, 0, 1)

    def _packet_queue(self, command: int, packet: Any, mid: int, qos: int, info: Any = None) -> Any:
        self.flush()
        return super()._packet_queue(command, packet, mid, qos, info)

    def loop_read(self, max_packets: int = 1) -> Any:
        """Handle the next packet that is there. With `arrived` more may be pending of what was
        read: ask again."""
        if self._arrived is None or self._sock is None:
            return super().loop_read(max_packets)
        code = self._packet_read()
        return self._loop_rc_handle(code) if code > 0 else mqtt.MQTT_ERR_SUCCESS

    def _packet_read(self) -> Any:
        """The next packet: read here if it is one of those that come often and is there as a whole,
        else by paho."""
        packet = None
        if self._arrived is not None and not self._in_packet["command"]:
            self._dialled.fill()
            packet = self._dialled.packet()
        if packet is not None:
            first, body, end = packet
            if (
                first >> 4 == mqtt.PUBLISH >> 4
                and (message := read_publish(first, body, v5=self._v5)) is not None
            ):
                self._dialled.skip(end)
                assert self._arrived is not None
                self._arrived(*message)
                return mqtt.MQTT_ERR_SUCCESS
            if first == mqtt.PUBACK and len(body) >= 2 and body[2:] in _TAKEN:
                self._dialled.skip(end)
                return self._published(int.from_bytes(body[:2], "big"))
        return super()._packet_read()

    def _published(self, mid: int) -> Any:
        with self._out_message_mutex:
            if mid in self._out_messages:
                return self._do_on_publish(mid, _SUCCESS, _NOTHING)
        return mqtt.MQTT_ERR_SUCCESS

    def _handle_pingresp(self) -> Any:
        self._ponged()
        return super()._handle_pingresp()

    def _create_socket(self) -> Any:
        return self._dialled


def new_client_id(kind: str) -> str:
    """A new id that every broker must take: at most 23 letters and digits (MQTT 5, 3.1.3.1)."""
    return f"{kind}{uuid.uuid4().hex}"[:23]


def properties(packet: int) -> Any:
    """An empty set of MQTT 5 properties for a kind of packet."""
    return Properties(packet)  # type: ignore[no-untyped-call]


class _Packed(Properties):
    """Properties that do not change any more: paho packs them anew for each message."""

    def pack(self) -> bytes:
        return _PLAIN_BYTES


_PLAIN = _Packed(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
_PLAIN.ContentType = "application/json"
_PLAIN_BYTES: bytes = Properties.pack(_PLAIN)  # type: ignore[no-untyped-call]
_NOTHING = properties(PacketTypes.PUBACK)
_SUCCESS = ReasonCode(PacketTypes.PUBACK)
# taken; taken, though nobody has subscribed to it, which is as good
_TAKEN = (b"", b"\x00", b"\x00\x00", b"\x10", b"\x10\x00")


def properties_of(message: Message) -> Any:
    """The MQTT 5 properties of a message."""
    if message[4:9] == PLAIN:
        return _PLAIN
    given = properties(PacketTypes.PUBLISH)
    if message.expiry_s is not None:
        given.MessageExpiryInterval = message.expiry_s
    if message.content_type is not None:
        given.ContentType = message.content_type
    if message.response_topic is not None:
        given.ResponseTopic = message.response_topic
    if message.correlation is not None:
        given.CorrelationData = message.correlation
    if message.user:
        given.UserProperty = list(message.user)
    return given


def incoming(message: mqtt.MQTTMessage) -> Incoming:
    """What paho gives to on_message."""
    given = message.properties
    return Incoming(
        message.topic,
        bytes(message.payload),
        message.qos,
        bool(message.retain),
        getattr(given, "ResponseTopic", None),
        getattr(given, "CorrelationData", None),
        bool(message.dup),
        tuple(getattr(given, "UserProperty", None) or ()),
    )


def read_publish(first: int, body: bytes, *, v5: bool) -> tuple[Incoming, int] | None:
    """Message and packet id of a PUBLISH with no properties, or those of most messages; None for
    any other."""
    qos = first >> 1 & 3
    try:
        at = 2 + int.from_bytes(body[:2], "big")
        topic = body[2:at].decode()
        mid = 0
        if qos:
            mid = body[at] << 8 | body[at + 1]
            at += 2
        if v5:
            if body[at] and not body.startswith(_PLAIN_BYTES, at):
                return None
            at += 1 + body[at]
    except (IndexError, UnicodeDecodeError):
        return None  # the next reader says what is wrong with it
    if qos > 1 or not topic or at > len(body):
        return None
    return Incoming(topic, body[at:], qos, bool(first & 1), dup=bool(first & 8)), mid
