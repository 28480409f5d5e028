"""Which version of a program is to blame when workers end: one that ends several in a row."""

from node.worker.child import Child
from node.worker.seam import Crash, PartJob, PartOutcome, ReadyProgram

IN_A_ROW = 3  # workers that one version of a program may end


class Blame:
    """Used by the thread that looks at parts, and by the one that hears how a worker ended."""

    def __init__(self) -> None:
        self._job: PartJob | None = None
        self._versions: dict[str, int] = {}  # by program: the one that a part last asked for
        self._last: Crash | None = None

    def knows(self, program: ReadyProgram) -> ReadyProgram:
        """The version that the next part of this program is inspected with."""
        self._versions[program.id] = program.version
        return program

    def begins(self, job: PartJob) -> None:
        """This part is in hand."""
        self._job = job

    def well(self, outcome: PartOutcome) -> None:
        """A part came back: if it was judged, earlier ends no longer count as in a row."""
        last, program = self._last, outcome.program
        if last is None or program is None or outcome.fault is not None:
            return
        if last[:2] == program[:2]:
            self._last = None

    def ended(self, child: Child, how: str, *, asked: bool = False) -> Crash | None:
        """A worker has ended; how: for people. Returns what caused it, if that has happened often
        enough by now; no program did, if a command was carried out meanwhile."""
        job, doing = self._job, child.page.done()
        if asked:
            return None
        loading = child.loading()
        if loading is not None:
            crash = Crash(*loading, "the master", 1, how)
        elif job is not None and doing:
            crash = Crash(job.program, self._versions.get(job.program, 0), doing, 1, how)
        else:  # it was working on nothing
            return None
        last = self._last
        if last is not None and last[:2] == crash[:2]:
            crash = crash._replace(times=last.times + 1)
        often = crash.times >= IN_A_ROW
        self._last = None if often else crash
        return crash if often else None
