"""`backup` and `restore`: a node's state as one file, taken while it changes, put back whole or not
at all.

One file: a backup is proved by its restore, so both are here.
"""

import gzip
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import archive
from deploy.cli.command import main
from schemas import Problem, Result, as_program, new_id
from schemas.store.accounts import Accounts
from schemas.store.ledger import Ledger, NewTrigger
from schemas.store.programs import Programs
from schemas.store.users import Users
from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.promise.ledgers import fill, payload, result_id

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path) -> NodeProcess:
    """A node that has lived: results, a program with its master, an account, pictures."""
    made = NodeProcess(
        tmp_path / "box",
        _folder(tmp_path / "box"),
        [{"id": "cam1", "camera": {"kind": "synthetic"}}],
    )
    made.state.mkdir()
    fill(made.ledger, 300)
    return made


def _folder(path: Path) -> int:
    path.mkdir()
    return free_port()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str, site: NodeProcess) -> tuple[int, str, str]:
        code = main([*words, "--config", str(site.config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def rows(path: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        tables = [
            name
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE"
                " 'sqlite_stat%'"
            )
        ]
        return {
            name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for name in tables
        }


def told_once(after: NodeProcess, before: NodeProcess) -> str:
    """Accounts and audit are equal except for one more row in the audit, and no session is open;
    returns what that row is about."""
    new, old = (rows(each.state / "accounts.db") for each in (after, before))
    new.pop("sqlite_sequence"), old.pop("sqlite_sequence")
    sessions = new.pop("sessions"), old.pop("sessions")
    assert [row[0] for row in sessions[0]] == [row[0] for row in sessions[1]]
    (more,) = [row for row in new["audit"] if row not in old["audit"]]
    assert new == {**old, "audit": sorted([*old["audit"], more], key=repr)}
    accounts = Accounts(after.state / "accounts.db")
    assert accounts.verify_audit()[2] is None
    newest = accounts.audit(None, 1, None, None)[0]
    assert accounts.sessions() == []
    accounts.close()
    return newest.action


def lived(site: NodeProcess) -> bytes:
    """Give the node a program with a master, two accounts and pictures; the master's bytes."""
    master = b"\x89PNG\r\n\x1a\n" + b"master"
    programs = Programs(site.state / "programs")
    tool = {
        "kind": "area",
        "name": "label",
        "region": {"x": 1, "y": 1, "width": 9, "height": 9},
        "low": 0.9,
    }
    programs.save(
        as_program({"id": "cap", "name": "Cap", "master": "master.png", "tools": [tool]}),
        master,
        by="test",
    )
    Users(site.state / "users").add("ann", "Ann", "ADMIN", "$argon2id$x")
    accounts = Accounts(site.state / "accounts.db")
    accounts.record("user.add", "ann", {}, username="test", address="", request_id="")
    accounts.close()
    shard = site.state / "pictures" / "019a000"
    shard.mkdir(parents=True)
    for number in (1, 50):  # a good part, and a bad one
        (shard / f"{result_id(number)}.jpg").write_bytes(b"picture %d" % number)
    with sqlite3.connect(site.ledger) as db:
        db.execute("UPDATE results SET pictures = 1 WHERE id IN (1, 50)")
    return master


def test_what_is_restored_on_a_clean_box_is_equal_in_every_row_and_file(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    master = lived(site)
    accounts = Accounts(site.state / "accounts.db")
    who = {"username": "ann", "address": "", "request_id": ""}
    accounts.begin("ann", "", b"t", 3600.0, 86400.0, "", who, "s-1")
    assert len(accounts.sessions()) == 1
    accounts.close()
    code, out, err = run(
        "backup", str(tmp_path / "b.tar.gz"), "--pictures", "all", "--json", site=site
    )
    assert code == 0, err
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert json.loads(out)["pictures"] == "all"
    other = NodeProcess(
        tmp_path / "other",
        _folder(tmp_path / "other"),
        [{"id": "cam1", "camera": {"kind": "synthetic"}}],
    )
    code, out, err = run("restore", str(tmp_path / "b.tar.gz"), "--json", site=other)
    assert code == 0, err
    told = json.loads(out)
    assert (told["programs"], told["accounts"]) == (1, 1)
    assert rows(other.ledger) == rows(site.ledger)
    assert told_once(other, site) == "state.restore"
    programs = Programs(other.state / "programs")
    assert programs.master(programs.get("cap").program) == master
    assert Users(other.state / "users").get("ann").password_hash == "$argon2id$x"
    assert (
        other.state / "pictures" / "019a000" / f"{result_id(50)}.jpg"
    ).read_bytes() == b"picture 50"
    assert Path(told["before"]).is_dir()


@pytest.mark.parametrize(("kept", "numbers"), [("none", []), ("ng", [50]), ("all", [1, 50])])
def test_pictures_are_kept_by_choice(
    site: NodeProcess, run: Run, tmp_path: Path, kept: str, numbers: list[int]
) -> None:
    lived(site)
    assert run("backup", str(tmp_path / "b.tar.gz"), "--pictures", kept, site=site)[0] == 0
    names = [name for name in members(tmp_path / "b.tar.gz") if name.startswith("state/pictures/")]
    assert names == [f"state/pictures/019a000/{result_id(number)}.jpg" for number in numbers]


def test_a_backup_taken_while_results_are_written_is_one_moment(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    ledger = Ledger(site.ledger)
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            ledger.write(
                lambda db, n=number: db.executemany(
                    "INSERT INTO replies (request_id, name, payload, at) VALUES (?, 'x', x'00', 0)",
                    [(f"a{n}",), (f"b{n}",)],
                )
            )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    finally:
        done.set()
        writer.join()
        ledger.close()
    (tmp_path / "copy.db").write_bytes(members(tmp_path / "b.tar.gz")["state/ledger.db"])
    taken = {row[0] for row in rows(tmp_path / "copy.db")["replies"]}
    assert {name[1:] for name in taken if name[0] == "a"} == {
        name[1:] for name in taken if name[0] == "b"
    }


@pytest.mark.parametrize(
    ("headers", "size", "why"),
    [
        ({"comment": "x" * 200_000}, 1, "one of its headers is too large"),
        ({"GNU.sparse.map": "0,1", "GNU.sparse.size": "9000000000000"}, 1, "is not a plain file"),
    ],
)
def test_what_unpacks_to_far_more_than_it_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], size: int, why: str
) -> None:
    monkeypatch.setattr(archive, "MAX_MANIFEST_BYTES", 100_000)
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as made:
        entry = tarfile.TarInfo("state/x")
        entry.size, entry.pax_headers = size, headers
        made.addfile(entry, io.BytesIO(bytes(size)))
    with pytest.raises(Problem, match=f"BACKUP_INVALID.*{why}"):
        archive.extract(tmp_path / "b.tar.gz", tmp_path / "new")
    assert not list(tmp_path.rglob("x"))


def members(path: Path) -> dict[str, bytes]:
    """Contents of an archive by name."""
    with tarfile.open(path) as found:
        return {entry.name: found.extractfile(entry).read() for entry in found}  # type: ignore[union-attr]


def written(path: Path, contents: dict[str, bytes]) -> Path:
    """An archive as somebody else would make it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def _changed(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {**contents, "state/users/users.json": contents["state/users/users.json"] + b" "}


def _short(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in contents.items() if name != "state/ledger.db"}


def _more(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {"state/extra": b"x", **contents}


def _outside(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {"../outside": b"x", **contents}


def _no_manifest(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in contents.items() if name != "manifest.json"}


def _newer(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {
        **contents,
        "manifest.json": contents["manifest.json"].replace(b"backup/1", b"backup/2"),
    }


def _other_node(contents: dict[str, bytes]) -> dict[str, bytes]:
    return {**contents, "manifest.json": contents["manifest.json"].replace(b"node-01", b"node-02")}


@pytest.mark.parametrize(
    "spoil", [_changed, _short, _more, _outside, _no_manifest, _newer, _other_node]
)
def test_what_is_not_the_backup_that_was_made_is_refused_and_changes_nothing(
    site: NodeProcess,
    run: Run,
    tmp_path: Path,
    spoil: Callable[[dict[str, bytes]], dict[str, bytes]],
) -> None:
    lived(site)
    assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    bad = written(tmp_path / "bad.tar.gz", spoil(members(tmp_path / "b.tar.gz")))
    before = rows(site.ledger)
    code, _, err = run("restore", str(bad), site=site)
    assert code == 1
    assert "BACKUP_INVALID" in err
    assert rows(site.ledger) == before
    assert not (tmp_path / "outside").exists()
    assert sorted(path.name for path in site.folder.iterdir()) == ["node.toml", "state"]


@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
def test_a_backup_that_was_cut_off_is_refused(
    site: NodeProcess, run: Run, tmp_path: Path, share: float
) -> None:
    lived(site)
    assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    whole = (tmp_path / "b.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: int(len(whole) * share)])
    code, _, err = run("restore", str(tmp_path / "cut.tar.gz"), site=site)
    assert (code, "BACKUP_INVALID" in err) == (1, True)


def test_a_ledger_of_a_newer_release_is_refused(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    with sqlite3.connect(site.ledger) as db:
        db.execute("PRAGMA user_version = 99")
    assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    other = NodeProcess(
        tmp_path / "other",
        _folder(tmp_path / "other"),
        [{"id": "cam1", "camera": {"kind": "synthetic"}}],
    )
    code, _, err = run("restore", str(tmp_path / "b.tar.gz"), site=other)
    assert (code, "STORE_NEWER" in err) == (1, True)
    assert not other.ledger.exists()


def test_nothing_is_restored_under_a_process_that_has_the_folder_open(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    held = subprocess.Popen([sys.executable, "-c", f"f = open({str(site.ledger)!r}); print('open', flush=True); input()"],  # noqa: E501
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)  # fmt: skip
    try:
        assert held.stdout is not None
        held.stdout.readline()
        code, _, err = run("restore", str(tmp_path / "b.tar.gz"), site=site)
    finally:
        held.communicate(b"\n", timeout=10)
    assert (code, "STATE_LOCKED" in err) == (1, True)
    assert str(held.pid) in err
    assert run("restore", str(tmp_path / "b.tar.gz"), site=site)[0] == 0


def test_no_seq_is_given_again_after_an_older_backup_came_back(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    ledger = Ledger(site.ledger)
    before = ledger.last_seq("cam1")
    later = [answered(ledger, f"later-{number}") for number in range(3)]
    ledger.close()
    assert later == [before + 1, before + 2, before + 3]
    assert run("restore", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    again = Ledger(site.ledger)
    try:
        assert again.lost is not None
        assert answered(again, "after") > later[-1]
    finally:
        again.close()


def answered(ledger: Ledger, trigger_id: str) -> int:
    """Answer a trigger at once; the seq of its result."""
    new = NewTrigger("cam1", trigger_id, b"{}", "{}", False, "mqtt", 0.0, 0)
    given: list[int] = []

    def build(seq: int) -> Result:
        given.append(seq)
        return Result.model_validate_json(
            json.dumps({**payload(1, "cam1", seq), "result_id": new_id(), "trigger_id": trigger_id})
        )

    ledger.accept_answered(new, build)
    return given[-1]


def test_old_backups_go_by_age_against_the_newest_and_never_the_only_one(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "something-else.tar.gz").write_bytes(b"")
    for days, node in ((100, "node-01"), (20, "node-01"), (100, "node-01-2020")):
        old = folder / f"inspection-node-{node}-2020-01-{days % 9:02}T101333304Z.tar.gz"
        old.write_bytes(gzip.compress(b""))
        os.utime(old, (old.stat().st_atime, old.stat().st_mtime - days * 86400))
    code, out, _ = run("backup", str(folder), "--keep-days", "30", "--json", site=site)
    assert code == 0
    assert len(json.loads(out)["removed"]) == 1
    assert len(list(folder.glob("inspection-node-*"))) == 3, "another node's stays"
    assert (folder / "something-else.tar.gz").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="an installed box's accounts need root, as in CI")
def test_with_what_its_unit_may_do_a_backup_of_an_installed_box_is_made_and_noted(
    site: NodeProcess, tmp_path: Path
) -> None:
    unit = (ROOT / "deploy/install/inspection-backup.service").read_text()
    (given,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.M)
    may = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in given.split())
    lived(site)
    for path in (site.state, *site.state.rglob("*")):
        os.chown(path, 54321, 54321)
        path.chmod(0o2770 if path.is_dir() else 0o660)
    (tmp_path / "kept").mkdir()
    words = [sys.executable, "-m", "deploy.cli.command", "backup", str(tmp_path / "kept")]
    done = subprocess.run(
        [
            "setpriv",
            "--inh-caps=-all",
            f"--bounding-set=-all,{may}",
            *words,
            "--config",
            site.config,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(list((tmp_path / "kept").iterdir())) == 1
    for path in (site.state, *site.state.rglob("*")):
        assert path.stat().st_gid == 54321, path
        assert path.stat().st_mode & 0o070 >= 0o060, path


def test_a_secret_in_the_settings_file_keeps_it_out_of_the_backup(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    assert run("backup", str(tmp_path / "a.tar.gz"), site=site)[0] == 0
    assert members(tmp_path / "a.tar.gz")["settings/node.toml"] == site.config.read_bytes()
    site.config.write_text(
        site.config.read_text() + '\nweb = { jwt_key = "0f9d8c7b6a5e4d3c2b1a0f9d8c7b6a5e" }\n'
    )
    assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    assert b"0f9d8c7b6a5e" not in b"".join(members(tmp_path / "b.tar.gz").values())


def test_migrate_tells_the_versions_before_and_after(site: NodeProcess, run: Run) -> None:
    code, out, err = run("migrate", "--json", site=site)
    assert code == 0, err
    found = {row["store"]: row for row in json.loads(out)}
    assert found["ledger.db"]["before"] == found["ledger.db"]["now"] > 0
    assert found["accounts.db"]["before"] == 0 < found["accounts.db"]["now"]


def test_nothing_is_migrated_for_an_update_that_was_killed(site: NodeProcess, run: Run) -> None:
    with subprocess.Popen(["true"]) as update:
        pass
    code, _, err = run("migrate", "--wait", "30", "--while", str(update.pid), site=site)
    assert code != 0
    assert "which wanted this, has ended" in err
    assert not (site.state / "accounts.db").exists()


def test_backup_restore_and_migrate_are_in_the_audit_with_who_sits_here(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    lived(site)
    assert run("backup", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    assert run("migrate", site=site)[0] == 0
    accounts = Accounts(site.state / "accounts.db")
    newest = accounts.audit(None, 1, None, None)[0]
    accounts.close()
    assert run("restore", str(tmp_path / "b.tar.gz"), site=site)[0] == 0
    accounts = Accounts(site.state / "accounts.db")
    assert accounts.verify_audit()[2] is None
    found = list(accounts.audit_rows())
    accounts.close()
    assert [row.action for row in found] == ["user.add", "state.backup", "state.restore"]
    assert all(row.username.startswith("local:") for row in found[1:])
    said = json.loads(found[-1].details)
    assert (found[-1].target, said["of"]) == ("b.tar.gz", "node-01")
    assert said["before"] == {
        "rows": newest.id,
        "hash": newest.hash.hex(),
    }, "how far the audit had come that was replaced"
    assert newest.action == "state.migrate"


def test_a_backup_goes_on_where_the_audit_cannot_be_written_and_says_so(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    (site.state / "audit.key").mkdir()
    code, _, err = run("backup", str(tmp_path / "b.tar.gz"), site=site)
    assert (code, "not in the audit" in err) == (0, True)
