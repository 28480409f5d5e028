"""What the end of a process leaves of commands: each that was taken is answered at the next start,
and then always the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from broker.wire import Incoming
from schemas import Problem
from tests.rooms.installation.nodes import Still, still

pytestmark = pytest.mark.slow

PAUSE = {"request_id": "r-1", "station": "cam1"}


def put(node: Still, name: str, **fields: Any) -> None:
    """A command that is taken, but not carried out."""
    node.service.commands.put(name, Incoming(node.names("cmd", name), json.dumps(fields).encode()))


def heard(node: Still) -> None:
    """Wait until the broker has everything that waited."""
    for message in node.service.outbox.take_misc():
        if callable(message.token):
            message.token()


def codes(node: Still, name: str) -> list[tuple[str, str | None]]:
    return [
        (reply["request_id"], reply["error"] and reply["error"]["code"])
        for reply in node.said("reply", name)
    ]


def test_a_command_is_in_the_ledger_when_it_may_be_acknowledged_until_the_broker_has_its_reply(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        put(node, "pause", **PAUSE)
        put(node, "ping", request_id="r-2")
        taken = [
            (command.name, command.request_id) for _, command in node.service.ledger.commands()
        ]
        assert taken == [("pause", "r-1"), ("ping", "r-2")]
        for _ in range(2):
            node.service.commands.work(0.0)
        assert len(node.service.ledger.commands()) == 2, "the replies have not gone out"
        heard(node)
        assert node.service.ledger.commands() == []


def test_what_was_not_answered_is_answered_at_the_next_start_and_then_always_the_same(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        put(node, "pause", **PAUSE)
        put(node, "ping", request_id="r-2")
        put(node, "dance", request_id="r-3")
        put(node, "ping", nonsense=True)
    with still(tmp_path) as node:
        node.service.commands.recover()
        assert codes(node, "pause") == [("r-1", "INTERRUPTED")]
        assert node.paused == set()
        assert codes(node, "ping") == [("r-2", "INTERRUPTED"), ("unknown", "INTERRUPTED")]
        assert codes(node, "unknown") == [("r-3", "INTERRUPTED")]
    with still(tmp_path) as node:  # it ended before the broker had them
        node.service.commands.recover()
        assert len(node.service.outbox.misc) == 4
        heard(node)
        assert node.service.ledger.commands() == []
        reply = node.command("pause", **PAUSE)
        assert (reply["error"]["code"], reply["repeated"]) == ("INTERRUPTED", True)
        assert node.command("pause", request_id="r-1")["error"]["code"] == "BAD_COMMAND"
        assert node.command("ping", request_id="r-2")["repeated"] is True
        assert node.command("ping", request_id="r-3")["ok"], "nobody knows what it was given for"


def test_what_was_done_and_whose_reply_may_be_lost_is_answered_with_that_reply(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        assert node.command("pause", **PAUSE)["ok"]
    with still(tmp_path) as node:
        node.service.commands.recover()
        (reply,) = node.said("reply", "pause")
        assert (reply["request_id"], reply["ok"], reply["data"]["stations"]) == (
            "r-1",
            True,
            ["cam1"],
        )


def test_a_large_command_is_known_by_its_content_once_it_was_read(tmp_path: Path) -> None:
    large = {"station": "cam1", "program": "cap", "image": "A" * 100_000, "request_id": "r-1"}
    with still(tmp_path) as node:
        put(node, "register_master", **large)
        ((_, before),) = node.service.ledger.commands()
        assert before.digest is None
        node.service.commands.work(0.0)
        ((_, after),) = node.service.ledger.commands()
        assert after.digest is not None
        assert after.request_id == "r-1"


def test_a_ledger_that_takes_nothing_stops_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise Problem("STORE_FAILED", "disk full")

    with still(tmp_path) as node:
        monkeypatch.setattr(node.service.ledger, "take_command", full)
        assert node.command("ping", request_id="r-1")["ok"]
        assert node.command("pause", request_id="r-2")["ok"]
        assert node.paused == {"cam1", "cam2"}
