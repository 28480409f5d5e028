"""A command whose node is killed before it has answered is answered at the next start, and in the
same way ever after."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.demo.broker_process import BrokerProcess
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line, wait_for
from tests.system.test_ending import waits_for_pictures

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]


def waiting(node: NodeProcess) -> list[tuple[str, str]]:
    """Commands without a confirmed reply."""
    with closing(sqlite3.connect(f"file:{node.ledger}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute("SELECT name, request_id FROM commands ORDER BY id").fetchall()


def send(line: Line, name: str, correlation: bytes | None = None, **fields: Any) -> None:
    given = None
    if correlation is not None:
        given = Properties(PacketTypes.PUBLISH)
        given.ResponseTopic, given.CorrelationData = "inspection/v1/_client/plc/reply", correlation
    line.client.publish(
        f"{line.prefix}cmd/{name}", json.dumps(fields), qos=1, properties=given
    ).wait_for_publish(10)


def test_a_kill_in_the_middle_of_a_command_leaves_none_without_its_reply(
    tmp_path: Path, broker: BrokerProcess, line: Line
) -> None:
    node = waits_for_pictures(tmp_path, broker.port, 1)
    own: list[tuple[bytes, bytes | None]] = []
    line.client.on_message = lambda _c, _u, message: own.append(
        (message.payload, message.properties.CorrelationData)
    )
    line.client.subscribe("inspection/v1/_client/plc/reply", qos=1)
    master = {"request_id": "r-1", "station": "cam1", "program": "synthetic-part"}
    node.start()
    try:
        line.state("Ready")
        send(line, "register_master", b"c-1", **master)  # it waits for a picture that does not come
        send(line, "capture", request_id="r-2", station="cam1")
        send(line, "pause", b"c-3", request_id="r-3", station="cam1")
        taken = [("register_master", "r-1"), ("capture", "r-2"), ("pause", "r-3")]
        wait_for(lambda: waiting(node) == taken, 15, "three commands in the ledger")
        node.kill()
        node.start()
        for name, request_id in taken:
            reply = line.expect(
                lambda topic, value, of=(name, request_id): (
                    (topic[6:], value.get("request_id")) == of
                ),
                30,
            )
            assert (reply["ok"], reply["error"]["code"]) == (False, "INTERRUPTED"), name
        wait_for(
            lambda: {correlation for _, correlation in own} == {b"c-1", b"c-3"},
            15,
            "replies at the response topic",
        )
        assert {json.loads(payload)["error"]["code"] for payload, _ in own} == {"INTERRUPTED"}
        wait_for(lambda: not waiting(node), 15, "that the broker has the replies")
        again = line.command("register_master", **master)
        assert (again["ok"], again["error"]["code"], again["repeated"]) == (
            False,
            "INTERRUPTED",
            True,
        )
        other = line.command("register_master", **{**master, "program": "other"})
        assert other["error"]["code"] == "BAD_COMMAND"
        assert line.command("pause", request_id="r-4", station="cam1")["ok"]
    finally:
        node.end()
