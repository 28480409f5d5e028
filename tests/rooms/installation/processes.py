"""The real thing as processes: a node on a state folder of its own, started, killed and started
again by a test."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from deploy.demo import children
from tests.rooms.promise.promise import wait_for

ROOT = Path(__file__).parents[3]
free_port = children.free_port


class NodeProcess:
    """`inspection-node run` with a settings file in `folder`."""

    def __init__(
        self, folder: Path, broker_port: int, stations: list[dict[str, Any]], **settings: Any
    ) -> None:
        self.folder = folder
        self.broker_port = broker_port
        self.state = folder / "state"
        self.ledger = self.state / "ledger.db"
        self.log = folder / "node.log"
        self.metrics_port = free_port()
        self.config = folder / "node.toml"
        values = {
            "node_id": "node-01",
            "environment": "testing",
            "state_dir": str(self.state),
            "broker": {"url": f"mqtt://127.0.0.1:{broker_port}"},
            "metrics": {"bind": f"127.0.0.1:{self.metrics_port}"},
            "station": stations,
            **settings,
        }
        self.config.write_text("\n".join(f"{key} = {toml(value)}" for key, value in values.items()))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it without waiting for it to be ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli.command", "run", "--config", str(self.config)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self, limit_s: float = 12.0) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(limit_s)

    def metrics(self) -> dict[str, float]:
        """The Prometheus figures by name with labels."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5
        ) as answer:
            lines = answer.read().decode().splitlines()
        return {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in lines
            if line and line[0] != "#"
        }

    def end(self) -> None:
        """Make sure that it is gone, whatever the test did."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(12)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)

    def wait_ended(self, limit_s: float = 10.0) -> int:
        """The exit code, once it has ended by itself."""
        assert self.process is not None
        process = self.process
        wait_for(lambda: process.poll() is not None, limit_s, "the end of the node")
        return int(process.returncode)


def toml(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)


def settle(seconds: float) -> None:
    """Let time pass where there is nothing to wait for, to see that something does NOT happen."""
    time.sleep(seconds)
