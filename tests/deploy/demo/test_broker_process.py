"""The broker of the demo and of the tests: what it promises, and that the shipped mosquitto.conf
keeps its word.

One file: the broker's promises share one process of it.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.demo.broker_process import (
    CONF,
    DURABLE,
    BrokerAccess,
    BrokerProcess,
    Kind,
    render,
    start_broker,
)
from deploy.demo.children import port_is_free
from schemas import Problem
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

COUNT = 200


@pytest.fixture(params=["mosquitto", "iotcore"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, broker: BrokerProcess
) -> Iterator[BrokerProcess]:
    """A broker of each kind that this machine has."""
    if request.param == broker.kind:
        yield broker
        return
    # iotcore is always there, mosquitto is asked for in CI
    process = start_broker(tmp_path / "other", 0, "iotcore")
    yield process
    process.stop()


class Client:
    """An MQTT 5 client with a persistent session."""

    def __init__(self, port: int, name: str, *, v5: bool = True) -> None:
        self.heard: list[bytes] = []
        self.subscribed = threading.Event()
        self.present: bool | None = None
        old = {} if v5 else {"clean_session": False}
        self.mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5 if v5 else mqtt.MQTTv311, **old
        )
        self.mqtt.on_message = lambda _client, _data, message: self.heard.append(message.payload)
        self.mqtt.on_subscribe = lambda *_: self.subscribed.set()
        self.mqtt.on_connect = lambda _c, _d, flags, _r, _p: setattr(
            self, "present", flags.session_present
        )
        self.mqtt.max_inflight_messages_set(COUNT)
        if v5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600
            self.mqtt.connect("127.0.0.1", port, clean_start=False, properties=properties)
        else:
            self.mqtt.connect("127.0.0.1", port)
        self.mqtt.loop_start()
        wait_for(lambda: self.present is not None, 10, "CONNACK")

    def subscribe(self, topic: str) -> None:
        self.mqtt.subscribe(topic, qos=1)
        assert self.subscribed.wait(10)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


@pytest.mark.parametrize("v5", [True, False], ids=["mqtt-5", "mqtt-3.1.1"])
def test_messages_wait_for_a_session_that_is_away(either: BrokerProcess, v5: bool) -> None:
    reader = Client(either.port, "reader", v5=v5)
    reader.subscribe("parts")
    reader.close()
    writer = Client(either.port, "writer")
    for n in range(COUNT):
        writer.mqtt.publish("parts", b"%d" % n, qos=1)
    wait_for(lambda: not writer.mqtt.want_write() and _confirmed(writer), 20, "all PUBACKs")
    writer.close()
    reader = Client(either.port, "reader", v5=v5)
    wait_for(lambda: len(reader.heard) == COUNT, 20, f"{COUNT} messages")
    assert reader.heard == [b"%d" % n for n in range(COUNT)]
    reader.close()


def test_clients_of_mqtt_5_and_3_1_1_hear_each_other_at_one_port(either: BrokerProcess) -> None:
    new, old = Client(either.port, "new"), Client(either.port, "old", v5=False)
    for client in (new, old):
        client.subscribe("parts")
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.UserProperty = ("attempt", "2")
    new.mqtt.publish("parts", b"from new", 1, properties=properties)
    old.mqtt.publish("parts", b"from old", 1)
    old.mqtt.publish("parts", bytes(100_000), 1, retain=True)
    for client in (new, old):
        wait_for(lambda client=client: len(client.heard) == 3, 20, "all three")
        assert sorted(client.heard) == [bytes(100_000), b"from new", b"from old"]
    late = Client(either.port, "late", v5=False)
    late.subscribe("parts")
    wait_for(lambda: late.heard == [bytes(100_000)], 20, "what is retained")
    for client in (new, old, late):
        client.close()


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x10\x0a\x00\x04HTTP\x04\x02\x00\x00",
        b"\x30\x02\x00\x00",
        b"\x10\x03\x00\x01X",
    ],
)
def test_whoever_does_not_speak_mqtt_is_hung_up_on(tmp_path: Path, said: bytes) -> None:
    process = start_broker(tmp_path / "broker", 0, "iotcore")
    try:
        with (
            socket.create_connection(("127.0.0.1", process.port), timeout=20) as sock,
            contextlib.suppress(ConnectionError),
        ):
            sock.sendall(said)
            assert sock.recv(1) == b""
        Client(process.port, "other").close()
    finally:
        process.stop()


@pytest.mark.parametrize("version", ["mqttv5", "mqttv311", "mqttv31"])
def test_mosquitto_pub_and_sub_get_in_whatever_they_speak(
    either: BrokerProcess, version: str
) -> None:
    if shutil.which("mosquitto_sub") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("mosquitto-clients is not installed")
    at = ["-p", str(either.port), "-V", version, "-q", "1", "-t", "parts"]
    subprocess.run(["mosquitto_pub", *at, "-r", "-m", "seven"], check=True, timeout=20)
    heard = subprocess.run(
        ["mosquitto_sub", *at, "-C", "1"], check=True, timeout=20, capture_output=True, text=True
    )
    assert heard.stdout == "seven\n"


@pytest.mark.parametrize("conf", [CONF, DURABLE], ids=["shipped", "durable"])
def test_a_mosquitto_keeps_every_queued_message_over_kill_9(
    tmp_path: Path, broker: BrokerProcess, conf: Path
) -> None:
    if not broker.persistent:
        assert broker.kind == "iotcore"  # in memory only, as the demo says; CI has mosquitto
        return
    process = start_broker(tmp_path / "other", 0, "mosquitto", conf)
    try:
        reader = Client(process.port, "reader")
        reader.subscribe("parts")
        reader.close()
        writer = Client(process.port, "writer")
        sent = [writer.mqtt.publish("parts", b"%d" % n, qos=1) for n in range(COUNT)]
        for message in sent:
            message.wait_for_publish(20)
        if conf == DURABLE:
            # mosquitto acknowledges, then writes, then reads on: when it acknowledges one more, the
            # 200 are on the disk
            writer.mqtt.publish("parts", b"%d" % COUNT, qos=1).wait_for_publish(20)
        else:  # they are on the disk when it has written twice since
            saved = _saved(process)
            wait_for(lambda: _saved(process) > saved, 20, "a save")
            saved = _saved(process)
            wait_for(lambda: _saved(process) > saved, 20, "another save")
        process.kill()
        writer.close()
        process.start()
        reader = Client(process.port, "reader")
        assert reader.present
        wait_for(lambda: len(reader.heard) >= COUNT, 20, f"{COUNT} messages")
        assert sorted(map(int, reader.heard))[:COUNT] == list(range(COUNT))
        reader.close()
    finally:
        process.stop()


def test_the_shipped_mosquitto_does_not_write_all_that_is_queued_for_each_message(
    broker: BrokerProcess,
) -> None:
    if not broker.persistent:
        assert broker.kind == "iotcore"  # it writes nothing
        return
    reader = Client(broker.port, "reader")
    reader.subscribe("parts")
    reader.close()
    writer = Client(broker.port, "writer")
    for message in [writer.mqtt.publish("parts", bytes(600), qos=1) for _ in range(3000)]:
        message.wait_for_publish(60)
    saved = _saved(broker)
    wait_for(lambda: _saved(broker) > saved, 20, "a save")
    size = (broker.folder / "mosquitto.db").stat().st_size
    assert size > 3000 * 600
    began, before = time.monotonic(), _written(broker)
    for _ in range(200):
        writer.mqtt.publish("other", bytes(600), qos=1).wait_for_publish(20)
    saves = (_written(broker) - before) / size
    assert saves <= time.monotonic() - began + 2, (
        "it writes its state at most once a second, not at every message"
    )
    writer.close()


@pytest.mark.parametrize("keepalive", [0, 1200, 65535])
@pytest.mark.parametrize("v5", [True, False], ids=["mqtt-5", "mqtt-3.1.1"])
def test_a_plc_may_ask_for_any_keep_alive_and_for_none(
    broker: BrokerProcess, v5: bool, keepalive: int
) -> None:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, "plc", protocol=mqtt.MQTTv5 if v5 else mqtt.MQTTv311
    )
    answers: list[bool] = []
    client.on_connect = lambda _c, _d, _f, reason, _p: answers.append(not reason.is_failure)
    client.connect("127.0.0.1", broker.port, keepalive)
    client.loop_start()
    wait_for(lambda: answers, 10, "CONNACK")
    client.disconnect()
    client.loop_stop()
    assert answers[0]


def test_the_two_files_differ_in_how_often_the_state_is_written_only() -> None:
    shipped, durable = (
        {line for line in conf.read_text().splitlines() if line and not line.startswith("#")}
        for conf in (CONF, DURABLE)
    )
    assert shipped ^ durable == {"autosave_on_changes false", "autosave_on_changes true"}


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


def _saved(process: BrokerProcess) -> int:
    """When mosquitto last wrote its state."""
    database = process.folder / "mosquitto.db"
    return database.stat().st_mtime_ns if database.exists() else 0


def _written(process: BrokerProcess) -> int:
    """Bytes that the process has written, to files and sockets."""
    text = Path(f"/proc/{process.pid}/io").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("wchar")))


def _confirmed(client: Client) -> bool:
    return not client.mqtt._out_messages


def _sockets() -> list[str]:
    return [
        line
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]


def _listener(line: str, port: int) -> str | None:
    fields = line.split()
    address, _, number = fields[1].partition(":")
    return address if fields[3] == "0A" and int(number, 16) == port else None


@pytest.mark.parametrize("kind", ["mosquitto", "iotcore"])
def test_with_passwords_nobody_gets_in_without_and_who_has_none_is_told(
    tmp_path: Path, broker: BrokerProcess, kind: Kind
) -> None:
    if kind == "mosquitto" and broker.kind != kind:
        pytest.skip("mosquitto is not installed")  # CI has it, as conftest sees to
    passwords = {"plc": "a b#c\"d\\'e", "node-01": "another"}
    process = start_broker(
        tmp_path / "closed",
        0,
        kind,
        access=BrokerAccess(passwords, "user plc\ntopic readwrite #\n"),
    )
    try:
        for protocol in (mqtt.MQTTv5, mqtt.MQTTv311):
            for user, word in passwords.items():
                assert _let_in(process.port, protocol, user, word), user
                assert not _let_in(process.port, protocol, user, word[:-1]), user
                assert not _let_in(process.port, protocol, user, None), user
            assert not _let_in(process.port, protocol, None, None)
            assert not _let_in(process.port, protocol, "stranger", passwords["plc"])
        secret = [file for file in process.folder.iterdir() if file.stat().st_mode & 0o077 == 0]
        assert {file.name for file in secret} >= (
            {"passwords"} if kind == "mosquitto" else {"accounts.toml", "rumqttd.toml"}
        )
    finally:
        process.stop()


def _let_in(
    port: int,
    protocol: mqtt.MQTTProtocolVersion,  # type: ignore[name-defined]
    user: str | None,
    password: str | None,
) -> bool:
    """Whether the broker takes a client: what it says, or that it hangs up, is waited for."""
    said: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, f"somebody-{user}", protocol=protocol)  # type: ignore[attr-defined]
    client.on_connect = lambda *given: said.append(not given[3].is_failure)
    client.on_disconnect = lambda *_: said.append(False)
    client.username_pw_set(user, password)
    client.connect("127.0.0.1", port)
    until = time.monotonic() + 20
    while not said and time.monotonic() < until:
        client.loop(0.1)
    assert said, "no answer to CONNECT"
    client.disconnect()
    return said[0]
