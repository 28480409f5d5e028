"""A worker process: the bench of one station in a process of its own, so that a crash or an endless
loop in it takes nothing else along.

`python -m node.worker STATION PARENT PARTS SIDE PAGE` with the descriptors of two sockets, and of a
page that tells what it is at (see at_work.py). Over PARTS one job after the other comes in, and
what was found goes back; everything else goes over SIDE (see wire.py), so that a command never
holds up a part. It ends when its parent or a socket does, and by no signal that a service sends to
all of its processes.
"""

import contextlib
import ctypes
import faulthandler
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from node.commands.with_pixels import PixelCommands
from node.look import look
from node.pictures.live_view import LiveView
from node.pictures.writer import PictureWriter
from node.program import LoadedProgram
from node.shelf import LOAD_S, Shelf
from node.worker import manners
from node.worker.at_work import AtWork
from node.worker.bench import Workshop, make_bench
from node.worker.log_lines import LogLines
from node.worker.seam import PartOutcome
from node.worker.wire import (
    JOB,
    OUTCOME,
    READY,
    SETTLE,
    SETUP,
    SHOWN,
    Shown,
    Wire,
    WorkerSetup,
    as_fault,
    dumped,
    prepare,
)
from schemas import Fault, Problem
from schemas.command import COMMANDS
from schemas.store.live_pictures import LivePictures
from schemas.store.programs import Programs

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # prctl(2)
PR_SET_NAME = 15
TELL_S = 0.1
ALIVE_S = 0.5
CARE_THREADS = 4
SWITCH_S = 0.001  # as in the node's own process
M_ARENA_MAX = -8  # mallopt(3)
ARENAS = 2


