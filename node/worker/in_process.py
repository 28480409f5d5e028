"""A worker in a process of its own, as the node sees it: started, asked, and started anew when it
ends, whatever ended it.

The part that was looked at then is an ERROR, and so is what comes before the new one is there. The
thread here starts the process, since a process must not outlive the thread that started it, hears
what it tells, and is the only one that puts another in its place.

One file: what is asked of the process, what it tells and how it ends change the same few states.
"""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from node.pictures.keeping import PictureKeeping
from node.worker.blame import Blame
from node.worker.child import ENDED_S, Child
from node.worker.early import EarlyLooks
from node.worker.handed import HandedPictures
from node.worker.questions import Questions
from node.worker.room import memory_bytes
from node.worker.seam import Crash, PartJob, PartOutcome, ReadyProgram, Settle
from node.worker.spare import Spare
from node.worker.tries import Tries
from node.worker.wire import (
    JOB,
    OUTCOME,
    READY,
    SETTLE,
    SETUP,
    SHOWN,
    Shown,
    WorkerSetup,
    as_problem,
    dumped,
    prepare,
    relay,
)
from schemas import Fault, Problem
from schemas.command import Command
from schemas.store.programs import Programs

log = logging.getLogger(__name__)

START_S = 60.0  # until it has reported anything: it may have to share a slow machine
ASK_S = 90.0  # for what a command needs
THERE_S = 15.0  # how long a command waits for the next one
SILENT_S = 8.0  # without a sign of life
DRAWING_S = 24.0  # for the pictures of a part
STILL_S = 1.0  # it is not held to that while we stood still ourselves
MORE_S = 0.5  # longer than the worker itself waits, for its answer to come over
GONE_S = 1.0  # until it is known that it has ended
STOP_S = 2.0  # for pictures that wait, at the end
AGAIN_S = 0.5  # between two starts of one that ends at once
PEEK_S = 0.5
REST_S = 5.0


