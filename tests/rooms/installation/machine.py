"""A machine without systemd: a root with versions of this tree side by side, updated by the shipped
scripts; node and web of the current one are started and stopped as the units would do it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.rooms.installation.processes import ROOT, NodeProcess, free_port

INSTALL = ROOT / "deploy" / "install"
SERVICES = """#!/bin/bash
# Stands for systemctl: starts and stops node and web of the current version, in the order of the units.
launch() {{
  [ ! -e {folder}/$1.log ] || mv {folder}/$1.log {folder}/$1.before.log
  {opt}/current/bin/inspection-node $1 --config {config} >{folder}/$1.log 2>&1 </dev/null &
  echo $! >{folder}/$1.pid
}}
case $1 in
  start)
    launch run
    for ((i = 0; i < 300; i++)); do # Type=notify
      kill -0 $! 2>/dev/null || break
      ! grep -q 'is running' {folder}/run.log || break
      sleep 0.05
    done
    launch web ;;
  stop)
    for what in web run; do
      [ -e {folder}/$what.pid ] || continue
      pid=$(cat {folder}/$what.pid)
      kill $pid 2>/dev/null
      while grep -qs '^State:.[^Z]' /proc/$pid/status; do sleep 0.05; done
      rm {folder}/$what.pid
    done ;;
  reload) kill -HUP $(cat {folder}/run.pid) ;;
esac
exit 0
"""  # noqa: E501


class Machine:
    """A root with versions of this tree side by side, the first of them running."""

    def __init__(self, folder: Path, node: NodeProcess) -> None:
        self.ledger = node.ledger
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
        """A version that works, or one in which the command named by `broken` ends at once."""
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
