"""Packets that are read without paho say the same as those that paho reads; acknowledgements go out
together, and in order."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes

from broker.sockets import _Buffered
from broker.wire import Incoming, PahoClient, incoming, properties
from schemas.settings import BrokerSettings

TOPIC = "inspection/v1/node-01/trigger/cam1"
SETTINGS = BrokerSettings(url="mqtt://127.0.0.1:1")


class Wire:
    """A client over one end of a socket; `heard` is what it delivered, with the packet ids."""

    def __init__(self, *, v5: bool, quick: bool) -> None:
        ours, self.broker = socket.socketpair()
        self.heard: list[tuple[Incoming, int]] = []
        self.published: list[int] = []
        self.refused: list[bool] = []
        self.client = PahoClient(
            SETTINGS,
            "wire",
            v5=v5,
            clean=False,
            manual_ack=True,
            arrived=(lambda message, mid: self.heard.append((message, mid))) if quick else None,
        )
        self.client._dialled = self.client._sock = sock = _Buffered(fileno=ours.detach())
        sock.setblocking(False)
        self.client.on_message = lambda _client, _data, message: self.heard.append(
            (incoming(message), message.mid)
        )
        self.client.on_publish = self._on_publish

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _given: Any) -> None:
        self.published.append(mid)
        self.refused.append(reason.is_failure)

    def read(self, data: bytes) -> None:
        """What the client makes of bytes that come at once."""
        self.broker.sendall(data)
        while self.client.loop_read() == 0 and self.client._dialled.pending():
            pass

    def close(self) -> None:
        self.client._sock = None
        self.client._dialled.close()
        self.broker.close()


@pytest.fixture
def wires() -> Iterator[Any]:
    """Makes wires, and closes them."""
    made: list[Wire] = []

    def make(**given: bool) -> Wire:
        made.append(Wire(**given))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


def publish(
    payload: bytes,
    *,
    first: int = 0x32,
    mid: int = 7,
    given: bytes | None = None,
    topic: str = TOPIC,
) -> bytes:
    """A PUBLISH packet; `given` are its properties with their length, None on MQTT 3.1.1."""
    name = topic.encode()
    body = (
        len(name).to_bytes(2, "big")
        + name
        + (mid.to_bytes(2, "big") if first & 6 else b"")
        + (given or b"")
        + payload
    )
    length = b""
    rest = len(body)
    while rest > 127:
        length += bytes([rest & 127 | 128])
        rest >>= 7
    return bytes([first]) + length + bytes([rest]) + body


def some_properties() -> Any:
    """Properties that not every message has."""
    given = properties(PacketTypes.PUBLISH)
    given.ContentType = "application/json"
    given.UserProperty = [("attempt", "2")]
    given.ResponseTopic = "inspection/v1/_client/x"
    given.CorrelationData = b"17"
    return given


def plain() -> Any:
    """Properties that most messages have."""
    given = properties(PacketTypes.PUBLISH)
    given.ContentType = "application/json"
    return given


PAYLOADS = [b"", b"{}", b'{"trigger_id":"t1"}' * 9, b"\xff\x00" * 9000]


@pytest.mark.parametrize("payload", PAYLOADS, ids=["empty", "short", "long", "very long"])
@pytest.mark.parametrize(
    "first",
    [0x30, 0x31, 0x32, 0x33, 0x3A],
    ids=["qos 0", "retained", "qos 1", "qos 1 retained", "dup"],
)
@pytest.mark.parametrize("given", ["3.1.1", "none", "plain", "some"])
def test_a_message_is_the_same_whoever_reads_it(
    wires: Any, given: str, first: int, payload: bytes
) -> None:
    packed = {
        "3.1.1": None,
        "none": b"\0",
        "plain": plain().pack(),
        "some": some_properties().pack(),
    }[given]
    both = []
    for quick in (False, True):
        wire = wires(v5=given != "3.1.1", quick=quick)
        wire.read(publish(payload, first=first, given=packed))
        both.append(wire.heard)
    assert len(both[0]) == 1
    assert both[0][0][0].payload == payload
    assert [message for message, _ in both[0]] == [message for message, _ in both[1]]
    assert both[0][0][1] == both[1][0][1] or not first & 6  # without QoS there is no id


def test_a_packet_that_comes_in_pieces_is_read_once_it_is_there(wires: Any) -> None:
    wire = wires(v5=True, quick=True)
    packets = (
        publish(b"one", mid=1, given=b"\0")
        + publish(b"two" * 100, mid=2, given=b"\0")
        + publish(b"three", mid=3, given=b"\0")
    )
    for number in range(0, len(packets), 5):
        wire.read(packets[number : number + 5])
    assert [(message.payload, mid) for message, mid in wire.heard] == [
        (b"one", 1),
        (b"two" * 100, 2),
        (b"three", 3),
    ]


@pytest.mark.parametrize("body", [b"", b"\0", b"\0\x22inspec", b"\0\x02\xff\xfe\0\x01\0x"])
def test_a_malformed_message_is_given_to_nobody(wires: Any, body: bytes) -> None:
    wire = wires(v5=True, quick=True)
    wire.broker.sendall(bytes([0x32, len(body)]) + body)
    with contextlib.suppress(UnicodeDecodeError):  # paho's answer to such a topic
        wire.client.loop_read()
    assert wire.heard == []


def test_acknowledgements_go_out_in_one_write_and_before_what_is_sent_after_them(
    wires: Any,
) -> None:
    wire = wires(v5=True, quick=True)
    for mid in (1, 2, 3):
        wire.client.ack(mid, 1)
    wire.client.publish("a", b"x", 1)
    wire.client.ack(4, 1)
    wire.client.flush()
    wire.client.flush()
    sent = wire.broker.recv(1000)
    acks = b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in (1, 2, 3))
    assert sent.startswith(acks + b"\x32")
    assert sent.endswith(b"x\x40\x02\x00\x04")


def test_a_confirmation_is_heard_once_and_one_of_something_else_is_not(wires: Any) -> None:
    wire = wires(v5=True, quick=True)
    mid = wire.client.publish("a", b"x", 1).mid
    wire.read(
        b"\x40\x02"
        + mid.to_bytes(2, "big")
        + b"\x40\x02"
        + mid.to_bytes(2, "big")
        + b"\x40\x02\x99\x99"
    )
    assert wire.published == [mid]


@pytest.mark.parametrize(
    ("tail", "refused"),
    [
        (b"", False),
        (b"\x00", False),
        (b"\x00\x00", False),
        (b"\x10", False),  # nobody has subscribed to it
        (b"\x10\x00", False),
        (b"\x10\x05\x1f\x00\x02no", False),  # with a sentence
        (b"\x87", True),
        (b"\x97\x00", True),
        (b"\x97\x05\x1f\x00\x02no", True),
    ],
)
def test_a_confirmation_says_the_same_whoever_reads_it(
    wires: Any, tail: bytes, refused: bool
) -> None:
    for quick in (False, True):
        wire = wires(v5=True, quick=quick)
        mid = wire.client.publish("a", b"x", 1).mid
        wire.read(bytes([0x40, 2 + len(tail)]) + mid.to_bytes(2, "big") + tail)
        assert (wire.published, wire.refused) == ([mid], [refused])


def test_the_end_of_a_connection_shows_where_it_is_read(wires: Any) -> None:
    wire = wires(v5=True, quick=True)
    wire.broker.shutdown(socket.SHUT_WR)
    assert wire.client.loop_read() != 0