class ProcessWorker:
    """See Worker, and the head of this file.

    preview: takes the pictures that go to the broker. crashed: is told of a program that has ended
    several workers in a row. spare: gives one that was started ahead. tries: does the commands that
    need no camera.
    """

    forcible = True

    def __init__(
        self,
        setup: WorkerSetup,
        programs: Programs,
        keeping: PictureKeeping,
        preview: Callable[[str, bytes], None],
        crashed: Callable[[Crash], None],
        spare: Spare | None = None,
        tries: Tries | None = None,
    ) -> None:
        self.beat_ns = time.monotonic_ns()
        self._setup = setup
        self._station = setup.station.id
        self._programs = programs
        self._preview = preview
        self._crashed = crashed
        self._spare = spare
        self._tries = tries
        self._blame = Blame()
        self._halted_ns = 0  # when a program had ended the worker so often that the station halted
        self._row: int | None = None  # of the part that is looked at
        self._early = EarlyLooks()
        self._held: str | None = None
        self._holding = threading.Lock()  # it is sent in the order in which it was set
        self._child: Child | None = None
        self._shown: Shown | None = None
        self._unstarted: str | None = None  # how the last one ended, if it never reported anything
        self._simulated = setup.station.camera.kind != "usb"
        self._there = threading.Condition()
        self._stopping = False
        self._questions = Questions()
        self._handed = HandedPictures(self._station, keeping)
        self._peeked_at = self._rested_at = 0.0
        self.ended = 0  # processes that were replaced
        self._thread = threading.Thread(
            target=self._run, name=f"worker {self._station}", daemon=True
        )

    # Life

    def start(self) -> None:
        """See Worker."""
        prepare()
        self._thread.start()

    def stop(self) -> None:
        """See Worker. Pictures that wait are written before."""
        self._stops()
        if self._tries is not None:
            self._tries.stop()
        child = self._child
        if child is not None:
            child.side.send(b"E", wait=False)
            child.close(STOP_S)
        if self._thread.is_alive():
            self._thread.join(ENDED_S)
        self._handed.close()

    def end(self, *, at_once: bool) -> None:
        """End what has nothing to write; not called with stop()."""
        self._stops()
        child = self._child
        if child is not None and at_once:
            child.end("nobody needs it")
        elif child is not None:
            child.side.send(b"E", wait=False)
            child.close()
        self._handed.close()

    def give_up(self, row: int) -> None:
        """See Worker."""
        child = self._child
        if child is not None and self._row == row and not child.starved:
            child.end("did not come back in time")

    @property
    def memory_bytes(self) -> int:
        """What it uses, and what is tried beside it."""
        child = self._child
        tries = None if self._tries is None else self._tries.process
        return (child.bytes if child is not None else 0) + (tries.memory_bytes if tries else 0)

    @property
    def beats(self) -> dict[str, int]:
        """The heartbeats of its threads (monotonic ns)."""
        tries = None if self._tries is None else self._tries.process
        beats = {} if tries is None else {f"tries {self._station}": tries.beat_ns}
        return {f"worker {self._station}": self.beat_ns, **beats}

    def _run(self) -> None:
        while not self._stopping:
            began = time.monotonic()
            try:
                ahead = None if self._spare is None else self._spare.take()
                child = ahead or Child(self._station)
                child.side.send(b"I", SETUP.dump_json(self._setup))
                with self._holding:
                    self._child = child
                    child.side.send(b"H", dumped(self._held))
                try:
                    self._hear(child)
                finally:
                    self._ended(child)
            except Exception:  # whatever it is, another one is started
                log.exception("station %s: its worker cannot be started", self._station)
            self.beat_ns = time.monotonic_ns()
            if not self._stopping:
                time.sleep(max(0.0, AGAIN_S - (time.monotonic() - began)))

    def _hear(self, child: Child) -> None:
        began = time.monotonic()
        # half of what there is: before everything slows down, or the kernel chooses what to end
        most_bytes = min(self._setup.station.worker_mb * 2**20, memory_bytes() // 2)
        if self._stopping:  # stop() came before it was there
            child.end("nobody needs it")
        while (came := child.side.receive()) is not None:
            still_s = (time.monotonic_ns() - self.beat_ns) / 1e9
            self.beat_ns = time.monotonic_ns()
            if came[0] or still_s > STILL_S:
                child.lives()
            child.turn()
            child.weigh(most_bytes)
            if self._shown is None and time.monotonic() - began > START_S:
                child.end("did not start in time")
            elif self._shown is not None and child.silent_s > SILENT_S:
                child.end(f"has given no sign of life for {SILENT_S:.0f} s")
            elif self._early.overdue and child.page.done() and not child.starved:
                child.end("did not come back in time")
            if came[0]:
                try:
                    self._heard(child, *came)
                except Exception:
                    log.exception("station %s: its worker said what is not known", self._station)

    def _ended(self, child: Child) -> None:
        told = self._shown is not None
        with self._there:
            self._child = self._shown = None
            self._there.notify_all()
        child.close()
        how = child.how()
        self._unstarted = None if told else how
        asked = b"A" in self._questions.ended(how)
        self._handed.ended()
        if self._stopping:
            return
        self.ended += 1
        log.error("station %s: %s, another one is started", self._station, how)
        crash = self._blame.ended(child, how, asked=asked)
        if crash is not None:
            if child.loading() is not None:
                refused = {**self._setup.refused, crash.program: crash.version}
                self._setup = self._setup._replace(refused=refused)
            self._crashed(crash)
            self._halted_ns = time.monotonic_ns()

    # What it reports

    def _heard(self, child: Child, kind: bytes, payload: bytes) -> None:
        if kind == b"s":
            shown = SHOWN.validate_json(payload)
            if self._shown is None and self._spare is not None:
                self._spare.want()
            self._unstarted = None
            with self._there:
                self._shown, self._simulated = shown, shown.simulated
                self._there.notify_all()
        elif kind == b"a":
            self._questions.answered(payload)
        elif kind == b"p":
            self._handed.came(payload)
        elif kind == b"w":
            result_id, fault = json.loads(payload)
            self._handed.done(result_id, None if fault is None else Fault(**fault))
        elif kind == b"b" and json.loads(payload) > DRAWING_S:
            child.end("has a picture that is never drawn")
        elif kind == b"v":
            self._preview(self._station, payload)
        elif kind == b"l":
            relay(*json.loads(payload))

    # What it is asked for

    @property
    def simulated(self) -> bool:
        """See Worker."""
        return self._simulated

    @property
    def camera_problem(self) -> Problem | None:
        """See Worker."""
        shown, unstarted = self._shown, self._unstarted
        if unstarted is not None:
            return Problem("TOOL_CRASHED", f"{unstarted}, before it was ready")
        return None if shown is None or shown.camera is None else as_problem(shown.camera)

    @property
    def unmet(self) -> str | None:
        """See Worker."""
        shown = self._shown
        return None if shown is None else shown.unmet

    @property
    def fault(self) -> str | None:
        """See Worker."""
        shown = self._shown
        return None if shown is None else shown.fault

    def open_camera(self) -> None:
        """See Worker."""
        self._say(b"O")

    def look(self, job: PartJob) -> PartOutcome:
        """See Worker; Problem TOOL_CRASHED if it ends meanwhile, TIMEOUT while it is started."""
        early = self._early.look(job)
        try:
            if early is not None:
                child, row, self._row = early.child, early.job.row, job.row
            else:
                child, row = self._asked(job), job.row
            while (came := child.parts.receive()) is not None:
                if came[0] == b"F":
                    outcome = OUTCOME.validate_json(came[1])
                    if outcome.row == row:
                        self._blame.well(outcome)
                        return outcome._replace(row=job.row)
        finally:
            self._row = None
            self._early.looked()
        with self._there:  # the next part is not for this one
            self._there.wait_for(lambda: self._child is not child, GONE_S)
        raise Problem("TOOL_CRASHED", child.how())

    def _asked(self, job: PartJob) -> Child:
        """The process that is asked for this part. Raises Problem TIMEOUT, or STATION_PAUSED for
        one that waited for it while the station was halted, as the part might end the next."""
        child = self._ready(job.deadline_ns)
        if child is None:
            raise Problem("TIMEOUT", "the worker of the station is being started")
        if job.began_ns < self._halted_ns:
            raise Problem("STATION_PAUSED")
        self._blame.begins(job)
        self._row = job.row
        with contextlib.suppress(OSError):  # it has ended
            child.begins()
        child.parts.send(b"J", JOB.dump_json(job))
        return child

    def look_early(
        self, program_id: str, asked: Callable[[ReadyProgram], PartJob | None]
    ) -> ReadyProgram | None:
        """See Worker."""
        child, shown = self._child, self._shown
        program = None if shown is None else shown.programs.get(program_id)
        if child is None or not isinstance(program, ReadyProgram):
            return None
        job = asked(program)
        sent = None if job is None else self._early.begin(child, job, program.limits_ms)
        if sent is None:
            return None
        self._blame.knows(program)
        self._blame.begins(sent)
        with contextlib.suppress(OSError):  # it has ended
            child.begins()
        if not child.parts.send(b"J", JOB.dump_json(sent), wait=False):
            self._early.forget(sent.trigger_id)
            return None
        return program

    def forget(self, trigger_id: str) -> None:
        """See Worker."""
        number = self._early.forget(trigger_id)
        if number is not None:
            self.settle(Settle(number))

    def settle(self, settle: Settle) -> None:
        """See Worker."""
        settle = settle._replace(row=self._early.number(settle.row))
        writes = settle.seq and (settle.images.raw is not None or settle.preview)
        if writes:
            self._handed.begin(settle.result_id)
        child = self._child
        told = child is not None and child.say(b"S", SETTLE.dump_json(settle))
        if writes and not told:
            self._handed.end(settle.result_id, Problem("TOOL_CRASHED", "its frame is gone"))

    def hold(self, program_id: str | None) -> None:
        """See Worker."""
        with self._holding:
            self._held = program_id
            child = self._child
            if child is not None:
                child.say(b"H", dumped(program_id))

    def ask(self, name: str, command: Command) -> dict[str, Any]:
        """See Worker; Problem TOOL_CRASHED if it ends meanwhile, PROGRAM_LOADING while it is
        started."""
        if self._tries is not None and self._tries.does(command):
            return self._tried(self._tries, name, command)
        given = command.model_dump_json(by_alias=True).encode()
        # not for one that ends again and again before it is ready: other commands wait behind this
        there_s = THERE_S if self._unstarted is None else 0.0
        child = self._ready(time.monotonic_ns() + round(there_s * 1e9))
        try:
            answer = self._questions.ask(
                child,
                b"A",
                lambda number: b"%d\0%s\0%s" % (number, name.encode(), given),
                ASK_S,
            )
        except TimeoutError:
            if child is not None:  # no other command would be answered either
                child.end(f"did not answer {name} in time")
            raise Problem("TIMEOUT", f"no answer of the worker for {ASK_S:.0f} s") from None
        return dict(answer)

    def _tried(self, tries: Tries, name: str, command: Command) -> dict[str, Any]:
        data = tries.ask(name, command)
        if name == "register_master":  # the next part is inspected with what it stored
            self.refresh(THERE_S)
        return data

    def program(self, program_id: str, limit_s: float) -> ReadyProgram:
        """See Worker."""
        shown = self._shown
        ready = None if shown is None else shown.programs.get(program_id)
        if isinstance(ready, Fault):
            raise as_problem(ready)
        if ready is not None:
            return self._blame.knows(ready)
        until_ns = time.monotonic_ns() + round(limit_s * 1e9)
        if self._ready(until_ns) is None:
            raise Problem("PROGRAM_LOADING", program_id)
        left_s = max(0.0, (until_ns - time.monotonic_ns()) / 1e9)
        try:
            reply = self._questions.ask(
                self._child,
                b"P",
                lambda number: dumped([number, program_id, left_s]),
                left_s + MORE_S,
            )
        except TimeoutError:
            raise Problem("PROGRAM_LOADING", program_id) from None
        return self._blame.knows(READY.validate_python(tuple(reply)))

    def peek(self, program_id: str) -> ReadyProgram | Problem | None:
        """See Worker."""
        shown = self._shown
        ready = None if shown is None else shown.programs.get(program_id)
        if ready is not None:
            return as_problem(ready) if isinstance(ready, Fault) else ready
        try:
            if self._programs.head(program_id) is None:
                return Problem("PROGRAM_NOT_FOUND", f"{program_id!r:.80}")
        except Problem as problem:
            return problem
        if time.monotonic() - self._peeked_at > PEEK_S:
            self._peeked_at = time.monotonic()
            self._say(b"K", dumped(program_id))
        return None

    def refresh(self, limit_s: float) -> None:
        """See Worker."""
        if self._shown is not None:
            with contextlib.suppress(TimeoutError, Problem):  # the next one loads what it needs
                self._questions.ask(
                    self._child, b"R", lambda number: dumped([number, limit_s]), limit_s + MORE_S
                )

    def rest(self) -> None:
        """See Worker."""
        if self._tries is not None:
            self._tries.rest()
        if time.monotonic() - self._rested_at > REST_S:
            self._rested_at = time.monotonic()
            self._say(b"Z")

    def _stops(self) -> None:
        with self._there:
            self._stopping = True
            self._there.notify_all()

    def _ready(self, until_ns: int) -> Child | None:
        """The process, once it has told of itself; None if it has not by then (monotonic ns), or
        none will be started any more."""
        with self._there:
            self._there.wait_for(
                lambda: self._shown is not None or self._stopping,
                max(0, until_ns - time.monotonic_ns()) / 1e9,
            )
            return self._child if self._shown is not None else None

    def _say(self, kind: bytes, payload: bytes = b"") -> None:
        """What is said again and again, and so may be lost."""
        child = self._child
        if child is not None:
            child.side.send(kind, payload, wait=False)
