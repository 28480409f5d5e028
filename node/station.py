"""One station: its lines, its active program, its counters, and its results until they are stored.
The thread that inspects its parts is in station_thread.py; what knows pixels is its worker.

No part is taken while results cannot be stored: those that could not be stay with the station, with
what the lines have shown, and are stored as soon as the disk allows. Whatever waits until then is
stale by then, and its result says so.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from node.part import Part
from node.publish import store
from node.record import Record
from node.shared import Shared
from node.station_thread import StationThread
from node.worker.seam import Crash, ReadyProgram, Worker
from schemas import Fault, Problem, Result, StationSettings, StationState
from schemas.program import check_limits
from schemas.state import StateName

log = logging.getLogger(__name__)

# results of a station that may wait for their commit while the next part is inspected
UNSETTLED = 4
FAULT_S = 600.0  # how long a fault of our own is reported after it happened
MAINTENANCE_S = 900.0  # without a sign
LATENCIES = 1000
LOAD_S = 30.0  # for a program that is selected
BY_CRASHES = 2  # what is remembered of a station that we paused
PAUSED = "The station is paused: save a changed version, or select another program, then resume it"


def none_chosen() -> Problem:
    """No program is chosen at a station yet; the catalogue's own sentence for this code would say
    that one is missing."""
    return Problem.told("PROGRAM_NOT_FOUND", "No program is chosen yet")


class Station:
    """See the head of this file. `inspect` is passed in, so that inspection.py reads top down and
    no import goes in circles."""

    def __init__(
        self,
        settings: StationSettings,
        worker: Worker,
        shared: Shared,
        inspect: Callable[[Part, "Station"], None],
    ) -> None:
        self.id = settings.id
        self.settings = settings
        self.worker = worker
        self.node_id = shared.node_id
        self.driver = shared.driver
        self.ledger = ledger = shared.ledger
        self.programs = shared.programs
        self.pictures = shared.pictures
        self.metrics = metrics = shared.metrics
        self.tracing = shared.tracing
        remembered = ledger.station(self.id)
        self.program_id: str | None = remembered[0] or settings.program
        worker.hold(self.program_id)
        self.reset_at, self.reset_seq = remembered[1:3]
        self.paused = remembered[3] > 0
        self.maintenance = False
        # why we paused it
        self.crash: str | None = (
            f"a program has ended the worker again and again before the node was started anew: the"
            f" log names it. {PAUSED}"
            if remembered[3] == BY_CRASHES
            else None
        )
        self._tested_at = 0.0  # when maintenance last gave a sign
        self._assigned: ReadyProgram | None = None
        self._assigning = threading.Lock()
        self._blocked: Problem | None = None
        self._deaf: Problem | None = None
        self.counts: dict[str, int] = ledger.counts(self.id, self.reset_seq)
        self.latencies_ms: deque[float] = deque(maxlen=LATENCIES)
        # for the chores: the result goes out first, then it is counted
        self.counted: deque[Result] = deque()
        self.unsettled: deque[str] = deque()  # one for each result on its way into the ledger
        self._unstored: deque[Record] = deque()  # results that could not be stored
        self._unstored_why: Problem | None = None
        self._fault: tuple[str, float] | None = None
        self.last: Result | None = None
        for counter in (metrics.duplicates, metrics.ignored, metrics.abandoned):
            counter.labels(self.id)  # a series that begins with 0 shows its first step
        self.thread = StationThread(
            self.id,
            lambda part: inspect(part, self),
            self._recorded,
            self.faulty,
            (settings.camera.timeout_ms + 1000) * 1_000_000,
            settings.queue_limit,
        )
        self.busy = shared.busy
        self.busy.append(lambda: not self.thread.idle)

    # Results on their way into the ledger

    def _recorded(self) -> bool:
        """Whether the results so far are stored, or about to be, so that the next part may be
        inspected."""
        if self._unstored:
            self.store_again()
        elif len(self.unsettled) >= UNSETTLED:
            self.ledger.flush()
        if self._unstored or len(self.unsettled) >= UNSETTLED or self.ledger.failing is not None:
            return False
        if self._unstored_why is not None and not self.unsettled:
            self._unstored_why = None
            log.info("station %s: all results are stored", self.id)
        return True

    def keep(self, record: Record, problem: Problem) -> None:
        """A result could not be stored: it stays here until it can be, and no part is taken before
        that."""
        if self._unstored_why is None:
            log.error(
                "station %s: results are not stored, from that of %s on: %s",
                self.id,
                record.part.trigger_id,
                problem.message,
            )
        self.driver.ready(self.id, False)
        self._unstored_why = problem
        self._unstored.append(record)

    def store_again(self) -> bool:
        """Try to store what could not be; whether all is."""
        for _ in range(len(self._unstored)):
            store(self._unstored.popleft(), self)
        self.ledger.flush()
        return not self._unstored and not self.unsettled

    @property
    def unrecorded(self) -> Problem | None:
        """Why results cannot be stored now; None if they can."""
        return self.ledger.failing or (self._unstored_why if self._unstored else None)

    def faulty(self, message: str) -> None:
        """A fault of our own affected one part; it is reported for a while."""
        self._fault = message, time.monotonic()

    @property
    def fault(self) -> str | None:
        """The last fault of our own, if it was not long ago."""
        fault = self._fault
        if fault is not None and time.monotonic() - fault[1] < FAULT_S:
            return fault[0]
        return self.worker.fault

    # State

    def answered(self, result: Result) -> None:
        """A result of this station was stored."""
        self.last = result
        self.counts[result.verdict] = self.counts.get(result.verdict, 0) + 1
        self.latencies_ms.append(result.duration_ms)
        self.counted.append(result)

    @property
    def simulated(self) -> bool:
        """Whether camera or lines are simulated."""
        return self.worker.simulated or self.settings.lines.kind == "memory"

    def select(self, program_id: str) -> ReadyProgram:
        """Make a program the active one, and remember it. Raises Problem PROGRAM_NOT_FOUND,
        PROGRAM_INVALID, ..."""
        program = self.worker.program(program_id, LOAD_S)
        check_limits(self.programs.get(program_id).program)
        self.ledger.remember(self.id, program=program_id)
        self.worker.hold(program_id)
        self.program_id = program_id
        self.assign(program)
        return program

    def assign(self, program: ReadyProgram) -> None:
        """Tell the lines what this program's outputs mean, if it is another one than before."""
        with self._assigning:
            if program is not self._assigned and program != self._assigned:
                self.driver.assign(self.id, program.outputs)
                self._assigned = program

    def pause(self, paused: bool, *, maintenance: bool = False) -> None:
        """Halt or go on, and remember it; with the end of maintenance its lines fall."""
        self.ledger.remember(
            self.id, paused=BY_CRASHES if paused and self.crash is not None else int(paused)
        )
        tested = self.maintenance
        self.paused = paused
        if not paused:
            self.crash = None
        self.maintenance = paused and maintenance
        self._tested_at = time.monotonic()
        if not paused or (tested and not self.maintenance):
            self.driver.safe(self.id)

    def crashed(self, crash: Crash) -> None:
        """A program has ended this station's worker again and again: no part is taken until
        somebody resumes it."""
        crash_said = (
            f"program {crash.program} version {crash.version} ended the worker {crash.times} times"
            f" in a row, at {crash.doing}: {crash.how}. {PAUSED}"
        )
        log.critical("station %s: %s", self.id, crash_said)
        self.paused = True  # whether it can be remembered or not
        self.crash = crash_said
        with contextlib.suppress(Problem):
            self.pause(True)

    def test_line(self, output: str, active: bool) -> None:
        """Set one line by hand. Raises Problem NOT_IN_MAINTENANCE."""
        if not self.maintenance:
            raise Problem("NOT_IN_MAINTENANCE", f"station {self.id}")
        self._tested_at = time.monotonic()
        self.driver.by_hand(self.id, output, active)

    def end_forgotten(self, limit_s: float = MAINTENANCE_S) -> bool:
        """End a maintenance that has given no sign for `limit_s`; the station stays paused until it
        is resumed."""
        if not self.maintenance or time.monotonic() - self._tested_at < limit_s:
            return False
        # nothing to remember, and so nothing that can fail: it is paused already
        self.maintenance = False
        self.driver.safe(self.id)
        return True

    def reset_counters(self) -> None:
        """Count from zero again."""
        self.reset_at, self.reset_seq = self.ledger.reset_counters(self.id)
        self.counts = {}
        self.latencies_ms.clear()

    def active_program(self) -> ReadyProgram | Problem | None:
        """The active program, what is wrong with it, or None while it is loaded."""
        if self.program_id is None:
            return none_chosen()
        return self.worker.peek(self.program_id)

    @property
    def blocked(self) -> Problem | None:
        """Why no trigger may be taken now."""
        return self._blocked

    def block(self, why: Problem | None) -> None:
        """Take no trigger from now on, or, with None, take them again."""
        self._blocked = why

    def hears_triggers(self, problem: Problem | None) -> None:
        """Why the triggers that come by the broker are not heard; None if they are."""
        self._deaf = problem

    def state(self) -> StationState:
        """What the station is doing, and what is wrong."""
        program = self.active_program()
        camera = self.worker.camera_problem
        lines = self.driver.problem(self.id)
        blocked = self.unrecorded or self._blocked
        wrong = (
            blocked
            or camera
            or lines
            or self._deaf
            or (program if isinstance(program, Problem) else None)
        )
        if self.paused and self.crash is not None:
            wrong = Problem("STATION_PAUSED", self.crash)
        name: StateName = "Ready"
        if self.paused:
            name = "Halted"
        elif isinstance(program, Problem):
            name = "Preoperational"
        elif blocked or camera or lines or self._deaf:
            name = "Error"
        elif program is None:
            name = "Initialized"
        elif self.thread.current is not None:
            name = "SingleExecution"
        elif self.settings.timer_ms:
            name = "ContinuousExecution"
        camera_word: Literal["ok", "error"] = "error" if camera else "ok"
        return StationState(
            state=name,
            program=self.program_id,
            program_version=program.version if isinstance(program, ReadyProgram) else None,
            camera=camera_word,
            outputs=self.driver.status(self.id),
            simulated=self.simulated,
            maintenance=self.maintenance,
            queue=self.thread.waiting,
            error=Fault(code=wrong.code, message=wrong.message) if wrong else None,
        )
