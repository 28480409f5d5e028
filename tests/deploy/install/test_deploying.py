"""Versions that follow one another under load, with real node, web and broker: nothing is lost, and
what is broken is undone."""

import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms.installation.machine import Machine
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line, check

NEWER = "PRAGMA user_version = 999"

# 204 s on a machine with ten times the load it can carry
pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture
def machine(tmp_path: Path, node: NodeProcess) -> Iterator[Machine]:
    """It runs nothing yet."""
    made = Machine(tmp_path, node)
    yield made
    subprocess.run([str(made.services), "stop"], check=True)


@pytest.fixture
def running(machine: Machine, line: Line) -> Machine:
    """It runs its first version."""
    subprocess.run([str(machine.services), "start"], check=True)
    line.state("Ready", 60)
    return machine


def test_versions_change_under_load_and_what_does_not_work_is_undone(
    running: Machine, node: NodeProcess, line: Line
) -> None:
    stop = threading.Event()

    def load() -> None:
        while not stop.wait(0.2):
            line.trigger()

    plc = threading.Thread(target=load)
    plc.start()
    try:
        running.version("1.1")
        done = running.run("deploy.sh", "1.1")
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert running.current == "1.1"
        assert "backed up" in done.stdout
        running.version("1.2", broken="web")
        done = running.run("deploy.sh", "1.2", "--wait", "3")
        assert done.returncode == 1, (done.stdout, done.stderr)
        assert "version 1.1 runs again" in done.stdout
        assert running.current == "1.1"
        done = running.run("rollback.sh")
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert running.current == "1.0"
    finally:
        stop.set()
        plc.join(10)
    check(line, node.ledger)


def test_stores_that_the_old_version_cannot_read_come_back_from_the_backup(
    running: Machine, node: NodeProcess, line: Line
) -> None:
    import sqlite3

    line.result(line.trigger())
    newer = running.opt / "versions" / "2.0" / "bin" / "inspection-node"
    running.version("2.0", "run")
    text = newer.read_text().replace(
        "exec ",
        f'if [ "$1" = migrate ]; then {sys.executable} {running.services}.py; exit 0; fi\nexec ',
        1,
    )
    newer.write_text(text)
    Path(f"{running.services}.py").write_text(
        f"import sqlite3\nwith sqlite3.connect({str(node.ledger)!r}) as db:\n    db.execute('PRAGMA"
        " user_version = 999')\n"
    )
    done = running.run("deploy.sh", "2.0", "--wait", "3")
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "the stores are newer than 1.0: restoring" in done.stdout
    assert "version 1.0 runs again" in done.stdout
    with sqlite3.connect(node.ledger) as db:
        assert db.execute("SELECT count(*) FROM results").fetchone() == (1,)
    line.result(line.trigger(), limit_s=60)


def test_an_update_that_is_cut_off_after_its_stores_were_changed_leaves_the_version_that_reads_them(
    running: Machine, node: NodeProcess, line: Line
) -> None:
    line.result(line.trigger())
    newer = running.opt / "versions" / "2.0" / "bin" / "inspection-node"
    running.version("2.0")
    change = f"import sqlite3; sqlite3.connect({str(node.ledger)!r}).execute('{NEWER}')"
    # migrate --wait S --while PID: the power fails when it is done, which ends everything
    newer.write_text(
        newer.read_text().replace(
            "exec ",
            f'if [ "$1" = migrate ]; then {sys.executable} -c "{change}"; kill -9 $5; exit 0;'
            " fi\nexec ",
            1,
        )
    )
    assert running.run("deploy.sh", "2.0").returncode == -9
    assert running.current == "2.0"
    saved = next((running.root / "var/backups/inspection-node").glob("*.tar.gz"))
    done = running.run("rollback.sh", "--backup", str(saved))
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert running.current == "1.0"
    line.result(line.trigger(), limit_s=60)


def test_a_packed_version_is_taken_and_what_was_unpacked_goes(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, scratch = tmp_path / "inspection-node", tmp_path / "scratch"
    tree.mkdir()
    scratch.mkdir()
    (tree / "pyproject.toml").write_text('version = "1.1"\n')
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as file:
        file.add(tree, tree.name)
    monkeypatch.setenv("TMPDIR", str(scratch))
    done = machine.run("deploy.sh", str(packed), "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "switch from 1.0 to 1.1" in done.stdout
    assert list(scratch.iterdir()) == []


def test_what_cannot_be_deployed_changes_nothing(machine: Machine, tmp_path: Path) -> None:
    for words, told in (
        (("1.0",), "runs already"),
        (("9.9",), "there is no"),
        ((str(tmp_path),), "neither a bundle"),
    ):
        done = machine.run("deploy.sh", *words)
        assert done.returncode == 1
        assert re.search(told, done.stderr), done.stderr
    done = machine.run("rollback.sh")
    assert done.returncode == 1
    assert "no version ran before" in done.stderr
    assert machine.current == "1.0"
