"""`make install-test`: install.sh on a clean root, by bundle and by registry, with the times.

It ends with a node that is Ready and has judged a part.

Below a folder of its own, without systemd: node and web are started by a script that stands for it,
the broker is this machine's mosquitto with the settings, passwords and rights that were installed.
What it needs from Debian (mosquitto, openssl, Python) is there beforehand. The bundle is installed
without any network, and neither way uses what pip kept from before. `make box` does the same on a
Debian with systemd.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2

from broker.client import Producer
from deploy.demo.broker_process import find_mosquitto
from deploy.demo.state import CAMERA
from node.cameras import synthetic
from schemas.settings import BrokerSettings
from tests.image.rows import Row, row
from tests.rig.box.image import shell
from tests.rooms.installation.machine import INSTALL, SERVICES
from tests.rooms.installation.processes import ROOT, free_port

NODE, STATION = "press-3", "cam1"
LIMITS_S = {"bundle": 90.0, "registry": 180.0}  # clean root to Ready
NO_NETWORK = ("unshare", "--net", "--map-root-user")


class Root:
    """A folder that stands for a machine, and what runs from it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "root"
        self.etc = self.path / "etc" / "inspection-node"
        self.credentials = self.etc / "credentials"
        self.port = free_port()
        self.services = folder / "services"
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("PIP_FIND_LINKS", "PYTHONPATH", "VIRTUAL_ENV")
        }
        self.environ = {
            **kept,
            "PATH": f"{kept['PATH']}:/usr/sbin",
            "PIP_NO_CACHE_DIR": "1",
            "CONFIG_PATH": str(self.etc / "node.toml"),
            "CREDENTIALS_DIRECTORY": str(self.credentials),
            "INSPECTION_STATE_DIR": str(self.path / "var/lib/inspection-node"),
            "INSPECTION_BROKER__URL": f"mqtt://127.0.0.1:{self.port}",
            "INSPECTION_WEB__BIND": f"127.0.0.1:{free_port()}",
            "INSPECTION_METRICS__BIND": f"127.0.0.1:{free_port()}",
        }
        self.broker: subprocess.Popen[bytes] | None = None

    def run(self, *words: str | Path) -> str:
        """What a command prints, with the settings and keys of this root. Raises RuntimeError."""
        return shell(*words, env=self.environ, cwd=self.folder)

    def inspection_node(self, *words: str | Path) -> str:
        """The command that was installed."""
        return self.run(self.path / "opt/inspection-node/current/bin/inspection-node", *words)

    def start(self) -> None:
        """Broker, node and web, as they were installed, on ports that are free here."""
        etc = self.path / "etc" / "mosquitto"
        conf = (etc / "mosquitto.conf").read_text()
        for old, new in (
            ("1883 127.0.0.1", f"{self.port} 127.0.0.1"),
            ("/etc/mosquitto/", f"{etc}/"),
            ("/var/lib/mosquitto/", f"{self.folder}/"),
        ):
            assert old in conf, old
            conf = conf.replace(old, new)
        (self.folder / "mosquitto.conf").write_text(f"{conf}\nuser root\n")
        with (self.folder / "broker.log").open("ab") as log:
            words = [str(find_mosquitto()), "-c", str(self.folder / "mosquitto.conf")]
            self.broker = subprocess.Popen(words, stdout=log, stderr=log)
        opt, config = self.path / "opt" / "inspection-node", self.etc / "node.toml"
        script = SERVICES.format(opt=opt, config=config, folder=self.folder)
        self.services.write_text(script)
        self.services.chmod(0o700)
        self.run(self.services, "start")

    def end(self) -> None:
        """End everything that runs."""
        if self.services.exists():
            self.run(self.services, "stop")
        if self.broker is not None:
            self.broker.terminate()
            self.broker.wait(10)


def trial(folder: Path, kind: str, source: Path) -> str:
    """From nothing to a part that is judged. Raises AssertionError, RuntimeError."""
    root = Root(folder)
    drawn = {**synthetic.program(CAMERA), "master": "master.png"}
    (folder / "program.json").write_text(json.dumps(drawn))
    master = cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes()
    (folder / "master.png").write_bytes(master)
    began = time.monotonic()
    try:
        if kind == "bundle":
            shell("tar", "-xzf", source, "-C", folder)
            script, way = folder / "inspection-node/install/install.sh", NO_NETWORK
        else:
            script, way = INSTALL / "install.sh", ()
        root.run(*way, script, "--root", root.path, "--node-id", NODE)
        installed = time.monotonic() - began
        root.start()
        root.inspection_node("program", "import", folder / "program.json")
        root.inspection_node("program", "activate", STATION, str(drawn["id"]))
        root.inspection_node("healthy", "--wait", "60")
        ready = time.monotonic() - began
        verdict = _judged(root)
        took = time.monotonic() - began
    finally:
        root.end()
    assert ready <= LIMITS_S[kind], f"Ready after {ready:.0f} s of {LIMITS_S[kind]:.0f}"
    return (
        f"installed in {installed:.0f} s, Ready after {ready:.0f} s (at most"
        f" {LIMITS_S[kind]:.0f}), a part judged {verdict} after {took:.0f} s"
    )


def _judged(root: Root) -> str:
    """The verdict on a part, as a PLC that signs in with its password hears it."""
    values = {
        "url": f"mqtt://127.0.0.1:{root.port}",
        "username": "plc",
        "password": (root.credentials / "broker_plc").read_text().strip(),
    }
    with Producer(BrokerSettings.model_validate(values), NODE) as producer:
        verdict = str(producer.inspect(STATION, {"part_id": "first"}, timeout_s=30)["verdict"])
    assert verdict in ("OK", "NG"), verdict
    return verdict


def _bundle(file: Path) -> str:
    """What is in the bundle of this tree."""
    told = shell(sys.executable, "-m", "deploy.cli.command", "bundle", file, cwd=ROOT)
    return told.strip().partition(": ")[2]


def main(argv: list[str] | None = None) -> int:
    """0 if everything that was asked for held."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig.clean_root", description=__doc__)
    parser.add_argument("--only", choices=list(LIMITS_S), help="one of the two ways")
    args = parser.parse_args(argv)
    if find_mosquitto() is None:
        print("make install-test: install mosquitto first", file=sys.stderr)
        return 1
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="clean-root-") as scratch:
        for kind in [args.only] if args.only else LIMITS_S:
            folder, source = Path(scratch) / kind, ROOT
            folder.mkdir()
            if kind == "bundle":
                source = Path(scratch) / "bundle.tar.gz"
                rows.append(row("the bundle, made", partial(_bundle, source)))
                if not rows[-1].held:
                    continue
            rows.append(row(kind, partial(trial, folder, kind, source)))
    print("\n| clean root from | held | seen |\n|---|---|---|")
    for each in rows:
        print(f"| {each.name} | {'yes' if each.held else 'NO'} | {each.seen} |".replace("\n", " "))
    return 0 if all(each.held for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
