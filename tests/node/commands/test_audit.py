"""What is changed by MQTT is in the audit while no web runs; what the web has written down is not
there twice."""

import base64
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from node.limits import BEAT_S
from schemas import new_id
from schemas.store.accounts import Accounts
from schemas.store.accounts.vouching import AGE_S, Vouching
from tests.rooms.installation.nodes import Still, still

pytestmark = pytest.mark.slow

PAUSE = {"request_id": "r-1", "station": "cam1"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Still]:
    with still(tmp_path) as made:
        yield made


@pytest.fixture
def accounts(node: Still, tmp_path: Path) -> Iterator[Accounts]:
    """Accounts and audit as the web has them: with a first row, which makes the key."""
    with closing(Accounts(tmp_path / "state" / "accounts.db")) as made:
        made.record("first", "", {}, username="ada", address="", request_id="")
        yield made


def rows(accounts: Accounts) -> list[tuple[str, str, str]]:
    assert accounts.verify_audit()[2] is None
    return [
        (row.action, row.username, row.target)
        for row in accounts.audit_rows()
        if row.action != "first"
    ]


def retained(node: Still, name: str, leaf: str) -> bytes:
    """The newest payload that goes to a retained topic."""
    return node.service.outbox._newest[node.names(name, leaf)].payload


def details(accounts: Accounts) -> dict[str, str]:
    return dict(json.loads(accounts.audit(None, 1, None, None)[0].details))


def test_a_change_is_written_down_once_and_what_only_reads_is_not(
    node: Still, accounts: Accounts
) -> None:
    assert node.command("pause", **PAUSE)["ok"]
    assert node.command("pause", **PAUSE)["repeated"]
    assert node.command("ping", request_id="r-2")["ok"]
    node.command("trigger", request_id="r-3", station="cam1")
    assert node.command("resume", request_id="r-4", station="cam2")["ok"]
    assert not node.command("pause", request_id="r-5", station="cam1", surprise=1)["ok"]
    assert rows(accounts) == [("mqtt.pause", "by MQTT", "cam1"), ("mqtt.resume", "by MQTT", "cam2")]


def test_what_fails_is_written_down_with_its_code(node: Still, accounts: Accounts) -> None:
    assert not node.command("select_program", request_id="r-1", station="cam1", program="none")[
        "ok"
    ]
    assert not node.command(
        "resume", request_id="r-2", station="cam1", sent_at="2026-01-01T00:00:00Z"
    )["ok"]
    assert [row[0] for row in rows(accounts)] == [
        "mqtt.select_program",
        "mqtt.select_program.failed",
        "mqtt.resume",
        "mqtt.resume.failed",
    ]
    assert details(accounts) == {"request_id": "r-2", "code": "COMMAND_STALE"}


def test_a_row_says_what_was_given_and_where_replies_go_but_holds_no_picture(
    node: Still, accounts: Accounts
) -> None:
    topic = "inspection/v1/_client/press-3/reply"
    image = base64.b64encode(bytes(90_000)).decode()
    raw = json.dumps(
        {"request_id": "r-1", "station": "cam1", "program": "cap", "image": image}
    ).encode()
    node.command("register_master", raw, topic=topic)
    row = next(row for row in accounts.audit_rows() if row.action == "mqtt.register_master")
    said = json.loads(row.details)
    assert (said["request_id"], said["replies_to"]) == ("r-1", "press-3")
    assert json.loads(said["given"]) == {"station": "cam1", "program": "cap"}