class StationProcess:
    """See the head of this file."""

    def __init__(
        self, parts: Wire, side: Wire, page: AtWork, setup: WorkerSetup, lines: LogLines
    ) -> None:
        self._station = setup.station
        self._unmet = [] if setup.tries else list(manners.settle_in(setup.station))
        self._page = page
        self._lines = lines
        self._tries = setup.tries
        self._refused = setup.refused
        self._parts = parts
        self._side = side
        self._told = b""
        self._tell_lock = threading.Lock()
        state = Path(setup.state)
        self._shelf = Shelf(Programs(state / "programs"), loading=self._loading)
        writer = PictureWriter(self, setup.jpeg_quality, self._written, self._preview)
        workshop = Workshop(
            setup.node_id, self._shelf, writer, LiveView(LivePictures(state / "shown"))
        )
        self._workshop = workshop
        self._bench = make_bench(setup.station, Path(setup.folder), workshop, page.doing)
        self._commands = PixelCommands(workshop)
        # one command at a time; the care of programs and camera does not wait for it
        self._asking = ThreadPoolExecutor(1, "commands")
        self._care = ThreadPoolExecutor(CARE_THREADS, "care")
        self._ended = threading.Event()

    def run(self) -> None:
        """Look at parts until nobody is there any more."""
        self._workshop.start()
        self._open()
        threading.Thread(target=self._hear, name="hearing", daemon=True).start()
        threading.Thread(target=self._tell_again, name="telling", daemon=True).start()
        if not self._tries:
            self._unmet += manners.hurry(self._station, followed=True)
        gc.collect()
        gc.freeze()
        while (came := self._parts.receive()) is not None:
            kind, payload = came
            if kind == b"J":
                self._parts.send(b"F", self._look(payload))
        self._ended.set()

    def _look(self, payload: bytes) -> bytes:
        job = JOB.validate_json(payload)
        self._lines.part(job.trigger_id)
        outcome = look(job, self._bench)
        try:
            return OUTCOME.dump_json(outcome)
        except Exception as error:
            log.exception("what was found of %s cannot be told", job.trigger_id)
            fault = Fault(code="INTERNAL", message=f"{type(error).__name__}: {error}"[:500])
            least = PartOutcome(
                job.row, "ERROR", fault, outcome.program, (), None, {}, None, outcome.ended_ns
            )
            return OUTCOME.dump_json(least)
        finally:
            self._lines.part(None)

    def _loading(self, program: str, version: int) -> None:
        if self._refused.get(program) == version:
            raise Problem("TOOL_CRASHED", f"loading version {version} ended the worker before")
        self._page.loading(program, version)

    # What comes over the side

    def _hear(self) -> None:
        while (came := self._side.receive()) is not None:
            kind, payload = came
            try:
                self._heard(kind, payload)
            except Exception:
                log.exception("a message of the node could not be followed")
        os._exit(0)  # whatever hangs in here, nobody waits for it any more

    def _heard(self, kind: bytes, payload: bytes) -> None:
        if kind == b"S":
            self._bench.settle(SETTLE.validate_json(payload))
        elif kind == b"O":
            self._care.submit(self._open)
        elif kind == b"H":
            self._bench.hold(json.loads(payload))
            self._care.submit(self._peek, json.loads(payload))
        elif kind == b"K":
            self._care.submit(self._peek, json.loads(payload))
        elif kind == b"P":
            number, program_id, limit_s = json.loads(payload)
            self._care.submit(self._answer, number, partial(self._program, program_id, limit_s))
        elif kind == b"R":
            number, limit_s = json.loads(payload)
            self._care.submit(self._answer, number, partial(self._refresh, limit_s))
        elif kind == b"A":
            number, name, command = payload.split(b"\0", 2)
            do = partial(self._do, name.decode(), command)
            self._asking.submit(self._answer, int(number), do)
        elif kind == b"Z":
            self._asking.submit(self._commands.rest)
        elif kind == b"E":
            threading.Thread(target=self._end, name="ending", daemon=True).start()

    def _answer(self, number: int, do: Any) -> None:
        try:
            reply = dumped({"number": number, "data": do()})
        except Problem as problem:
            reply = _refused(number, problem)
        except Exception as error:
            log.exception("what the node asked for failed")
            said = f"{type(error).__name__}: {error}"[:500]
            reply = _refused(number, Problem("INTERNAL", said))
        self._side.send(b"a", reply)

    def _open(self) -> None:
        if not self._tries:
            self._bench.camera.open()
        self.tell()

    def _peek(self, program_id: str | None) -> None:
        if program_id is not None:
            self._shelf.peek(program_id)

    def _program(self, program_id: str, limit_s: float) -> Any:
        ready = self._shelf.get(program_id, limit_s).ready
        return READY.dump_python(ready, mode="json")

    def _refresh(self, limit_s: float) -> None:
        self._shelf.refresh(min(limit_s, LOAD_S))
        self.tell()

    def _do(self, name: str, command: bytes) -> dict[str, Any]:
        return self._commands.do(name, self._bench, COMMANDS[name].model_validate_json(command))

    def _end(self) -> None:
        self._workshop.stop()
        self._bench.close()
        self._side.close()

    # What goes over it

    def write(self, name: str, data: bytes) -> None:
        """A picture to be stored, which the node does: a folder has one writer. Raises Problem
        INTERNAL."""
        if not self._side.send(b"p", name.encode() + b"\0" + data):
            raise Problem("INTERNAL", f"{name} could not be handed to the node")

    def _written(self, result_id: str, problem: Problem | None) -> None:
        fault = None if problem is None else as_fault(problem).model_dump()
        self._side.send(b"w", dumped([result_id, fault]))

    def _preview(self, _station: str, jpeg: bytes) -> None:
        self._side.send(b"v", jpeg)

    def tell(self) -> None:
        """Tell what has changed."""
        with self._tell_lock:
            problem = self._bench.camera.problem
            shown = Shown(
                None if problem is None else as_fault(problem),
                self._bench.camera.simulated,
                {
                    program_id: loaded.ready
                    if isinstance(loaded, LoadedProgram)
                    else as_fault(loaded)
                    for program_id, loaded in self._shelf.all().items()
                },
                "; ".join(self._unmet) or None,
                self._bench.fault,
            )
            told = SHOWN.dump_json(shown)
            if told != self._told and self._side.send(b"s", told):
                self._told = told

    def _tell_again(self) -> None:
        alive_at = 0.0
        while not self._ended.wait(TELL_S):
            self.tell()
            if time.monotonic() - alive_at > ALIVE_S:
                alive_at = time.monotonic()
                drawing_s = (time.monotonic_ns() - self._workshop.pictures.beat_ns) / 1e9
                self._side.send(b"b", dumped(drawing_s), wait=False)


def _refused(number: int, problem: Problem) -> bytes:
    return dumped({"number": number, "fault": as_fault(problem).model_dump()})


def main(argv: list[str]) -> int:
    """Be the worker process of the parent."""
    parent, parts, side, page = map(int, argv[1:])  # the station is for people who list processes
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended already
        return 0
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    faulthandler.enable()
    sys.setswitchinterval(SWITCH_S)
    with contextlib.suppress(OSError):  # it goes before the node does, where memory ends
        Path("/proc/self/oom_score_adj").write_text("500")
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
    side_wire = Wire(socket.socket(fileno=side))
    prepare()  # a spare one waits here for its station
    while (came := side_wire.receive()) is not None:
        if came[0] == b"I":
            setup = SETUP.validate_json(came[1])
            what = "tries" if setup.tries else "worker"
            name = f"{what} {setup.station.id}".encode()  # for people who list processes
            ctypes.CDLL(None).prctl(PR_SET_NAME, name, 0, 0, 0)
            lines = LogLines(side_wire, setup.station.id)
            logging.getLogger().addHandler(lines)
            logging.getLogger().setLevel(setup.level)
            wire = Wire(socket.socket(fileno=parts))
            memory = AtWork(page)
            memory.given()
            StationProcess(wire, side_wire, memory, setup, lines).run()
            return 0
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    logging.shutdown()
    os._exit(code)  # no thread of it or of a library holds up the end
