"""The web under Gunicorn: `python -m tests.bench.web_serving`.

Health and one result against bare Flask routes that return the same bytes under a Gunicorn of the
same kind, in turns; a thousand idle connections beside a thousand requests per second; and the
longest wait during a reload.

One file: ours and bare, in turns, over the same wire.
"""

import argparse
import contextlib
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil

from deploy.serve import serving
from tests.bench.figures import Figure, ratio, share
from tests.bench.throughput import cpu_s
from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.installation.web_process import Web
from tests.rooms.promise.ledgers import fill, result_id
from tests.rooms.promise.promise import wait_for

CLASSES = ("gthread", "gevent")
CONNECTIONS = 8
BURST_S = 1.5
IDLE = 1000
RATE = 1000
STEADY_S = 5.0
ONE = f"/api/v1/results/{result_id(77)}"
HEALTH = "/api/v1/health"
LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


class Wire:
    """One kept connection that sends the same request again and again."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        who = f"Authorization: Bearer {token}\r\n" if token else ""
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n".encode()
        self.asked_at = 0.0
        self._read = b""

    def ask(self) -> None:
        """Send the request."""
        self.asked_at = time.perf_counter()
        self.sock.sendall(self.request)

    def answer(self) -> tuple[int, bytes] | None:
        """Status and body, None while they are not complete. Raises ConnectionError if the
        connection was closed."""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return None
        self._read = body[int(length[1]) :]
        return int(head[9:12]), body[: int(length[1])]

    def once(self) -> tuple[int, bytes]:
        """Ask and wait."""
        self.ask()
        while (found := self.answer()) is None:
            pass
        return found


def measure(rounds: int = 5) -> list[Figure]:
    """Ratios for health and one result, then what each kind of worker withstands, and the
    reload."""
    serving.more_files()
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-web-") as name:
        with (
            ours(Path(name) / "ours", "gthread") as (web, token),
            bare(Path(name), web, token) as port,
        ):
            for title, path in (("health", HEALTH), ("one result", ONE)):
                speeds = [
                    (burst(web.port, path, token), burst(port, path, token)) for _ in range(rounds)
                ]
                figure = ratio(
                    f"{title} / bare Flask",
                    [(a[0], b[0]) for a, b in speeds],
                    "requests/s",
                    ">= 0.6",
                    lambda value: value >= 0.6,
                )
                cpu = [(a[1], b[1]) for a, b in speeds]
                figure.detail["CPU ms a request, ours and bare"] = (
                    f"{median(a for a, _ in cpu):.3f}, {median(b for _, b in cpu):.3f}"
                )
                figure.detail["by CPU"] = f"{median(b / a for a, b in cpu):.2f}"
                found.append(figure)
            found.append(reload_gap(web))
        for kind in CLASSES:
            with ours(Path(name) / kind, kind) as (web, token):
                found.append(steady(web, kind))
    return found


@contextlib.contextmanager
def ours(folder: Path, kind: str) -> Iterator[tuple[Web, str]]:
    """The web over a thousand results, and a token."""
    (folder / "state").mkdir(parents=True)
    fill(folder / "state" / "ledger.db", 1000)
    web = Web(folder, GUNICORN_WORKER_CLASS=kind)
    try:
        yield web.ready(), web.sign_in()
    finally:
        web.end()


@contextlib.contextmanager
def bare(folder: Path, web: Web, token: str) -> Iterator[int]:
    """The port of the bare application, which returns what the web returns."""
    answers = {path: Wire(web.port, path, token).once()[1].decode() for path in (HEALTH, ONE)}
    (folder / "answers.json").write_text(json.dumps(answers))
    port = free_port()
    shape = [
        "--worker-class",
        "gthread",
        "--threads",
        "32",
        "--worker-connections",
        str(serving.CONNECTIONS),
        "--keep-alive",
        "5",
    ]
    with (folder / "bare.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                *shape,
                "--access-logfile",
                "-",
                "-b",
                f"127.0.0.1:{port}",
                "tests.bench.bare_web:app",
            ],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "BARE_ANSWERS": str(folder / "answers.json")},
        )
    try:
        wait_for(lambda: answers_at(port), 30, "the bare application")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def answers_at(port: int) -> bool:
    """Whether somebody answers there."""
    try:
        return Wire(port, HEALTH, "").once()[0] == 200
    except OSError:
        return False


def burst(port: int, path: str, token: str) -> tuple[float, float]:
    """Answers per second when a few connections ask as fast as they get answers; the server's CPU
    time for each in ms."""
    worker = worker_at(port)
    wires = [Wire(port, path, token) for _ in range(CONNECTIONS)]
    selector = selectors.DefaultSelector()
    for wire in wires:
        assert wire.once()[0] == 200
        selector.register(wire.sock, selectors.EVENT_READ, wire)
        wire.ask()
    began, count, cpu = time.perf_counter(), 0, cpu_s(worker)
    while time.perf_counter() - began < BURST_S:
        for key, _ in selector.select(1.0):
            found = key.data.answer()
            if found is not None:
                assert found[0] == 200
                count += 1
                key.data.ask()
    took, cpu = time.perf_counter() - began, cpu_s(worker) - cpu
    for wire in wires:
        wire.sock.close()
    return count / took, 1000 * cpu / count


def worker_at(port: int) -> psutil.Process:
    """The Gunicorn worker that serves a port: the child of the process that listens, or the
    listener that is itself a child."""
    pids = {
        each.pid
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port
    }
    children = [child for pid in pids if pid for child in psutil.Process(pid).children()]
    return children[0] if children else psutil.Process(pids.pop())


def steady(web: Web, kind: str) -> Figure:
    """A thousand idle connections, and health asked for a thousand times per second for some
    seconds, each on time or late."""
    idle = [socket.create_connection(("127.0.0.1", web.port), 20) for _ in range(IDLE)]
    wires = [Wire(web.port, HEALTH, "") for _ in range(64)]
    errors, late = 0, []
    free = list(wires)
    selector = selectors.DefaultSelector()
    for wire in wires:
        selector.register(wire.sock, selectors.EVENT_READ, wire)
    worker = worker_at(web.port)
    cpu = cpu_s(worker)
    began, sent = time.perf_counter(), 0
    due: dict[Wire, float] = {}
    while len(late) + errors < RATE * STEADY_S and time.perf_counter() - began < 4 * STEADY_S:
        now = time.perf_counter() - began
        while free and sent < min(RATE * STEADY_S, now * RATE):
            wire = free.pop()
            due[wire] = began + sent / RATE
            wire.ask()
            sent += 1
        for key, _ in selector.select(0.001):
            wire = key.data
            try:
                found = wire.answer()
            except OSError:
                found = (0, b"")
                selector.unregister(wire.sock)
            if found is None:
                continue
            if found[0] == 200:
                late.append((time.perf_counter() - due.pop(wire)) * 1000)
                free.append(wire)
            elif due.pop(wire, None) is not None:
                errors += 1
    took = time.perf_counter() - began
    cpu = cpu_s(worker) - cpu
    alive = sum(_open(sock) for sock in idle)
    for sock in [*idle, *(wire.sock for wire in wires)]:
        sock.close()
    rate = len(late) / took
    good = errors == 0 and len(late) == RATE * STEADY_S
    return Figure(
        f"{kind}: {IDLE} idle connections and {RATE} requests/s",
        round(rate, 1),
        "requests/s",
        "no errors",
        good,
        {
            "errors": errors,
            "answered": f"{len(late)} of {RATE * STEADY_S:.0f} in {took:.1f} s",
            "late by ms, p50 and p99": (
                f"{share(late, 0.5):.1f}, {share(late, 0.99):.1f}" if late else ""
            ),
            "idle connections that are still open": alive,
            "CPU of the worker, ms a request": round(1000 * cpu / max(1, len(late)), 3),
        },
    )


def reload_gap(web: Web) -> Figure:
    """The longest wait for health while HUP makes new workers, on a new connection each time."""
    waits, failed, done = [], 0, threading.Event()
    log = web.log.read_text().count("has ended after")

    def watch() -> None:
        nonlocal failed
        while not done.wait(0.01):
            began = time.perf_counter()
            try:
                wire = Wire(web.port, HEALTH, "")
                assert wire.once()[0] == 200
                wire.sock.close()
            except OSError:
                failed += 1
            waits.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=watch)
    thread.start()
    web.process.send_signal(signal.SIGHUP)
    wait_for(
        lambda: web.log.read_text().count("has ended after") > log, 60, "the end of the old worker"
    )
    done.set()
    thread.join()
    detail: dict[str, float | str] = {
        "median ms": round(share(waits, 0.5), 1),
        "asked": len(waits),
        "failed": failed,
    }
    return Figure(
        "longest wait during a reload",
        round(max(waits), 1),
        "ms",
        "no failure",
        failed == 0,
        detail,
    )


def _open(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.web_serving")
    parser.add_argument("--rounds", type=int, default=5)
    for figure in measure(parser.parse_args().rounds):
        print(
            f"{figure.name:52}{figure.value:10g} {figure.unit}  ({figure.target}:"
            f" {'met' if figure.met else 'not met'})"
        )
        for key, value in figure.detail.items():
            print(f"    {key}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
