"""A command that waited too long moves and starts nothing; it is told so, also when it comes
again."""

import time
from pathlib import Path
from typing import Any

import pytest

from schemas.command import COMMANDS
from tests.rooms.installation.nodes import still

pytestmark = pytest.mark.slow

PAUSE = {"request_id": "r-1", "station": "cam1"}
STARTS = {
    "select_program": {"station": "cam1", "program": "cap"},
    "set_output": {"station": "cam1", "output": "ok", "active": True},
    "resume": {},
    "capture": {"station": "cam1"},
    "register_master": {"station": "cam1", "program": "cap"},
    "try_program": {"station": "cam1", "program": "cap"},
    "show": {"station": "cam1"},
    "reset_counters": {"station": "cam1"},
}


def sent(ago_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago_s))


@pytest.mark.parametrize("name", sorted(STARTS))
@pytest.mark.parametrize("how", ["outage", "sent_at"])
def test_what_waited_too_long_moves_and_starts_nothing(tmp_path: Path, name: str, how: str) -> None:
    with still(tmp_path) as node:
        node.command("pause", request_id="before", maintenance=True)
        old: dict[str, Any] = {"outage_s": 6.0} if how == "outage" else {"sent_at": sent(6.0)}
        reply = node.command(name, request_id="r-1", **STARTS[name], **old)
        assert (reply["ok"], reply["error"]["code"]) == (False, "COMMAND_STALE")
        assert node.paused == {"cam1", "cam2"}
        assert not any(node.service.driver.values("cam1").values())
        again = node.command(
            name,
            request_id="r-1",
            **STARTS[name],
            **{name: value for name, value in old.items() if name == "sent_at"},
        )
        assert again == {
            **reply,
            "repeated": True,
        }, "a broker that brings it once more after the fence gets it done"
        fresh = node.command(name, request_id="r-2", **STARTS[name], outage_s=4.0)
        assert fresh["ok"] or fresh["error"]["code"] != "COMMAND_STALE"


def test_every_command_that_is_not_in_the_table_of_this_test_may_be_late_or_is_a_trigger() -> None:
    late = {name for name, model in COMMANDS.items() if model.late}
    assert late == {"ping", "pause", "resend"}
    assert set(COMMANDS) == late | set(STARTS) | {"trigger", "calibrate"}


def test_a_pause_that_waited_is_done(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        assert node.command("pause", **PAUSE, outage_s=600.0)["ok"]
        assert node.paused == {"cam1"}


def test_how_long_a_command_may_wait_is_a_setting(tmp_path: Path) -> None:
    with still(tmp_path, commands={"max_age_ms": 60_000}) as node:
        assert node.command("resume", request_id="r-1", outage_s=50.0)["ok"]
        assert (
            node.command("resume", request_id="r-2", outage_s=70.0)["error"]["code"]
            == "COMMAND_STALE"
        )


@pytest.mark.parametrize("old", [{"outage_s": 6.0}, {"sent_at": "2026-01-01T00:00:00Z"}])
def test_the_trigger_of_a_command_that_waited_is_answered_stale_and_so_is_the_command(
    tmp_path: Path, old: dict[str, Any]
) -> None:
    with still(tmp_path, max_age_ms=3_600_000) as node:
        reply = node.command(
            "trigger", request_id="r-1", station="cam1", trigger={"trigger_id": "late-1"}, **old
        )
        assert (reply["ok"], reply["error"]["code"]) == (False, "COMMAND_STALE")
        assert "late-1" in reply["error"]["message"]
        (result,) = node.results()
        assert (result["trigger_id"], result["error"]["code"], result["outputs"]) == (
            "late-1",
            "TRIGGER_STALE",
            "none",
        )
        assert (result["source"], result["captured_at"]) == ("command", None)


def test_the_trigger_of_a_command_is_asked_for_its_own_age_too(tmp_path: Path) -> None:
    with still(tmp_path, clocks_synced=True) as node:
        reply = node.command(
            "trigger", request_id="r-1", station="cam1", trigger={"sent_at": sent(60.0)}
        )
        assert (reply["ok"], reply["data"]["state"], reply["data"]["verdict"]) == (
            True,
            "answered",
            "ERROR",
        )
        assert node.results()[0]["error"]["code"] == "TRIGGER_STALE"
        node.command("trigger", request_id="r-2", station="cam1", outage_s=3.0)
        assert [result["error"]["code"] for result in node.results()] == ["TRIGGER_STALE"] * 2


def test_a_trigger_by_command_with_a_known_id_answers_only_the_same_trigger(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        one = {"station": "cam1", "trigger": {"trigger_id": "L3-1", "part_id": "SN1"}}
        first = node.command("trigger", request_id="r-1", **one)["data"]
        assert first == {"duplicate": False, "trigger_id": "L3-1", "state": "waiting"}
        assert node.command("trigger", request_id="r-2", **one)["data"] == {
            **first,
            "duplicate": True,
        }
        one["trigger"] = {"trigger_id": "L3-1", "part_id": "SN2"}
        assert node.command("trigger", request_id="r-3", **one)["error"]["code"] == "TRIGGER_KNOWN"
        node.deliver({"trigger_id": "L3-1", "part_id": "SN1"})
        assert [event["data"]["differs"] for event in node.said("event", "trigger.duplicate")] == [
            False,
            True,
            False,
        ]
        assert len(node.service.ledger.waiting()) == 1
