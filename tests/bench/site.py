"""Where things are measured: one broker, pictures whose verdicts are known, nodes and bare loops
side by side."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import psutil

from node.cameras import Request, synthetic
from schemas import SyntheticCamera, as_program
from schemas.store.programs import Programs
from tests.bench.plc import Plc
from tests.bench.undisturbed import PRIORITY
from tests.rooms.installation.processes import ROOT, NodeProcess

PICTURES = 16
ALL_LINES = {
    "kind": "memory",
    "ready": 1,
    "busy": 2,
    "ok": 3,
    "ng": 4,
    "error": 5,
    "result_valid": 6,
    "heartbeat": 7,
    "outputs": {"OUT1": 8},
}


class Broker(Protocol):
    """A broker that runs."""

    @property
    def port(self) -> int:
        """Its TCP port on this machine."""


class Size(NamedTuple):
    """Size of the frames, in px."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


SMALL = Size(640, 480)
LARGE = Size(1280, 960)


class Target(NamedTuple):
    """Somebody who answers triggers: the id in its topics, and its process."""

    name: str
    process: psutil.Process


class Site:
    """A folder for everything, and the broker. `truth` is the verdict of each part_id, the same for
    every size."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder = folder
        self.broker = broker
        self.truth: dict[str, str] = {}
        self._sizes: set[Size] = set()

    def pictures(self, size: Size) -> Path:
        """The folder of drawn parts as PNG, good and bad ones; no part is missing, so each goes
        through all tools."""
        folder = self.folder / f"pictures-{size}"
        if size in self._sizes:
            return folder
        self._sizes.add(size)
        folder.mkdir(parents=True)
        settings = camera_of(size)
        line = synthetic.SyntheticLine(settings, folder)
        line.open()
        numbers = [n for n in range(1, 1000) if synthetic.truth(settings, n).verdict != "ERROR"][
            :PICTURES
        ]
        for n in numbers:
            frame = line.grab(Request(0, 1 << 62, f"part-{n}"))
            assert cv2.imwrite(str(folder / f"part-{n}.png"), frame.pixels)
            self.truth[f"part-{n}"] = synthetic.truth(settings, n).verdict
        return folder

    def programs(self, state: Path, size: Size) -> None:
        """The program with a locator and five tools, that keeps no pictures."""
        settings = camera_of(size)
        document = synthetic.program(settings) | {
            "keep": {"ng": False, "ok_every": 0},
            "outputs": {"OUT1": "tool:label:ng"},
        }
        master = cv2.imencode(".png", synthetic.master(settings))[1].tobytes()
        Programs(state / "programs").save(as_program(document), master, by="bench")

    def prepare(
        self,
        name: str,
        size: Size,
        stations: int = 1,
        priority: int = PRIORITY,
        **settings: Any,
    ) -> NodeProcess:
        """A node that is not started yet."""
        folder = self.folder / name
        folder.mkdir()
        camera = {"kind": "folder", "path": str(self.pictures(size)), "order": "part_id"}
        worker = os.environ.get("BENCH_WORKER", "process")  # or thread
        station = {
            "program": "synthetic-part",
            "camera": camera,
            "lines": ALL_LINES,
            "worker": worker,
            "priority": priority if worker == "process" else 0,
        }
        all_stations = [{"id": f"cam{n + 1}", **station} for n in range(stations)]
        node = NodeProcess(folder, self.broker.port, all_stations, node_id=name, **settings)
        self.programs(node.state, size)
        return node

    @contextlib.contextmanager
    def node(
        self, name: str, size: Size, stations: int = 1, priority: int = PRIORITY
    ) -> Iterator[Target]:
        """A node that is Ready."""
        with self.started(self.prepare(name, size, stations, priority), name) as target:
            yield target

    @contextlib.contextmanager
    def started(self, node: NodeProcess, name: str) -> Iterator[Target]:
        """A prepared node, Ready."""
        try:
            node.start()
            assert node.process is not None
            with Plc(self.broker.port) as plc:
                plc.await_state(name, "Ready")
            yield Target(name, psutil.Process(node.process.pid))
        finally:
            node.end()

    @contextlib.contextmanager
    def bare(self, name: str, size: Size, *, no_delay: bool = True) -> Iterator[Target]:
        """A bare loop that has subscribed."""
        folder = self.folder / name
        self.programs(folder, size)
        arguments = [
            str(self.broker.port),
            name,
            str(folder),
            str(self.pictures(size)),
            str(int(no_delay)),
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            with Plc(self.broker.port) as plc:
                plc.await_state(name, "Ready")
            yield Target(name, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(10)


def camera_of(size: Size) -> SyntheticCamera:
    """The drawn line of that size."""
    return SyntheticCamera(width=size.width, height=size.height, seed=1)
