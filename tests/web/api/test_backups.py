"""Backups by the web: made and checked in a child, one at a time; those with people in them stay
here, and what is fetched can be restored."""

import gzip
import json
import os
import signal
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from deploy.cli.command import main
from tests.rooms.people.people import PROOF, Caller, code, data, site_of
from tests.rooms.promise.promise import wait_for
from web import backing_up

pytestmark = pytest.mark.slow


def made(ada: Caller, **wanted: Any) -> dict[str, Any]:
    """A finished backup, as the list has it."""
    answer = ada.ask("POST", "/backups", json=wanted)
    assert answer.status_code == 202, answer.text
    name = data(answer)["name"]
    assert settled(ada)["problem"] is None
    return next(each for each in ada.get("/backups")["archives"] if each["name"] == name)


def settled(ada: Caller) -> dict[str, Any]:
    """The job once it has ended."""
    wait_for(lambda: ada.get("/backups")["job"]["done"], 60, "it has ended")
    job: dict[str, Any] = ada.get("/backups")["job"]
    return job


def test_what_is_fetched_has_nobody_in_it_and_can_be_restored(
    app: Flask, ada: Caller, tmp_path: Path
) -> None:
    whole, bare = made(ada), made(ada, people=False)
    assert (whole["people"], bare["people"]) == (True, False)
    ticket = f"/backups/{bare['name']}/ticket"
    assert code(ada.ask("POST", ticket, json={})) == "PROOF_REQUIRED"
    assert code(ada.ask("POST", f"/backups/{whole['name']}/ticket", json=PROOF)) == (
        "PERMISSION_DENIED"
    )
    path = data(ada.ask("POST", ticket, json=PROOF))["path"].removeprefix("/api/v1")
    answer = ada.ask("GET", path)
    assert answer.status_code == 200
    with tarfile.open(fileobj=BytesIO(gzip.decompress(answer.data))) as archive:
        names = archive.getnames()
    assert "settings/node.toml" in names
    words = ("user", "account", "audit", "web/", "key")
    assert not [name for name in names if any(word in name for word in words)]
    for other in (path.replace(bare["name"], whole["name"]), path.replace("mark=", "mark=0")):
        assert code(ada.ask("GET", other)) == "PERMISSION_DENIED"
    eve = Caller(app, "eve", "ADMIN")
    assert code(eve.ask("GET", path)) == "PERMISSION_DENIED", "a ticket is for who asked"
    actions = [row["action"] for row in ada.get("/audit?limit=50")["rows"]]
    assert {"backup.make", "backup.fetch"} <= set(actions)

    site_of(app).close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "fetched.tar.gz").write_bytes(answer.data)
    config = elsewhere / "node.toml"
    text = (tmp_path / "node.toml").read_text()
    config.write_text(text.replace(str(tmp_path / "state"), str(elsewhere / "state")))
    assert main(["restore", str(elsewhere / "fetched.tar.gz"), "--config", str(config)]) == 0
    assert (elsewhere / "state" / "accounts.db").exists(), "an audit of its own, which tells of it"


def test_one_that_was_changed_is_found_and_one_that_is_whole_is_said_to_be(
    app: Flask, ada: Caller
) -> None:
    one = made(ada)
    assert one["checked_at"] is None
    data(ada.ask("POST", f"/backups/{one['name']}/check"))
    assert settled(ada)["problem"] is None
    (found,) = ada.get("/backups")["archives"]
    assert (found["problem"], found["checked_at"] is not None) == (None, True)
    path = site_of(app).backing_up.store.folder / one["name"]
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2] ^= 255
    path.write_bytes(broken)
    data(ada.ask("POST", f"/backups/{one['name']}/check"))
    assert "not whole" in str(settled(ada)["problem"])
    (found,) = ada.get("/backups")["archives"]
    assert "not whole" in found["problem"]


