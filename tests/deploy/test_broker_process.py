"""The broker of the demo and of the tests: what it promises, and the shipped mosquitto.conf kept to its word."""

import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.broker_process import BrokerProcess, render, start_broker
from deploy.children import port_is_free
from schemas import Problem
from tests.promise import wait_for

COUNT = 200


@pytest.fixture(params=["mosquitto", "iotcore"])
def either(request: pytest.FixtureRequest, tmp_path: Path, broker: BrokerProcess) -> Iterator[BrokerProcess]:
    """A broker of each kind that this machine has."""
    if request.param == broker.kind:
        yield broker
        return
    process = start_broker(tmp_path / "other", 0, "iotcore")  # iotcore is always there, mosquitto is asked for in CI
    yield process
    process.stop()


class Client:
    """An MQTT 5 client with a persistent session."""

    def __init__(self, port: int, name: str) -> None:
        self.heard: list[bytes] = []
        self.subscribed = threading.Event()
        self.present: bool | None = None
        self.mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        self.mqtt.on_message = lambda _client, _data, message: self.heard.append(message.payload)
        self.mqtt.on_subscribe = lambda *_: self.subscribed.set()
        self.mqtt.on_connect = lambda _c, _d, flags, _r, _p: setattr(self, "present", flags.session_present)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.mqtt.max_inflight_messages_set(COUNT)
        self.mqtt.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self.mqtt.loop_start()
        wait_for(lambda: self.present is not None, 10, "CONNACK")

    def subscribe(self, topic: str) -> None:
        self.mqtt.subscribe(topic, qos=1)
        assert self.subscribed.wait(10)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


def test_messages_wait_for_a_session_that_is_away(either: BrokerProcess) -> None:
    reader = Client(either.port, "reader")
    reader.subscribe("parts")
    reader.close()
    writer = Client(either.port, "writer")
    for n in range(COUNT):
        writer.mqtt.publish("parts", b"%d" % n, qos=1)
    wait_for(lambda: not writer.mqtt.want_write() and _confirmed(writer), 20, "all PUBACKs")
    writer.close()
    reader = Client(either.port, "reader")
    wait_for(lambda: len(reader.heard) == COUNT, 20, f"{COUNT} messages")
    assert reader.heard == [b"%d" % n for n in range(COUNT)]
    reader.close()


def test_the_shipped_mosquitto_keeps_every_queued_message_over_kill_9(broker: BrokerProcess) -> None:
    if not broker.persistent:
        assert broker.kind == "iotcore"  # in memory only, as the demo says; CI has mosquitto
        return
    reader = Client(broker.port, "reader")
    reader.subscribe("parts")
    reader.close()
    writer = Client(broker.port, "writer")
    sent = [writer.mqtt.publish("parts", b"%d" % n, qos=1) for n in range(COUNT)]
    for message in sent:
        message.wait_for_publish(20)
    # mosquitto acknowledges, then writes, then reads on: when it acknowledges one more, the 200 are on the disk
    writer.mqtt.publish("parts", b"%d" % COUNT, qos=1).wait_for_publish(20)
    broker.kill()
    writer.close()
    broker.start()
    reader = Client(broker.port, "reader")
    assert reader.present
    wait_for(lambda: len(reader.heard) >= COUNT, 20, f"{COUNT} messages")
    assert sorted(map(int, reader.heard))[:COUNT] == list(range(COUNT))
    reader.close()


def test_a_broker_listens_on_the_loopback_only_and_frees_its_port(either: BrokerProcess) -> None:
    listening = {address for line in _sockets() if (address := _listener(line, either.port))}
    assert listening == {"0100007F"}
    either.stop()
    assert either.returncode is not None
    assert port_is_free(either.port)


def test_a_taken_port_is_a_problem_that_names_it(broker: BrokerProcess, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=str(broker.port)):
        start_broker(tmp_path / "second", broker.port)


def test_a_configuration_without_its_listener_is_refused() -> None:
    with pytest.raises(AssertionError):
        render("persistence true\n", 1883, Path("/nowhere"))


def _confirmed(client: Client) -> bool:
    return not client.mqtt._out_messages


def _sockets() -> list[str]:
    return [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]


def _listener(line: str, port: int) -> str | None:
    fields = line.split()
    address, _, number = fields[1].partition(":")
    return address if fields[3] == "0A" and int(number, 16) == port else None
