"""Somebody who has the Run page open, without a browser: one event stream, and the picture of each
result that it reports.

`python -m tests.bench.watcher PORT`, the access token in the environment as WATCHER_TOKEN; says
`hello` once the stream runs.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

from tests.rooms.installation.processes import ROOT

TOKEN = "WATCHER_TOKEN"
LIMIT_S = 30.0


def events(port: int, headers: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Name and data of each event, until the web ends the stream."""
    connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    connection.request("GET", "/api/v1/events", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    name = ""
    for line in answer:
        key, _, value = line.decode().rstrip("\r\n").partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            yield name, json.loads(value)


def main(port: int, token: str) -> None:
    """Watch until the process is ended."""
    headers = {"Authorization": f"Bearer {token}"}
    pictures = HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    for name, data in events(port, headers):
        if name == "hello":
            print(name, flush=True)
        if name == "result":
            pictures.request(
                "GET",
                f"/api/v1/stations/{data['station']}/picture?seq={data['seq']}",
                headers=headers,
            )
            pictures.getresponse().read()


@contextlib.contextmanager
def watching(port: int, token: str) -> Iterator[None]:
    """Somebody watching, in a process of its own, as a browser is."""
    command = [sys.executable, "-m", "tests.bench.watcher", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, TOKEN: token}, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"hello"
        yield
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main(int(sys.argv[1]), os.environ[TOKEN])