def test_one_at_a_time_five_are_kept_and_none_is_in_the_next(app: Flask, ada: Caller) -> None:
    store = site_of(app).backing_up.store
    folder = store.begin()
    for day in range(1, 7):
        name = f"inspection-node-node-01-2026-01-0{day}T000000000Z.tar.gz"
        (folder / name).write_bytes(b"old")
    (folder / "half.tar.gz.part").write_bytes(b"of one that was cut off")
    turn = site_of(app).backing_up._turn()
    assert code(ada.ask("POST", "/backups", json={})) == "BUSY"
    os.close(turn)
    one = made(ada)
    shown = ada.get("/backups")["archives"]
    assert next(each["name"] for each in shown) == one["name"]
    assert len(shown) == 5
    assert {each["people"] for each in shown[1:]} == {None}, "nothing is known of those"
    assert not list(folder.glob("*.part"))
    with tarfile.open(folder / one["name"]) as archive:
        assert not [name for name in archive.getnames() if "backups" in name]
    gone = shown[1]["name"]
    assert code(ada.ask("DELETE", f"/backups/{gone}", json={})) == "PROOF_REQUIRED"
    assert ada.ask("DELETE", f"/backups/{gone}", json=PROOF).status_code == 200
    for name in (gone, "..", "index.json", "no.tar.gz"):
        answer = ada.ask("POST", f"/backups/{name}/check")
        assert answer.status_code == 404, name
    assert json.loads((folder / "index.json").read_text())[one["name"]]["people"] is True


def test_the_backup_of_the_night_is_told_by_what_the_audit_has_of_it(
    app: Flask, ada: Caller, tmp_path: Path
) -> None:
    assert ada.get("/backups")["command_line"] is None
    assert main(["backup", str(tmp_path), "--config", str(tmp_path / "node.toml")]) == 0
    told = ada.get("/backups")["command_line"]
    assert told["name"].startswith("inspection-node-node-01-")
    assert told["at"]


# a child that begins when a file is there
WAITS = """
import os, sys, time
from deploy.cli.kept_backup import main
os.rename(sys.argv[1] + ".new", sys.argv[1] + f".{os.getpid()}")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
sys.exit(main(sys.argv[2:]))
"""
# a web that begins a backup, and ends before its child
ENDS = """
import os, sys, time
from pathlib import Path
from schemas.settings.load import load
from web import backing_up
settings, waits, go = sys.argv[1:]
backing_up.CHILD = [sys.executable, "-c", waits, go]
begun = backing_up.BackingUp(load(Path(settings), os.environ))
Path(go + ".new").touch()
begun.make("none", True)
while os.path.exists(go + ".new"):
    time.sleep(0.02)
os._exit(0)
"""


FAILS = """
import json, os, sys
open(sys.argv[3] + ".part", "w").write("half")
here = "/proc/self/fd/"
held = [os.stat(here + fd) for fd in os.listdir(here) if os.path.exists(here + fd)]
turn = os.stat(os.path.dirname(sys.argv[3]) + "/turn.lock")
print(json.dumps({"message": "held" if any(os.path.samestat(turn, fd) for fd in held) else "free"}))
sys.exit(1)
"""


def test_a_child_that_fails_leaves_nothing_and_has_the_turn_as_long_as_it_runs(
    app: Flask, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing_up, "CHILD", [sys.executable, "-c", FAILS])
    assert ada.ask("POST", "/backups", json={}).status_code == 202
    assert settled(ada)["problem"] == "held", "also where this process ends before it does"
    folder = site_of(app).backing_up.store.folder
    assert not list(folder.glob("*.part"))
    name = "inspection-node-node-01-2026-01-01T000000000Z.tar.gz"
    (folder / name).write_bytes(b"old")
    data(ada.ask("POST", f"/backups/{name}/check"))
    assert settled(ada)["problem"]
    (found,) = ada.get("/backups")["archives"]
    assert (found["problem"], found["checked_at"]) == (None, None), "nothing was found out"


@pytest.mark.parametrize("killed", [False, True], ids=["done", "killed"])
def test_what_a_web_began_before_it_was_made_anew_is_told_by_the_next(
    app: Flask, ada: Caller, tmp_path: Path, *, killed: bool
) -> None:
    assert app.extensions
    go = tmp_path / "go"
    words = [sys.executable, "-c", ENDS, str(tmp_path / "node.toml"), WAITS, str(go)]
    subprocess.run(words, check=True, timeout=60)
    job = ada.get("/backups")["job"]
    assert (job["kind"], job["done"], job["problem"]) == ("make", False, None)
    assert code(ada.ask("POST", "/backups", json={})) == "BUSY"
    if killed:
        (told,) = tmp_path.glob("go.*")
        os.kill(int(told.suffix[1:]), signal.SIGKILL)
        assert settled(ada)["problem"] == "it was ended"
        assert ada.get("/backups")["archives"] == []
        made(ada)
    else:
        go.touch()
        shown = wait_for(
            lambda: (told := ada.get("/backups"))["job"]["done"] and told, 60, "its end"
        )
        assert shown["job"]["problem"] is None
        (one,) = shown["archives"]  # in the very answer that says so
        assert (one["name"], one["people"], one["pictures"]) == (job["name"], True, "none")
