"""The bare loop: what anybody would write first. One paho callback that does everything, with the
same pictures, the same OpenCV calls and the same durable commits as the node, and nothing else that
the node promises.

`python -m tests.bench.bare PORT NAME FOLDER PICTURES NO_DELAY`; says Ready on NAME's state topic.
"""

import json
import sqlite3
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from node.frame import Frame
from node.locate import locate
from node.quality import check
from node.shelf import Shelf
from schemas import QualityLimits, utc
from schemas.store.programs import Programs
from tests.bench.plc import BASE, no_delay


class Loop:
    """The script as an object: settings, pictures and the database, then one callback."""

    def __init__(self, name: str, folder: Path, pictures: Path) -> None:
        self.name = name
        self.frames: dict[str, Any] = {
            path.stem: cv2.imread(str(path)) for path in pictures.iterdir()
        }
        self.loaded = Shelf(Programs(folder / "programs")).get("synthetic-part")
        self.limits = QualityLimits()
        self.seq = 0
        self.db = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.executescript(files("schemas.store.ledger").joinpath("ledger.sql").read_text())

    def on_message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        """Trigger in, commit, acknowledge, inspect, commit, publish."""
        received_at, began = time.time(), time.monotonic_ns()
        trigger = json.loads(message.payload)
        station = message.topic.rpartition("/")[2]
        self.db.execute("BEGIN IMMEDIATE")
        row = self.db.execute(
            "INSERT INTO triggers (station, trigger_id, digest, body, assigned, source,"
            " received_at, received_ns, boot) VALUES (?, ?, '', ?, 0, 'mqtt', ?, ?, '')",
            (station, trigger["trigger_id"], message.payload.decode(), received_at, began),
        ).lastrowid
        self.db.execute("COMMIT")
        client.ack(message.mid, message.qos)
        result = self.inspect(trigger, station, received_at, began)
        payload = json.dumps(result, separators=(",", ":")).encode()
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute(
            "INSERT INTO results (id, result_id, station, seq, verdict, code, program,"
            " program_version, part_id, finished_at, duration_ms, pictures, payload) VALUES (?, ?,"
            " ?, ?, ?, NULL, ?, ?, ?, ?, ?, 0, ?)",
            (
                row,
                result["result_id"],
                station,
                self.seq,
                result["verdict"],
                result["program"],
                result["program_version"],
                result["part_id"],
                time.time(),
                result["duration_ms"],
                payload,
            ),
        )
        self.db.execute("INSERT INTO outbox (result) VALUES (?)", (row,))
        self.db.execute("COMMIT")
        client.publish(f"{BASE}/{self.name}/result/{station}", payload, 1)
        client.publish(f"{BASE}/{self.name}/latest/{station}", payload, 1, True)

    def inspect(
        self, trigger: dict[str, Any], station: str, received_at: float, began: int
    ) -> dict[str, Any]:
        """The same calls into OpenCV as in the node."""
        program = self.loaded.program
        frame = Frame(
            self.frames[trigger["part_id"]], time.monotonic_ns(), time.time(), "bare", True
        )
        check(frame, self.limits)
        pose, placement = locate(frame, program.locator, self.loaded.locator)
        assert pose is not None
        tools = []
        for tool in self.loaded.tools:
            settings: Any = tool.settings
            value = tool.kind.measure(
                frame.view(settings.region, placement), settings, tool.learned
            ).value
            good = (settings.low is None or value >= settings.low) and (
                settings.high is None or value <= settings.high
            )
            verdict = "OK" if good else "NG"
            tools.append(
                {
                    "name": settings.name,
                    "kind": settings.kind,
                    "verdict": verdict,
                    "value": round(value, 6),
                    "unit": settings.unit,
                    "low": settings.low,
                    "high": settings.high,
                }
            )
        verdict = "OK" if all(tool["verdict"] == "OK" for tool in tools) else "NG"
        self.seq += 1
        return {
            "schema": "result/1",
            "result_id": str(uuid4()),
            "trigger_id": trigger["trigger_id"],
            "node": self.name,
            "station": station,
            "seq": self.seq,
            "verdict": verdict,
            "evaluation": 1 if verdict == "OK" else 2,
            "program": program.id,
            "program_version": self.loaded.version,
            "program_hash": self.loaded.hash,
            "part_id": trigger["part_id"],
            "received_at": utc(received_at),
            "captured_at": utc(frame.taken_at_s),
            "finished_at": utc(),
            "duration_ms": (time.monotonic_ns() - began) / 1e6,
            "pose": {"x": pose.x, "y": pose.y, "score": pose.score},
            "tools": tools,
            "error": None,
        }


def main(port: int, name: str, folder: Path, pictures: Path, quick: bool) -> None:
    """Serve until the process is ended."""
    loop = Loop(name, folder, pictures)
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, f"bare-{name}", protocol=mqtt.MQTTv5, manual_ack=True
    )
    if quick:
        client.on_socket_open = no_delay

    def on_connect(*_: Any) -> None:
        client.subscribe(f"{BASE}/{name}/trigger/+", 1)

    def on_subscribe(*_: Any) -> None:
        client.publish(f"{BASE}/{name}/state", b'{"state":"Ready"}', 1, True)

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = loop.on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5] == "1")
