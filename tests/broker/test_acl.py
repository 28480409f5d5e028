"""The shipped ACL file is current, covers every topic, and mosquitto enforces it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from broker.acl import COMMAND, PATH, RUNNING, AclNames, main, text
from broker.topics import TOPICS
from deploy.demo.broker_process import BrokerProcess, find_mosquitto
from deploy.demo.children import free_port
from schemas import COMMANDS
from schemas.generate import stale
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

NODE = "inspection/v1/node-01"
PASSWORD = "a-password-of-the-test"
USERS = ("node-01", "web", "plc", "operator", "viewer", "stranger")

# topic, who may publish, who may read; nobody else may
RIGHTS = (
    ("trigger/cam1", {"plc", "web"}, {"node-01"}),
    *((f"cmd/{name}", {"plc", "operator", "web"}, {"node-01"}) for name in RUNNING),
    *((f"cmd/{name}", {"web"}, {"node-01"}) for name in COMMANDS if name not in RUNNING),
    *((f"reply/{name}", {"node-01"}, {"plc", "operator", "web"}) for name in RUNNING),
    *((f"reply/{name}", {"node-01"}, {"web"}) for name in COMMANDS if name not in RUNNING),
    ("result/cam1", {"node-01"}, {"node-01", "web", "plc", "operator", "viewer"}),
    ("latest/cam1", {"node-01"}, {"web", "plc", "operator", "viewer"}),
    ("accepted/cam1", {"node-01"}, {"web", "plc", "operator", "viewer"}),
    ("short/cam1", {"node-01"}, {"web", "plc", "operator", "viewer"}),
    ("state", {"node-01"}, {"web", "plc", "operator", "viewer"}),
    ("info", {"node-01"}, {"web", "plc", "operator", "viewer"}),
    ("event/trigger.duplicate", {"node-01"}, {"web", "plc", "operator", "viewer"}),
    ("alarm/BROKER", {"node-01"}, {"web", "plc", "operator", "viewer"}),
    ("metrics", {"node-01"}, {"web", "operator", "viewer"}),
    ("image/cam1", {"node-01"}, {"web", "viewer"}),
    ("audit", {"web"}, {"viewer"}),
    ("_fence", {"node-01"}, {"node-01"}),
)


def test_the_shipped_file_is_current() -> None:
    assert not stale({PATH: text()}), f"{PATH} is not current; run: {COMMAND}"


def test_the_table_of_this_test_has_every_topic() -> None:
    assert {topic.partition("/")[0] for topic, _, _ in RIGHTS} == {topic.name for topic in TOPICS}


def test_other_names_give_another_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--base", "acme/line3/inspection/v1", "--node", "node-07", "--plc", "press"]) == 0
    printed = capsys.readouterr().out
    assert "user press\n" in printed
    assert "user node-07\n" in printed
    assert "topic read acme/line3/inspection/v1/node-07/trigger/+\n" in printed
    assert "node-01" not in printed


@pytest.mark.parametrize("name", ["", "a\nuser evil", "+", "#", " a", "a "])
def test_a_name_that_would_be_misread_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        text(AclNames(plc=name))


class User:
    """A client that signs in with its name and subscribes to everything."""

    def __init__(self, port: int, name: str, password: str = PASSWORD) -> None:
        self.heard: set[str] = set()
        self.refusals: dict[int, bool] = {}
        self.ready: bool | None = None
        self.mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        self.mqtt.username_pw_set(name, password)
        self.mqtt.on_connect = self._connected
        self.mqtt.on_message = lambda _client, _data, message: self.heard.add(message.topic)
        self.mqtt.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.mqtt.on_publish = self._published
        self.mqtt.connect("127.0.0.1", port)
        self.mqtt.loop_start()
        wait_for(lambda: self.ready is not None, 10, f"{name} at the broker")

    def publish(self, topic: str, payload: bytes) -> bool:
        """Whether the broker took it."""
        sent = self.mqtt.publish(topic, payload, qos=1)
        wait_for(lambda: sent.mid in self.refusals, 10, "PUBACK")
        return not self.refusals[sent.mid]

    def _connected(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _props: object
    ) -> None:
        if reason.is_failure:
            self.ready = False
        else:
            client.subscribe("#", qos=1)

    def _published(
        self, _client: object, _data: object, mid: int, reason: ReasonCode, _props: object
    ) -> None:
        self.refusals[mid] = reason.is_failure


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[int]:
    """Port of a mosquitto with passwords and the shipped ACL file."""
    mosquitto = find_mosquitto()
    if mosquitto is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "only mosquitto has rights; `make test` installs it where it may"
        )
    passwords, port = tmp_path / "passwords", free_port()
    passwords.write_text("".join(f"{name}:{PASSWORD}\n" for name in USERS))
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    acl = tmp_path / "acl.conf"
    acl.write_text(text())
    for file in (passwords, acl):
        file.chmod(0o600)
    process = _Guarded(tmp_path, port, "mosquitto", mosquitto)
    process.start()
    yield port
    process.stop()


class _Guarded(BrokerProcess):
    def _command(self) -> list[str]:
        command = super()._command()
        conf = Path(command[-1])
        files = f"password_file {self.folder}/passwords\nacl_file {self.folder}/acl.conf\n"
        conf.write_text(
            conf.read_text().replace(
                "\nallow_anonymous true\n", f"\nallow_anonymous false\n{files}"
            )
        )
        return command


def test_mosquitto_enforces_the_shipped_file(guarded: int) -> None:
    users = {name: User(guarded, name) for name in USERS}
    assert all(user.ready for user in users.values())
    for leaf, publishers, readers in RIGHTS:
        topic = f"{NODE}/{leaf}"
        for name, user in users.items():
            for other in users.values():
                other.heard.clear()
            assert user.publish(topic, b"{}") == (name in publishers), (name, topic)
            if name not in publishers:
                continue
            wait_for(
                lambda topic=topic, readers=readers: all(topic in users[r].heard for r in readers),
                10,
                topic,
            )
            # what else was to come has come before this
            users["node-01"].publish(f"{NODE}/result/end", b"")
            users["plc"].publish(f"{NODE}/trigger/end", b"")
            wait_for(lambda: f"{NODE}/trigger/end" in users["node-01"].heard, 10)
            wait_for(
                lambda: all(f"{NODE}/result/end" in users[n].heard for n in ("plc", "viewer")), 10
            )
            assert {n for n, user in users.items() if topic in user.heard} == readers, topic
    assert users["stranger"].heard == set()
    # each reads the replies to its own questions, and no others
    for name in ("plc", "operator", "web", "viewer"):
        for user in users.values():
            user.heard.clear()
        own = f"inspection/v1/_client/{name}/reply"
        assert users["node-01"].publish(own, b"{}")
        wait_for(lambda own=own, name=name: own in users[name].heard, 10)
        users["node-01"].publish(f"{NODE}/result/end", b"")
        wait_for(
            lambda: all(
                f"{NODE}/result/end" in users[n].heard for n in ("plc", "operator", "web", "viewer")
            ),
            10,
        )
        assert [n for n, user in users.items() if own in user.heard] == [name]
    assert not any(
        user.publish("inspection/v1/_client/web/reply", b"{}")
        for n, user in users.items()
        if n != "node-01"
    )
    assert not users["plc"].publish("inspection/v1/other-node/trigger/cam1", b"{}")
    for user in users.values():
        user.mqtt.disconnect()
        user.mqtt.loop_stop()


def test_mosquitto_refuses_who_gives_no_password(guarded: int) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    answers: list[ReasonCode] = []
    client.on_connect = lambda _client, _data, _flags, reason, _props: answers.append(reason)
    client.connect("127.0.0.1", guarded)
    client.loop_start()
    wait_for(lambda: answers, 10, "CONNACK")
    client.disconnect()
    client.loop_stop()
    assert answers[0].is_failure
