"""`wipe`: nothing that the node stored is left, nothing else is touched, and not while something
runs."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.cli.command import main
from deploy.cli.wipe import REMAINS
from node.state_lock import lock_state
from schemas.store.accounts import Accounts
from tests.deploy.cli.test_backup import lived
from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.promise.ledgers import fill

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path) -> NodeProcess:
    """A used node, beside what is not its own."""
    made = NodeProcess(tmp_path, free_port(), [{"id": "cam1", "camera": {"kind": "synthetic"}}])
    made.state.mkdir(exist_ok=True)
    fill(made.ledger, 30)
    lived(made)
    for name in ("web", "shown", "small"):
        (made.state / name).mkdir()
        (made.state / name / "jwt.key").write_text("secret")
    for name in ("broker.json", "acknowledged.json", "audit.sent", "ledger.db.before-1"):
        (made.state / name).write_text("{}")
    (made.state / "notes.txt").write_text("of a person")
    before = tmp_path / f"{made.state.name}.before-2026-01-01T000000Z"
    (before / "users").mkdir(parents=True)
    (before / "users" / "users.json").write_text("{}")
    return made


@pytest.fixture
def run(
    site: NodeProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    def call(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = main(["wipe", *words, "--config", str(site.config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def files(site: NodeProcess) -> set[str]:
    """All files; SQLite removes its own logs when it likes."""
    root = site.state.parent
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {name for name in names if not name.endswith(("-wal", "-shm"))}


def test_all_that_was_stored_is_gone_and_what_is_not_ours_is_left_and_named(
    site: NodeProcess, run: Run
) -> None:
    code, out, err = run("--yes", "--json")
    assert code == 0, err
    assert sorted(path.name for path in site.state.iterdir()) == ["lock", "notes.txt"]
    assert not list(site.state.parent.glob("*.before-*"))
    assert site.config.exists()
    told = json.loads(out)
    assert told["left"] == ["notes.txt"]
    assert {"ledger.db", "accounts.db", "audit.key", "users", "programs", "pictures", "web"} <= set(
        told["removed"]
    )
    assert "\n".join(told["remains"]) == REMAINS
    assert run("--yes")[0] == 0, "a second time there is nothing, and that is well"


def test_the_head_of_the_audit_that_goes_is_told_here_and_to_the_journal(
    site: NodeProcess, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = Accounts(site.state / "accounts.db")
    rows, head, _ = accounts.verify_audit()
    accounts.close()
    journal: list[str] = []
    monkeypatch.setattr("deploy.cli.wipe.syslog.syslog", lambda _level, line: journal.append(line))
    assert json.loads(run("--yes", "--json")[1])["audit"] == {"rows": rows, "hash": head}
    (line,) = journal
    assert all(word in line for word in ("node-01", "local:", f"{rows} rows", head))


def test_what_it_cannot_promise_is_said(run: Run) -> None:
    _, out, _ = run("--yes")
    for word in ("flash", "overwritten", "backups", "credentials", "retained"):
        assert word in out


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "y\n", "node-02\n"])
def test_nothing_is_removed_unless_the_nodes_id_is_typed(
    site: NodeProcess, run: Run, typed: str
) -> None:
    (site.state / "lock").touch()
    before = files(site)
    code, _, err = run(typed=typed)
    assert (code, "nothing was removed" in err) == (1, True)
    assert files(site) == before


def test_the_nodes_id_typed_is_enough(site: NodeProcess, run: Run) -> None:
    code, _, err = run(typed="node-01\n")
    assert code == 0
    assert "for good" in err
    assert not site.ledger.exists()


def test_nothing_is_removed_under_a_node_or_a_web(site: NodeProcess, run: Run) -> None:
    lock = lock_state(site.state)
    before = files(site)
    code, _, err = run("--yes")
    assert (code, "STATE_LOCKED" in err) == (1, True)
    os.close(lock)
    held = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"f = open({str(site.state / 'accounts.db')!r}); print('open', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert held.stdout is not None
        held.stdout.readline()
        code, _, err = run("--yes")
    finally:
        held.communicate(b"\n", timeout=10)
    assert (code, "STATE_LOCKED" in err, str(held.pid) in err) == (1, True, True)
    assert files(site) == before


def test_links_are_removed_and_what_they_point_to_is_told_and_not_touched(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (site.state / "pictures").rename(elsewhere)
    (site.state / "pictures").symlink_to(elsewhere)
    (site.state / "users" / "more").symlink_to(tmp_path / "elsewhere")
    kept = sorted(elsewhere.rglob("*"))
    code, _, err = run("--yes")
    assert code == 0
    assert str(elsewhere) in err
    assert sorted(elsewhere.rglob("*")) == kept
    assert not (site.state / "pictures").is_symlink()


def test_a_node_that_was_wiped_has_nothing_of_before(site: NodeProcess, run: Run) -> None:
    run("--yes")
    accounts = Accounts(site.state / "accounts.db")
    assert accounts.audit_size() == 0
    accounts.close()
