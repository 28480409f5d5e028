"""Versions that follow one another under load, with real node, web and broker: nothing is lost,
what is broken is undone."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.promise.promise import Line, check

# 204 s on a machine with ten times the load it can carry
pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
INSTALL = ROOT / "deploy" / "install"
SERVICES = """#!/bin/bash
# Stands for systemctl: starts and stops node and web of the current version.
case $1 in
  start)
    for what in run web; do
      {opt}/current/bin/inspection-node $what --config {config} >>{folder}/$what.log 2>&1 </dev/null &
      echo $! >{folder}/$what.pid
    done ;;
  stop)
    for what in run web; do
      [ -e {folder}/$what.pid ] || continue
      pid=$(cat {folder}/$what.pid)
      kill $pid 2>/dev/null
      while grep -qs '^State:.[^Z]' /proc/$pid/status; do sleep 0.05; done
      rm {folder}/$what.pid
    done ;;
esac
exit 0
"""  # noqa: E501


class Machine:
    """A root with versions of this tree side by side, the first of them running."""

    def __init__(self, folder: Path, node: NodeProcess) -> None:
        self.root = folder / "root"
        self.opt = self.root / "opt" / "inspection-node"
        etc = self.root / "etc" / "inspection-node"
        (etc / "credentials").mkdir(parents=True)
        (self.root / "var" / "backups" / "inspection-node").mkdir(parents=True)
        config = etc / "node.toml"
        config.write_text(
            node.config.read_text() + f'\nweb = {{ bind = "127.0.0.1:{free_port()}" }}\n'
        )
        self.services = folder / "services"
        self.services.write_text(SERVICES.format(opt=self.opt, config=config, folder=folder))
        self.services.chmod(0o700)
        self.version("1.0")
        (self.opt / "current").symlink_to("versions/1.0")

    def version(self, name: str, broken: str = "") -> None:
        """A version that works, or one whose command `broken` ends at once."""
        made = self.opt / "versions" / name
        made.mkdir(parents=True)
        for part in ("lib", "pyvenv.cfg"):
            (made / part).symlink_to(Path(sys.prefix) / part)
        (made / "bin").mkdir()
        command = made / "bin" / "inspection-node"
        real = Path(sys.executable).with_name("inspection-node")
        refusal = f'[ "$1" != {broken} ] || {{ echo "broken" >&2; exit 1; }}\n' if broken else ""
        command.write_text(f'#!/bin/sh\n{refusal}exec {real} "$@"\n')
        command.chmod(0o700)
        (made / "complete").touch()

    @property
    def current(self) -> str:
        return (self.opt / "current").readlink().name

    def run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "DEPLOY_SERVICES": str(self.services)}
        return subprocess.run(
            [str(INSTALL / script), "--root", str(self.root), *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
            env=environ,
        )


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
