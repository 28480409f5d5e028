"""Both ends of a live stream: one that speaks as a node does, and one that reads as a browser
does."""

import json
import socket
import sqlite3
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.rooms.promise.ledgers import BEGAN, STEP_S, payload

PREFIX = "inspection/v1/node-01"


class Node:
    """Stands for a node: puts results into the ledger and publishes what it is told to."""

    def __init__(self, port: int, ledger: Path) -> None:
        self.ledger = ledger
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.say("state", {"state": "Ready", "stations": {}}, retain=True)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, leaf: str, value: Any, *, retain: bool = False) -> None:
        data = b"" if value is None else json.dumps(value).encode()
        self.client.publish(f"{PREFIX}/{leaf}", data, 1, retain).wait_for_publish(5)

    def result(self, seq: int, *, publish: bool = True) -> None:
        """The next result of cam1."""
        number = 1000 + seq
        value = {**payload(number, "cam1", seq), "seq": seq}
        with sqlite3.connect(self.ledger) as db:
            at = BEGAN + STEP_S * number
            db.execute(
                "INSERT INTO triggers VALUES (?, 'cam1', ?, x'00', '{}', 0, 'mqtt', ?, 0, 'b')",
                (number, f"t-{number}", at),
            )
            db.execute(
                "INSERT INTO results VALUES (?, ?, 'cam1', ?, 'OK', NULL, 'p', 1, NULL, ?, 5.0,"
                " 0, ?)",
                (number, value["result_id"], seq, at, json.dumps(value).encode()),
            )
        if publish:
            self.say("result/cam1", value)


class Reader:
    """A browser that reads a stream."""

    def __init__(self, port: int, token: str, last_event_id: str | None = None) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        extra = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id is not None else ""
        self.sock.sendall(
            "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer"
            f" {token}\r\n{extra}\r\n".encode("latin-1")
        )
        self.file = self.sock.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value

    def next(self, kind: str | None = None) -> tuple[str, str, Any]:
        """(id, event, data) of the next event, of that kind."""
        event_id = event = data = ""
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError
            text = line.decode().rstrip("\r\n")
            if text.startswith("id: "):
                event_id = text[4:]
            elif text.startswith("event: "):
                event = text[7:]
            elif text.startswith("data: "):
                data = text[6:]
            elif text == "" and event:
                if kind in (None, event):
                    return event_id, event, json.loads(data)
                event_id = event = data = ""

    def close(self) -> None:
        self.sock.close()
        self.file.close()
