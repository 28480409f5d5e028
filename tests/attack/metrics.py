"""10,000 connections to the metrics port of a node that inspects: how long inspections take with
and without, by turns."""

import contextlib
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from broker.client import Producer
from deploy.demo.broker_process import start_broker
from schemas import Problem
from schemas.settings import BrokerSettings
from tests.conftest import synthetic_node

CONNECTIONS = 10_000
AT_A_TIME = 1000
ROUNDS = 4
EVERY_S = 0.1
READY_S = 60.0
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Inspections(NamedTuple):
    """The inspections of one side: how many, and their times in ms."""

    count: int
    median_ms: float
    p95_ms: float
    worst_ms: float


def inspections(seconds: float) -> tuple[Inspections, Inspections, int]:
    """Without and with the flood, that many seconds of each round for either; and how many
    connections were made."""
    quiet: list[float] = []
    flooded: list[float] = []
    made = 0
    with tempfile.TemporaryDirectory(prefix="attack-metrics-") as name:
        broker = start_broker(Path(name) / "broker")
        node = synthetic_node(Path(name), broker.port)
        try:
            node.start()
            with Producer(
                BrokerSettings(url=f"mqtt://127.0.0.1:{broker.port}"), "node-01"
            ) as producer:
                _ready(producer)
                while made < CONNECTIONS or len(quiet) < 10:
                    quiet += _times(producer, seconds / ROUNDS)
                    with flooding(node.metrics_port) as count:
                        flooded += _times(producer, seconds / ROUNDS)
                    made += count[0]
        finally:
            node.stop()
            broker.stop()
    return _figures(quiet), _figures(flooded), made


@contextlib.contextmanager
def flooding(port: int) -> Iterator[list[int]]:
    """Makes connections by the thousand, half of them with a whole request and half without its
    end; returns how many there were."""
    done = threading.Event()
    count = [0]

    def run() -> None:
        crowd: list[socket.socket] = []
        while not done.wait(0.002):
            sock = socket.socket()
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(("127.0.0.1", port))
            crowd.append(sock)
            count[0] += 1
            for each in crowd[-20:-10]:
                with contextlib.suppress(OSError):
                    each.send(REQUEST if count[0] % 2 else REQUEST[:20])
            if len(crowd) >= AT_A_TIME:
                for each in crowd[: AT_A_TIME // 2]:
                    each.close()
                del crowd[: AT_A_TIME // 2]
        for each in crowd:
            each.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        thread.join(20)


def _ready(producer: Producer) -> None:
    until = time.monotonic() + READY_S
    while True:
        try:
            if producer.inspect("cam1", {}, 10.0)["verdict"] != "ERROR":
                return
        except Problem:
            if time.monotonic() > until:
                raise


def _times(producer: Producer, seconds: float) -> list[float]:
    found = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found.append(float(producer.inspect("cam1", {}, 30.0)["duration_ms"]))
        time.sleep(EVERY_S)
    return found


def _figures(times: list[float]) -> Inspections:
    ordered = sorted(times)
    return Inspections(
        len(ordered), statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1]
    )
