"""The settings: what may be changed, how the file is written, and which processes are asked to read
it."""

import fcntl
import hashlib
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from schemas.settings.load import load
from tests.rooms.people.people import PROOF, Caller, code, data, settings, site_of
from web.app import create_app
from web.reloading import reload_node

HEAD = "# press 3, asked for by Jo: keep it\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = settings(tmp_path)
    path.write_text(HEAD + path.read_text() + "queue_limit = 8  # the belt holds eight\n")
    path.chmod(0o640)
    return path


@pytest.fixture
def app(file: Path) -> Flask:
    return create_app(load(file, {"INSPECTION_PICTURES__MAX_MB": "500"}))


def row(ada: Caller, key: str) -> dict[str, Any]:
    return next(each for each in ada.get("/settings")["settings"] if each["key"] == key)


def change(ada: Caller, tag: str | None = None, path: str = "", **body: Any) -> TestResponse:
    tag = ada.ask("GET", "/settings").headers["ETag"] if tag is None else tag
    method = "POST" if path else "PUT"
    return ada.ask(method, f"/settings{path}", json={**PROOF, **body}, headers={"If-Match": tag})


def test_a_change_keeps_what_people_wrote_and_the_text_before_it(ada: Caller, file: Path) -> None:
    before = file.read_text()
    changes = {"station.cam1.queue_limit": 12, "history.max_days": 90.5, "log_level": "WARNING"}
    told = data(change(ada, changes=changes))
    text = file.read_text()
    assert text.startswith(HEAD.rstrip())
    assert "queue_limit = 12  # the belt holds eight" in text
    raw = tomllib.loads(text)
    assert (raw["history"]["max_days"], raw["log_level"]) == (90.5, "WARNING")
    assert raw["station"][0]["queue_limit"] == 12
    assert load(file, {}).settings.station[0].queue_limit == 12
    assert told["before"] == {
        "station.cam1.queue_limit": 8,
        "history.max_days": None,
        "log_level": None,
    }
    assert told["after"] == changes
    assert file.with_name("node.toml.previous").read_text() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o640, "who else reads it still can"
    audited = ada.get("/audit?limit=5")["rows"]
    written = next(each for each in audited if each["action"] == "settings.change")
    assert written["details"]["before"] == told["before"]
    assert written["details"]["after"] == told["after"]


def test_what_the_file_says_and_what_is_in_force_are_told_apart(ada: Caller, app: Flask) -> None:
    assert row(ada, "log_level")["in_file"] == row(ada, "log_level")["value"] == "INFO"
    data(change(ada, changes={"log_level": "DEBUG"}))
    shown = row(ada, "log_level")
    assert (shown["value"], shown["in_file"]) == ("INFO", "DEBUG")
    assert site_of(app).settings.log_level == "INFO"


def test_a_change_can_be_taken_back(ada: Caller, file: Path) -> None:
    before = file.read_text()
    assert ada.get("/settings")["previous"] is False
    assert code(change(ada, path="/previous")) == "NOT_FOUND"
    data(change(ada, changes={"log_level": "DEBUG"}))
    after = file.read_text()
    told = data(change(ada, path="/previous"))
    assert told["before"] == {"log_level": "DEBUG"}
    assert file.read_text() == before
    data(change(ada, path="/previous"))
    assert file.read_text() == after, "going back is a change like any other"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"broker.url": "mqtt://elsewhere:1883"}, "SETTINGS_READ_ONLY"),
    ({"state_dir": "/tmp"}, "SETTINGS_READ_ONLY"),
    ({"web.jwt_key": "x" * 40}, "SETTINGS_READ_ONLY"),
    ({"web.bind": "0.0.0.0:80"}, "SETTINGS_READ_ONLY"),
    ({"station.cam1.max_age_ms": 9}, "SETTINGS_READ_ONLY"),
    ({"station.cam1.id": "cam9"}, "SETTINGS_READ_ONLY"),
    ({"station.*.queue_limit": 9}, "SETTINGS_INVALID"),
    ({"station.cam9.queue_limit": 9}, "SETTINGS_INVALID"),
    ({"pictures.max_mb": 9}, "SETTINGS_READ_ONLY"),  # the environment gives it
    ({"station.cam1.timer_ms": 3}, "SETTINGS_INVALID"),
    ({"log_level": "INFO", "history.max_days": -1}, "SETTINGS_INVALID"),
    ({"history.max_days": "many"}, "SETTINGS_INVALID"),
    ({"log_level": ["INFO"]}, "VALIDATION_FAILED"),
    ({}, "VALIDATION_FAILED"),
]


def test_what_is_not_safe_or_not_right_changes_nothing(ada: Caller, file: Path) -> None:
    before = file.read_bytes()
    for changes, wanted in REFUSED:
        assert code(change(ada, changes=changes)) == wanted, changes
    assert file.read_bytes() == before
    assert not file.with_name("node.toml.previous").exists()


def test_a_refusal_names_every_key_that_is_wrong(ada: Caller) -> None:
    answer = change(ada, changes={"history.max_days": -1, "station.cam1.queue_limit": 0})
    assert answer.json is not None
    errors = answer.json["details"]["errors"]
    assert {error.partition(":")[0] for error in errors} == {
        "history.max_days",
        "station.cam1.queue_limit",
    }


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(ada: Caller, file: Path) -> None:
    tag = ada.ask("GET", "/settings").headers["ETag"]
    file.write_text(file.read_text() + "\n# somebody else\n")
    assert code(change(ada, tag, changes={"log_level": "DEBUG"})) == "SETTINGS_CONFLICT"
    assert "DEBUG" not in file.read_text()
    answer = ada.ask("PUT", "/settings", json={**PROOF, "changes": {"log_level": "DEBUG"}})
    assert code(answer) == "PRECONDITION_REQUIRED"