def test_what_the_web_vouches_for_is_there_already_and_nobody_else_can(
    node: Still, accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Vouching(tmp_path / "state")
    assert node.command("pause", request_id=ours.id("pause"), station="cam1")["ok"]
    assert rows(accounts) == []
    (tmp_path / "elsewhere").mkdir()
    with closing(Accounts(tmp_path / "elsewhere" / "accounts.db")) as other:
        other.record("first", "", {}, username="eve", address="", request_id="")
    forged = Vouching(tmp_path / "elsewhere").id("pause")
    good = ours.id("pause")
    for name, request_id in (
        ("pause", forged),
        ("resume", good),
        ("pause", f"{new_id()}.{good.partition('.')[2]}"),
        ("pause", good[:-1]),
    ):
        assert node.command(name, request_id=request_id, station="cam1")["ok"], request_id
    assert len(rows(accounts)) == 4
    later = time.time() + AGE_S + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert not ours.holds(good, "pause"), "an old id is seen in replies by others"


def test_an_id_that_was_told_in_a_refusal_vouches_for_nothing_any_more(
    node: Still, accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who floods the node reads the id of what a person asked for in vain, and could
    otherwise do it in that name, unseen."""
    seen = Vouching(tmp_path / "state").id("pause")
    with monkeypatch.context() as flooded:
        flooded.setattr(node.service.commands, "_token", lambda: False)
        assert node.command("pause", request_id=seen, station="cam1")["error"]["code"] == "BUSY"
        for strange in (f"{seen}\ud800", f"{new_id()}.\ud800", "\ud800.\ud800"):
            assert (
                node.command("pause", request_id=strange, station="cam1")["error"]["code"] == "BUSY"
            )
    assert node.command("pause", request_id=seen, station="cam2")["ok"]
    assert rows(accounts) == [("mqtt.pause", "by MQTT", "cam2")]


def test_an_audit_that_cannot_be_written_stops_no_line_and_is_told(
    node: Still, tmp_path: Path
) -> None:
    (tmp_path / "state" / "accounts.db").mkdir()
    reply = node.command("pause", **PAUSE)
    assert reply["ok"]
    assert reply["warning"]["code"] == "STORE_FAILED"
    assert "audit" in reply["warning"]["message"]
    assert node.service.stations["cam1"].paused
    alarms = node.service.alarms
    node.service.chores.do("audit")
    assert "what is changed by MQTT is not in the audit" in alarms.active["AUDIT"].message
    (tmp_path / "state" / "accounts.db").rmdir()
    assert "warning" not in {
        key for key, value in node.command("resume", request_id="r-2").items() if value
    }
    node.service.chores.do("audit")
    assert "AUDIT" not in alarms.active


def test_an_audit_that_fills_is_an_alarm_until_it_may_have_more(
    node: Still, accounts: Accounts
) -> None:
    most = node.service.settings.web.audit_rows
    node.service.audit._most_rows = 1000

    def rows(db: sqlite3.Connection) -> None:
        for _ in range(900):
            accounts.append(db, "x", "", {}, {"username": "", "address": "", "request_id": ""})

    node.service.chores.do("audit")
    assert "AUDIT" not in node.service.alarms.active
    accounts.write(rows)
    node.service.chores.do("audit")
    assert node.service.alarms.active["AUDIT"].message == "the audit has 901 of 1000 rows"
    assert json.loads(retained(node, "alarm", "AUDIT"))["code"] == "AUDIT"
    node.service.audit._most_rows = most
    node.service.chores.do("audit")
    assert retained(node, "alarm", "AUDIT") == b""


def test_who_holds_the_accounts_holds_no_command_longer_than_a_thread_may_stand_still(
    node: Still, accounts: Accounts, tmp_path: Path
) -> None:
    with closing(
        sqlite3.connect(tmp_path / "state" / "accounts.db", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        reply = node.command("pause", **PAUSE)
        assert time.monotonic() - began < BEAT_S
        other.execute("ROLLBACK")
    assert reply["ok"]
    assert reply["warning"]["code"] == "STORE_FAILED"


def test_a_maintenance_that_began_in_the_web_is_not_ended_by_mqtt(
    node: Still, accounts: Accounts, tmp_path: Path
) -> None:
    web = Vouching(tmp_path / "state")
    station = node.service.stations["cam1"]
    begun = web.id("pause")
    assert node.command("pause", request_id=begun, station="cam1", maintenance=True)["ok"]
    for name, given in (
        ("resume", {"station": "cam1"}),
        ("resume", {}),
        ("pause", {"station": "cam1"}),
        ("pause", {"station": "cam1", "maintenance": True}),
    ):
        answer = node.command(name, request_id=f"{name}-{len(given)}", **given)
        assert answer["error"]["code"] == "IN_MAINTENANCE", (name, given)
        assert station.maintenance
    assert node.command("resume", request_id=web.id("resume"), station="cam1")["ok"]
    assert (station.maintenance, station.paused) == (False, False)
    assert node.command("pause", request_id="r-6", station="cam1", maintenance=True)["ok"]
    assert node.command("resume", request_id="r-7", station="cam1")["ok"], "what MQTT began it ends"
