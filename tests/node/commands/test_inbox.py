"""A command is always answered, carried out once if the same comes again, and its reply goes
to nobody but clients.

One file: the promises of a command hold each other up, and share one inbox.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from broker.wire import Incoming
from schemas import Problem
from tests.rooms.installation.nodes import still

pytestmark = pytest.mark.slow

PAUSE = {"request_id": "r-1", "station": "cam1"}


# An id answers only what it was given for


def test_the_same_command_is_answered_again_says_so_and_is_not_done_again(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        first = node.command("pause", **PAUSE)
        assert (first["ok"], first["repeated"]) == (True, False)
        assert node.command("resume", request_id="r-2")["ok"]
        again = node.command(
            "pause",
            b'{ "station":"cam1", "maintenance":false, "sent_at":"2026-11-22T01:02:03Z",'
            b' "request_id":"r-1" }',
        )
        assert again == {**first, "repeated": True}
        assert node.paused == set()


def test_every_command_that_changes_something_is_in_the_log_and_what_only_reads_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "node.commands.inbox")
    with still(tmp_path) as node:
        node.command("pause", **PAUSE)
        node.command("pause", **PAUSE)
        node.command("ping", request_id="r-2")
        node.command("select_program", request_id="r-3", station="cam1", program="none-such")
    told = [line for line in caplog.messages if line.startswith("command ")]
    assert told == ["command pause r-1: done", "command select_program r-3: PROGRAM_NOT_FOUND"]


@pytest.mark.parametrize(
    "other",
    [
        ("pause", {"station": "cam2"}),
        ("pause", {}),
        ("pause", {"station": "cam1", "maintenance": True}),
        ("resume", {"station": "cam1"}),
        ("ping", {}),
    ],
)
def test_an_id_that_was_given_for_something_else_is_refused_and_nothing_is_done(
    tmp_path: Path, other: tuple[str, Any]
) -> None:
    name, fields = other
    with still(tmp_path) as node:
        node.command("pause", **PAUSE)
        reply = node.command(name, request_id="r-1", **fields)
        assert (reply["ok"], reply["error"]["code"], reply["request_id"]) == (
            False,
            "BAD_COMMAND",
            "r-1",
        )
        assert "r-1" in reply["error"]["message"]
        assert node.paused == {"cam1"}
        assert not node.service.stations["cam1"].maintenance
        assert node.command("pause", **PAUSE)["repeated"] is True, (
            "the refusal took the place of the reply"
        )


def test_what_only_reads_answers_only_the_same_too(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        assert node.command("ping", request_id="r-1")["ok"]
        assert node.command("ping", request_id="r-1")["repeated"] is True
        assert node.command("pause", request_id="r-1")["error"]["code"] == "BAD_COMMAND"
        assert node.paused == set()


def test_a_reply_of_before_the_content_was_remembered_is_given_again(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        node.service.ledger.keep_reply(
            "r-1", "pause", b"", b'{"request_id":"r-1","ok":true,"data":{"stations":["cam1"]}}'
        )
        assert node.command("pause", **PAUSE)["repeated"] is True
        assert node.paused == set()


def test_a_refusal_is_an_answer_too_so_that_a_redelivery_does_later_nothing_that_was_refused(
    tmp_path: Path,
) -> None:
    output = {"station": "cam1", "output": "ok", "active": True}
    with still(tmp_path) as node:
        refused = node.command("set_output", request_id="r-1", **output)
        assert refused["error"]["code"] == "NOT_IN_MAINTENANCE"
        node.command("pause", request_id="r-2", station="cam1", maintenance=True)
        assert node.command("set_output", request_id="r-1", **output) == {
            **refused,
            "repeated": True,
        }
        assert node.command("set_output", request_id="r-3", **output)["error"] != refused["error"]


def test_a_maintenance_that_was_forgotten_ends_with_its_lines_off_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise Problem("STORE_FAILED", "disk full")

    with still(tmp_path) as node:
        station = node.service.stations["cam1"]
        assert not station.end_forgotten(0.0), "it is in none"
        node.command("pause", request_id="r-1", station="cam1", maintenance=True)
        assert not station.end_forgotten(3600.0)
        fallen: list[str] = []
        station.driver.safe = fallen.append  # type: ignore[method-assign]
        with monkeypatch.context() as broken:
            broken.setattr(node.service.ledger, "remember", full)
            assert station.end_forgotten(0.0)
        assert (station.maintenance, station.paused, fallen) == (False, True, ["cam1"])
        node.command("pause", request_id="r-2", station="cam1", maintenance=True)
        node.command("pause", request_id="r-3", station="cam1")
        assert (station.maintenance, station.paused, fallen) == (
            False,
            True,
            ["cam1", "cam1"],
        ), "a pause ends it too"


def test_what_was_no_command_or_only_reads_or_could_not_be_stored_may_be_tried_again_with_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise Problem("STORE_FAILED", "disk full")

    with still(tmp_path) as node:
        assert (
            node.command("pause", request_id="r-1", stations="cam1")["error"]["code"]
            == "BAD_COMMAND"
        )
        with monkeypatch.context() as broken:
            broken.setattr(node.service.ledger, "remember", full)
            assert node.command("pause", **PAUSE)["error"]["code"] == "STORE_FAILED"
        assert node.command("pause", **PAUSE)["ok"]
        assert (
            node.command("capture", request_id="r-2", station="cam1")["error"]["code"]
            == "CAMERA_NOT_FOUND"
        )
        node.service.stations["cam1"].worker.open_camera()
        assert node.command("capture", request_id="r-2", station="cam1")["ok"]


# Always an answer


def test_a_command_whose_reply_cannot_be_stored_is_answered_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Problem("STORE_FAILED", "disk full")

    with still(tmp_path) as node:
        monkeypatch.setattr(node.service.ledger, "keep_reply", full)
        reply = node.command("pause", **PAUSE)
        assert (reply["ok"], reply["warning"]["code"]) == (True, "STORE_FAILED")
        assert "disk full" in reply["warning"]["message"]
        assert node.paused == {"cam1"}
        node.service.stations["cam1"].pause(False)
        assert node.command("pause", **PAUSE)["repeated"] is True
        assert node.paused == set(), "it was done again"


def test_what_only_reads_is_done_when_the_ledger_cannot_be_read_and_what_changes_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise Problem("STORE_FAILED", "I/O error")

    with still(tmp_path) as node:
        monkeypatch.setattr(node.service.ledger, "reply", broken)
        assert node.command("ping", request_id="r-1")["ok"]
        assert node.command("pause", request_id="r-2")["error"]["code"] == "STORE_FAILED"
        assert node.paused == set()


def test_one_command_too_many_is_answered_busy_under_its_id(tmp_path: Path) -> None:
    with still(tmp_path, commands={"burst": 1000}) as node:
        put = node.service.commands.put
        for number in range(70):
            put(
                "ping",
                Incoming(
                    "cmd/ping",
                    b'{"request_id":"r-%d"}' % number,
                    response_topic="inspection/v1/_client/me/reply",
                ),
            )
        busy = node.said("reply", "ping")
        assert [(reply["request_id"], reply["error"]["code"]) for reply in busy] == [
            (f"r-{n}", "BUSY") for n in range(64, 70)
        ]
        private = [
            message
            for message in node.service.outbox.misc
            if message.topic == "inspection/v1/_client/me/reply"
        ]
        assert [json.loads(message.payload) for message in private] == busy
        assert len(node.said("event", "command.busy")) == 1


def test_commands_that_wait_when_the_node_stops_are_answered_and_do_not_hold_it_up(
    tmp_path: Path,
) -> None:
    with still(tmp_path, commands={"burst": 1000}) as node:
        for number in range(64):
            node.service.commands.put(
                "pause", Incoming("cmd/pause", b'{"request_id":"r-%d"}' % number)
            )
        # as if it was asked to while another command was done
        node.service.commands._stopping = True
        node.service.commands.start()
        node.service.commands.stop(1.0)
        replies = node.said("reply", "pause")
        assert [(reply["request_id"], reply["error"]["code"]) for reply in replies] == [
            (f"r-{n}", "BUSY") for n in range(64)
        ]
        assert node.paused == set()


def test_whatever_goes_wrong_with_a_command_is_answered_and_does_not_end_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with still(tmp_path) as node:
        with monkeypatch.context() as broken:
            broken.setattr(node.service.commands, "_take", lambda name, message: 1 // 0)
            node.service.commands.put(
                "ping", Incoming(node.names("cmd", "ping"), b'{"request_id":"r-1"}')
            )
        assert "a command could not be taken" in caplog.text
        (reply,) = node.said("reply", "ping")
        assert (reply["request_id"], reply["error"]["code"]) == ("r-1", "INTERNAL")
        assert node.command("ping", request_id="r-2")["ok"]


@pytest.mark.parametrize("name", ["ping", "pause"])
@pytest.mark.parametrize("given", ["\\ud800", "r-1\\udfff", "\\ud83d", "\\u0000"])
def test_an_id_that_is_no_text_is_refused_and_takes_no_connection_with_it(
    tmp_path: Path, name: str, given: str
) -> None:
    """JSON can say half of a letter. Anybody who may command could otherwise take the node off the
    broker, which delivers the message again."""
    with still(tmp_path) as node:
        reply = node.command(name, f'{{"request_id":"{given}","station":"cam1"}}'.encode())
        assert reply["error"]["code"] == "BAD_COMMAND"
        assert not node.service.stations["cam1"].paused
        assert node.command("ping", request_id="r-2")["ok"]


def test_commands_that_come_faster_than_allowed_are_answered_busy_until_there_is_time_again(
    tmp_path: Path,
) -> None:
    with still(tmp_path, commands={"burst": 3, "per_second": 20.0}) as node:
        codes = [
            (node.command("ping", request_id=f"r-{n}")["error"] or {"code": "OK"})["code"]
            for n in range(30)
        ]
        assert codes[:3] == ["OK"] * 3
        assert "BUSY" in codes
        time.sleep(0.2)
        assert node.command("ping", request_id="later")["ok"]


@pytest.mark.parametrize(
    ("payload", "request_id"),
    [
        (b'{"request_id":"r-1","surprise":1}', "r-1"),
        (b'{"request_id":"r-1",}', "r-1"),
        (b'{"request_id":"r-1","x":NaN}', "r-1"),
        (b'{"request_id":"r-1"', "r-1"),
        (b'{"station":"cam1"}', "unknown"),
        (b'{"request_id":5,"surprise":1}\0old', "5"),
        (b'{"request_id":-5}', "unknown"),
        (b"[]", "unknown"),
        (b"\xff", "unknown"),
        (b"", "unknown"),
    ],
)
def test_what_is_no_command_is_answered_under_the_id_that_can_be_read(
    tmp_path: Path, payload: bytes, request_id: str
) -> None:
    with still(tmp_path) as node:
        reply = node.command("ping", payload)
        assert (reply["request_id"], reply["ok"], reply["error"]["code"]) == (
            request_id,
            False,
            "BAD_COMMAND",
        )


def test_a_command_in_the_fixed_buffer_of_a_plc_with_a_counter_as_its_id_is_done(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        reply = node.command(
            "pause", b'\xef\xbb\xbf {"request_id":17,"station":"cam1"}\r\n\0\0:"old"}'
        )
        assert (reply["request_id"], reply["ok"]) == ("17", True)
        assert node.paused == {"cam1"}
        node.deliver({"trigger_id": 4711})
        node.inspect()
        assert node.command("resend", request_id=18, station="cam1", trigger_ids=[4711])["data"][
            "seqs"
        ] == [1]


def test_commands_that_are_too_large_together_do_not_wait_together(tmp_path: Path) -> None:
    picture = (
        b'{"request_id":"r-%d","station":"cam1","program":"cap","image":"'
        + b"A" * 10_000_000
        + b'"}'
    )
    with still(tmp_path) as node:
        for number in range(8):
            node.service.commands.put(
                "register_master", Incoming("cmd/register_master", picture % number)
            )
        assert [reply["error"]["code"] for reply in node.said("reply", "register_master")] == [
            "BUSY",
            "BUSY",
        ]
        for _ in range(6):
            node.service.commands.work(0.0)
        assert len(node.said("reply", "register_master")) == 6
        assert node.command("ping", request_id="r-9")["ok"]


# Where replies go


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("inspection/v1/_client/0193/reply", True),
        ("inspection/v1/_client/x", True),
        ("inspection/v1/_client/plc/of/line/3", True),
        ("inspection/v1/_client/", False),
        ("inspection/v1/_client", False),
        ("inspection/v1/_clients/x", False),
        ("inspection/v1/_client/state", False),
        ("inspection/v1/_client/trigger/cam1", False),
        ("inspection/v1/_client/cmd/pause", False),
        ("inspection/v1/_client/alarm/FIRE", False),
        ("inspection/v1/_client/+/reply", False),
        ("inspection/v1/_client/#", False),
        ("inspection/v1/_client/a\0b", False),
        ("inspection/v1/node-01/alarm/FIRE", False),
        ("inspection/v1/node-01/state", False),
        ("inspection/v1/node-02/result/cam1", False),
        ("inspection/v1/anything", False),
        ("/inspection/v1/_client/x", False),
        ("other/_client/x", False),
        ("$SYS/x", False),
        ("", False),
    ],
)
def test_a_reply_goes_to_a_topic_of_clients_only(tmp_path: Path, topic: str, allowed: bool) -> None:
    with still(tmp_path) as node:
        assert node.command("ping", request_id="r-1", topic=topic)["ok"]
        others = [message for message in node.service.outbox.misc if "/event/" not in message.topic]
        assert [(message.topic, message.correlation) for message in others] == (
            [(topic, b"c")] if allowed else []
        )
        assert len(node.said("event", "command.response_topic")) == (not allowed)


def test_a_fault_that_nobody_foresaw_before_a_command_is_done_is_answered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("unforeseen")

    with still(tmp_path) as node:
        monkeypatch.setattr("node.commands.audit.Audit.command", broken)
        reply = node.command("pause", **PAUSE)
        assert (reply["request_id"], reply["ok"], reply["error"]["code"]) == (
            "r-1",
            False,
            "INTERNAL",
        )
        assert node.paused == set()
        monkeypatch.undo()
        assert node.command("pause", **PAUSE)["ok"]