def test_two_who_write_at_once_are_not_both_taken(ada: Caller, file: Path) -> None:
    before = file.read_text()
    with file.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # as another process of the web does while it writes
        assert code(change(ada, changes={"log_level": "DEBUG"})) == "SETTINGS_CONFLICT"
    assert file.read_text() == before
    data(change(ada, changes={"log_level": "DEBUG"}))


def test_what_cannot_be_put_in_its_place_leaves_nothing_behind(
    ada: Caller, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_text()

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("schemas.store.settings_file.shutil.copymode", refused)
    assert code(change(ada, changes={"log_level": "DEBUG"})) == "STORE_FAILED"
    assert file.read_text() == before
    assert not list(file.parent.glob("node.toml?*"))


def test_an_earlier_text_that_is_damaged_is_refused(ada: Caller, file: Path) -> None:
    data(change(ada, changes={"log_level": "DEBUG"}))
    now, earlier = file.read_bytes(), file.with_name("node.toml.previous")
    for text in (b"log_level = ", b"\xff\xfe"):
        earlier.write_bytes(text)
        assert code(change(ada, path="/previous")) == "SETTINGS_INVALID"
        assert file.read_bytes() == now
    tag = hashlib.sha256(b"log_level = ").hexdigest()[:16]
    earlier.write_bytes(now)
    file.write_bytes(b"log_level = ")
    assert code(change(ada, tag, path="/previous")) == "SETTINGS_INVALID"


def test_going_back_takes_nothing_that_only_the_file_may_say(ada: Caller, file: Path) -> None:
    data(change(ada, changes={"log_level": "DEBUG"}))
    file.write_text(file.read_text().replace("# press 3", 'node_id = "press-3"\n# press 3'))
    assert code(change(ada, path="/previous")) == "SETTINGS_READ_ONLY"
    assert 'node_id = "press-3"' in file.read_text()


def test_a_change_asks_for_the_own_password(ada: Caller, file: Path) -> None:
    tag = ada.ask("GET", "/settings").headers["ETag"]
    body = {"changes": {"log_level": "DEBUG"}}
    answer = ada.ask("PUT", "/settings", json=body, headers={"If-Match": tag})
    assert code(answer) == "PROOF_REQUIRED"
    wrong = {**body, "own_password": "something else 12"}
    answer = ada.ask("PUT", "/settings", json=wrong, headers={"If-Match": tag})
    assert code(answer) == "CREDENTIALS_INVALID"
    assert "DEBUG" not in file.read_text()


def test_a_file_that_is_not_ours_is_only_to_read(
    ada: Caller, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schemas.store.settings_file.os.geteuid", lambda: 4711)
    shown = ada.get("/settings")
    assert shown["closed"] == "not ours"
    assert shown["commands"]["node"] == "systemctl reload inspection-node"
    assert code(change(ada, changes={"log_level": "DEBUG"})) == "SETTINGS_READ_ONLY"


def test_a_link_is_only_to_read(ada: Caller, file: Path) -> None:
    real = file.with_name("real.toml")
    file.rename(real)
    file.symlink_to(real)
    assert ada.get("/settings")["closed"] == "a link"
    assert code(change(ada, changes={"log_level": "DEBUG"})) == "SETTINGS_READ_ONLY"


def test_only_what_is_safe_is_offered_and_each_with_its_reason(ada: Caller) -> None:
    offered = [each for each in ada.get("/settings")["settings"] if each["editable"]]
    keys = {each["key"] for each in offered}
    assert {"history.max_days", "station.cam1.queue_limit", "pictures.max_count"} <= keys
    assert "pictures.max_mb" not in keys, "the environment gives it"
    for each in offered:
        parts = each["key"].split(".")
        assert not each["secret"]
        assert parts[0] not in ("broker", "oidc", "exports", "programs", "metrics")
        assert not {"url", "bind", "folder", "path", "lines", "camera", "id"} & set(parts)
        assert each["form"].get("type") in ("integer", "number", "string", "boolean")


def test_a_file_that_is_wrong_now_is_told_and_left_alone(ada: Caller, file: Path) -> None:
    file.write_text(file.read_text() + 'colour = "red"\n')
    shown = ada.get("/settings")
    assert "colour" in shown["wrong"]
    assert code(change(ada, changes={"log_level": "DEBUG"})) == "SETTINGS_INVALID"


def test_a_file_that_has_gone_is_told_beside_what_is_in_force(ada: Caller, file: Path) -> None:
    file.unlink()
    shown = ada.get("/settings")
    assert shown["wrong"]
    assert row(ada, "log_level")["value"] == "INFO"
    assert code(change(ada, "0" * 16, changes={"log_level": "DEBUG"})) == "STORE_FAILED"


HOLDER = """
import fcntl, os, signal, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(fd, fcntl.LOCK_EX)
print('held', flush=True)
sys.stdin.readline()
signal.signal(signal.SIGHUP, lambda *_: print('asked', flush=True))
print('listens', flush=True)
sys.stdin.readline()
"""


def test_the_holder_of_the_state_folder_is_asked_to_reload_and_nobody_else(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(f"{os.getpid()}\n")  # a number that is found there is not trusted
    assert reload_node(tmp_path) == "not here"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "held\n"
            assert reload_node(tmp_path) == "not here", "it would end by it: it is no node"
            print(file=child.stdin, flush=True)
            assert child.stdout.readline() == "listens\n"
            assert reload_node(tmp_path) == "asked"
            assert child.stdout.readline() == "asked\n"
            print(file=child.stdin, flush=True)
            assert child.wait(30) == 0
        finally:
            child.kill()
    assert reload_node(tmp_path) == "not here"
