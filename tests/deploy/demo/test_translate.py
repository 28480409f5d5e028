"""MQTT 3.1.1 into MQTT 5 and back: paho speaks both, and each side must understand what the other's
packets became."""

import socket
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from deploy.demo.translate import Packets, level, newer, older, packet


def said(work: Callable[[mqtt.Client], Any], **given: Any) -> list[tuple[int, bytes]]:
    """The packets that a paho client of 3.1.1 sends: CONNECT, then what `work` does."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "plc", protocol=mqtt.MQTTv311, **given)
    ours, theirs = socket.socketpair()
    client._create_socket = lambda: theirs  # type: ignore[method-assign]
    client.connect("broker")
    work(client)
    client.loop_write()
    ours.setblocking(False)
    data = ours.recv(65536)
    ours.close()
    theirs.close()
    return list(Packets().feed(data))


def test_a_connect_becomes_one_of_mqtt_5_whose_session_lasts_as_long_as_its_client_meant() -> None:
    clean = said(lambda _: None)[0]
    assert level(clean[1]) == 4
    assert newer(*clean) == b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03plc"
    kept = said(lambda _: None, clean_session=False)[0]
    assert (
        newer(*kept) == b"\x10\x15\x00\x04MQTT\x05\x00\x00\x3c\x05\x11\xff\xff\xff\xff\x00\x03plc"
    )


def test_will_user_and_password_stay_where_they_belong() -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "plc")
    client.will_set("gone", b"bye", qos=1)
    client.username_pw_set("u", "pw")
    ours, theirs = socket.socketpair()
    client._create_socket = lambda: theirs  # type: ignore[method-assign]
    client.connect("broker")
    client.loop_write()
    [connect] = Packets().feed(ours.recv(65536))
    ours.close()
    theirs.close()
    body = next(Packets().feed(newer(*connect)))[1]
    assert body.endswith(b"\x00\x03plc\x00\x00\x04gone\x00\x03bye\x00\x01u\x00\x02pw")


def test_messages_and_subscriptions_get_no_properties() -> None:
    def work(client: mqtt.Client) -> None:
        client._state = mqtt._ConnectionState.MQTT_CS_CONNECTED  # type: ignore[attr-defined]
        client.publish("a/b", b"payload", 1)
        client.publish("a/b", b"payload", 0)
        client.subscribe([("a/#", 1), ("c", 0)])
        client.unsubscribe("c")

    _, first, second, subscribe, unsubscribe = said(work)
    assert next(Packets().feed(newer(*first)))[1] == b"\x00\x03a/b\x00\x01\x00payload"
    assert next(Packets().feed(newer(*second)))[1] == b"\x00\x03a/b\x00payload"
    assert next(Packets().feed(newer(*subscribe)))[1] == b"\x00\x03\x00\x00\x03a/#\x01\x00\x01c\x00"
    assert next(Packets().feed(newer(*unsubscribe)))[1] == b"\x00\x04\x00\x00\x01c"


@pytest.mark.parametrize(
    ("given", "old"),
    [
        # CONNACK, session present, receive maximum 100
        (b"\x20\x06\x01\x00\x03\x21\x00\x64", b"\x20\x02\x01\x00"),
        (b"\x20\x03\x00\x87\x00", b"\x20\x02\x00\x05"),  # not authorised
        (b"\x20\x03\x00\x97\x00", b"\x20\x02\x00\x03"),  # a reason that 3.1.1 does not have
        # content type
        (b"\x32\x0e\x00\x01a\x00\x07\x05\x03\x00\x02ok{}\x0a", b"\x32\x08\x00\x01a\x00\x07{}\x0a"),
        (b"\x30\x06\x00\x01a\x00{}", b"\x30\x05\x00\x01a{}"),
        (b"\x40\x02\x00\x07", b"\x40\x02\x00\x07"),
        (b"\x40\x04\x00\x07\x10\x00", b"\x40\x02\x00\x07"),  # no subscribers
        (b"\x90\x05\x00\x03\x00\x01\x87", b"\x90\x04\x00\x03\x01\x80"),
        (b"\xb0\x04\x00\x04\x00\x11", b"\xb0\x02\x00\x04"),
        (b"\xd0\x00", b"\xd0\x00"),
        (b"\xe0\x01\x8b", None),  # 3.1.1 has no DISCONNECT of the broker
    ],
)
def test_what_the_broker_says_in_mqtt_5_is_understood_in_3_1_1(
    given: bytes, old: bytes | None
) -> None:
    [found] = Packets().feed(given)
    assert older(*found) == old


def test_packets_come_in_any_pieces_and_lengths_of_several_bytes() -> None:
    stream = (
        packet(0x30, b"\x00\x01a" + bytes(20_000)) + packet(0xC0, b"") + packet(0x30, b"\x00\x01b")
    )
    packets = Packets()
    found = [each for at in range(0, len(stream), 7) for each in packets.feed(stream[at : at + 7])]
    assert [(first, len(body)) for first, body in found] == [(0x30, 20_003), (0xC0, 0), (0x30, 3)]
    assert packets.rest == b""
    assert b"".join(packet(*each) for each in found) == stream


@pytest.mark.parametrize("data", [b"\x10\xff\xff\xff\xff\x01", b"\x10\xff\xff\xff\x7f"])
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        list(Packets().feed(data))


@pytest.mark.parametrize("body", [b"", b"\x00\x04HTTP\x04", b"\x00\x04MQTT", b"\xff\xffMQTT\x04"])
def test_what_is_no_connect_has_no_version(body: bytes) -> None:
    with pytest.raises(ValueError):
        level(body)
