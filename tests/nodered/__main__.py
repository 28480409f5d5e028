"""`python -m tests.nodered`: Node-RED with our flow, our broker with its users and rights, and our
node; each is restarted once.

`make node-red` runs it. Every part has to reach the lamp exactly once, in the importable flow and
by the subflow's outputs; then the editor is looked at in Chromium. npm's node-red is kept in
NODERED_CACHE, else ~/.cache/inspection-node-red. `--version 5` takes Node-RED 5.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from broker import acl
from deploy.demo.broker_process import BrokerAccess, start_broker
from tests.conftest import synthetic_node
from tests.nodered import editor
from tests.nodered.install import MODULE, Installed, installed
from tests.rooms.installation.processes import free_port, toml
from tests.rooms.promise.promise import outbox, stored, wait_for

VERSION = "4.1"
KINDS = ("flow", "subflow", "editor")
PASSWORD = "node-red-trial-{}"
SETTINGS = """module.exports = {{
  uiHost: "127.0.0.1", uiPort: {port}, flowFile: "flows.json", disableEditor: {headless}, credentialSecret: false,
  telemetry: {{ enabled: false }}, editorTheme: {{ tours: false }},
  contextStorage: {{ default: {{ module: "localfilesystem", config: {{ flushInterval: 1 }} }} }},
  logging: {{ console: {{ level: "info" }} }},
}};
"""  # noqa: E501


def flow(kind: str, broker_port: int, lamp: Path, parts: int) -> list[dict[str, Any]]:
    """The flow as it is imported, with the broker's port, a feeder of parts and a file at the lamp;
    or around our Inspect."""
    made: list[dict[str, Any]] = json.loads((MODULE / "examples" / "inspection.json").read_text())
    broker = next(each for each in made if each["type"] == "mqtt-broker")
    broker["port"] = str(broker_port)
    z = made[0]["id"]
    if kind == "flow":
        first = "inspection-part"
        next(each for each in made if each["id"] == "inspection-lamp")["wires"] = [["told"]]
    else:
        subflow = json.loads((MODULE / "inspect.json").read_text())
        given = {
            each["name"]: each["value"] if each["type"] == "str" else {**each}
            for each in subflow["env"]
        }
        given["BROKER"] = broker["id"]
        made = [
            made[0],
            broker,
            {
                "id": "inspect",
                "z": z,
                "type": "inspection-inspect",
                **PLACE,
                **given,
                "wires": [["told"]] * 4,
            },
        ]
        first = "inspect"
    count = (
        f'const n = (context.get("n") || 0) + 1; if (n > {parts}) return null; context.set("n", n);'
        ' return { payload: "P" + String(n), topic: "" };'
    )
    return [
        *made,
        {"id": "clock", "z": z, **PLACE, "type": "inject", "props": [], "repeat": "0.1", "once": True, "onceDelay": 2,  # noqa: E501
         "wires": [["feed"]]},
        {"id": "feed", "z": z, **PLACE, "type": "function", "func": count, "outputs": 1, "libs": [], "wires": [[first]]},  # noqa: E501
        {"id": "told", "z": z, **PLACE, "type": "function", "func": TOLD, "outputs": 1, "libs": [], "wires": [["file"]]},  # noqa: E501
        {"id": "file", "z": z, **PLACE, "type": "file", "filename": str(lamp), "filenameType": "str", "appendNewline": True,  # noqa: E501
         "overwriteFile": "false", "wires": [[]]},
    ]  # fmt: skip


PLACE = {"x": 400, "y": 600}  # what has no place is taken for a configuration
TOLD = """const part = msg.topic === "missing" ? "missing" : msg.payload.part_id;
return { payload: [part, msg.payload.trigger_id, msg.payload.verdict].join(" ") };"""


class NodeRed:
    """A headless Node-RED on a folder of its own."""

    def __init__(
        self, red: Installed, folder: Path, nodes: list[dict[str, Any]], *, headless: bool = True
    ) -> None:
        folder.mkdir()
        self.red, self.folder, self.log = red, folder, folder / "log"
        self.port = free_port()
        (folder / "flows.json").write_text(json.dumps(nodes))
        user = {"inspection-broker": {"user": "plc", "password": PASSWORD.format("plc")}}
        (folder / "flows_cred.json").write_text(json.dumps(user))
        settings = SETTINGS.format(port=self.port, headless=json.dumps(headless))
        (folder / "settings.js").write_text(settings)
        (folder / "node_modules").symlink_to(red.red.parent.parent)
        (folder / "package.json").write_text(
            json.dumps({"name": "trial", "dependencies": {"node-red-contrib-inspection-node": "*"}})
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when its flows run."""
        before, folder = self.text().count("Started flows"), self.folder
        with self.log.open("ab") as log:
            words = [self.red.node, str(self.red.red), "-u", str(folder)]
            self.process = subprocess.Popen(
                [*words, "-s", str(folder / "settings.js")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
            )  # fmt: skip
        wait_for(
            lambda: self.text().count("Started flows") > before, 120, "Node-RED starts its flows"
        )

    def text(self) -> str:
        """What it has logged."""
        return self.log.read_text() if self.log.exists() else ""

    def stop(self) -> None:
        """SIGTERM."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)


def trial(red: Installed, folder: Path, kind: str, parts: int) -> str:
    """Send that many parts through a restart of the node, the broker and Node-RED; returns what was
    seen. Raises AssertionError."""
    names = acl.AclNames(node="node-01", node_user="node-01")
    users = (names.node_user, names.web, names.plc, names.operator, names.viewer)
    access = BrokerAccess({user: PASSWORD.format(user) for user in users}, acl.text(names))
    broker = start_broker(folder / "broker", access=access)
    lamp = folder / "lamp"
    node = synthetic_node(folder, broker.port)
    settings = {
        "url": f"mqtt://127.0.0.1:{broker.port}",
        "username": names.node_user,
        "password": PASSWORD.format(names.node_user),
    }
    lines = [
        line for line in node.config.read_text().splitlines() if not line.startswith("broker =")
    ]
    node.config.write_text("\n".join([f"broker = {toml(settings)}", *lines]))
    nodered = NodeRed(red, folder / "node-red", flow(kind, broker.port, lamp, parts))
    began = time.monotonic()

    def told() -> list[str]:
        return lamp.read_text().splitlines() if lamp.exists() else []

    try:
        node.start()
        nodered.start()
        for share, restart in ((4, "node"), (2, "broker"), (4 / 3, "node-red")):
            wait_for(
                lambda share=share: len(told()) >= parts / share,
                60 + parts,
                f"{parts / share:.0f} parts at the lamp",
            )  # type: ignore[misc]
            if restart == "node":
                node.stop()
                node.start()
            elif restart == "broker":
                broker.stop()
                broker.start()
            else:
                nodered.stop()
                nodered.start()
            print(
                f"{kind}: {restart} restarted after {len(told())} parts",
                file=sys.stderr,
                flush=True,
            )

        def judged() -> set[str]:
            return {line.split()[0] for line in told()} - {"missing"}

        wait_for(lambda: len(judged()) >= parts, 60 + parts, f"{parts} parts at the lamp")
        wait_for(lambda: outbox(node.ledger) == 0, 60, "an empty outbox")
        time.sleep(5)  # what would come twice comes now
        seen = Counter(line.split()[0] for line in told())
        late = seen.pop("missing", 0)
        rows = stored(node.ledger)
        twice = {part: count for part, count in seen.items() if count > 1}
        assert not twice, f"twice at the lamp: {twice}"
        assert len(rows) == parts, f"{len(rows)} results for {parts} parts"
        verdicts = Counter(line.split()[2] for line in told() if not line.startswith("missing"))
        assert set(seen) == {f"P{n + 1}" for n in range(parts)}
        return (
            f"{len(seen)} parts, each once ({dict(verdicts)}; {late} told as late) in"
            f" {time.monotonic() - began:.0f} s"
        )
    except AssertionError:
        print(nodered.text()[-3000:], *told()[-5:], sep="\n", file=sys.stderr)
        raise
    finally:
        nodered.stop()
        node.end()
        broker.stop()


def looked_at(red: Installed, folder: Path, picture: Path | None) -> str:
    """The editor in a browser, with the example and an Inspect. Raises AssertionError."""
    example = json.loads((MODULE / "examples" / "inspection.json").read_text())
    inspect = {
        "id": "inspect", "z": example[0]["id"], "type": editor.TYPE, "x": 600, "y": 410,
        "BROKER": "inspection-broker", "NODE": "node-01", "STATION": "cam1",
        "BASE": "inspection/v1", "LIMIT_S": "30", "wires": [[]] * 4,
    }  # fmt: skip
    nodered = NodeRed(red, folder / "node-red", [*example, inspect], headless=False)
    try:
        nodered.start()
        return editor.seen(f"http://127.0.0.1:{nodered.port}/", "inspect", picture)
    except AssertionError:
        print(nodered.text()[-3000:], file=sys.stderr)
        raise
    finally:
        nodered.stop()


def main(argv: list[str] | None = None) -> int:
    """0 if every part was at the lamp exactly once."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.nodered", description="Node-RED with our flow and our subflow."
    )
    parser.add_argument(
        "--parts", type=int, default=1000, metavar="N", help="parts of each (default 1000)"
    )
    parser.add_argument("--only", choices=KINDS, help="this one only")
    parser.add_argument("--version", default=VERSION, metavar="V", help=f"default {VERSION}; or 5")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="of the editor: docs/pages/node-red.webp"
    )
    args = parser.parse_args(argv)
    try:
        red = installed(args.version)
    except (RuntimeError, subprocess.SubprocessError) as error:
        print(f"make node-red: {error}", file=sys.stderr)
        return 1
    good = True
    for kind in KINDS:
        if args.only in (None, kind):
            with tempfile.TemporaryDirectory(
                prefix="node-red-", ignore_cleanup_errors=True
            ) as folder:
                try:
                    if kind == "editor":
                        told = looked_at(red, Path(folder), args.picture)
                    else:
                        told = trial(red, Path(folder), kind, args.parts)
                    print(f"{kind}: {told}", flush=True)
                except AssertionError as error:
                    print(f"{kind}: FAILED: {error}", flush=True)
                    good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
