"""A worker in the node's own process: it looks on the thread that asks."""

from collections.abc import Callable
from typing import Any

from node.commands.with_pixels import PixelCommands
from node.program import LoadedProgram
from node.worker.bench import Bench
from node.worker.seam import PartJob, PartOutcome, ReadyProgram
from schemas import Problem
from schemas.command import Command


class ThreadWorker:
    """See Worker. `look` is given, so that inspection.py reads top down."""

    forcible = False
    unmet = None

    def __init__(
        self, bench: Bench, look: Callable[[PartJob, Bench], PartOutcome], commands: PixelCommands
    ) -> None:
        self.bench = bench
        self._commands = commands
        self._look = look
        self.hold = bench.hold
        self.settle = bench.settle
        self.open_camera = bench.camera.open
        self.stop = bench.close

    @property
    def simulated(self) -> bool:
        """See Worker."""
        return self.bench.camera.simulated

    @property
    def camera_problem(self) -> Problem | None:
        """See Worker."""
        return self.bench.camera.problem

    @property
    def fault(self) -> str | None:
        """See Worker."""
        return self.bench.fault

    def start(self) -> None:
        """See Worker."""
        self.bench.camera.open()

    def look(self, job: PartJob) -> PartOutcome:
        """See Worker."""
        return self._look(job, self.bench)

    def look_early(
        self,
        program_id: str,  # noqa: ARG002
        asked: Callable[[ReadyProgram], PartJob | None],  # noqa: ARG002
    ) -> ReadyProgram | None:
        """See Worker: it looks on the thread that asks, and so never before its part is there."""
        return None

    def forget(self, trigger_id: str) -> None:
        """See Worker."""

    def give_up(self, row: int) -> None:
        """See Worker: nobody can end a thread."""

    def ask(self, name: str, command: Command) -> dict[str, Any]:
        """See Worker. Called on one thread."""
        return self._commands.do(name, self.bench, command)

    def program(self, program_id: str, limit_s: float) -> ReadyProgram:
        """See Worker."""
        return self.bench.shelf.get(program_id, limit_s).ready

    def peek(self, program_id: str) -> ReadyProgram | Problem | None:
        """See Worker."""
        loaded = self.bench.shelf.peek(program_id)
        return loaded.ready if isinstance(loaded, LoadedProgram) else loaded

    def refresh(self, limit_s: float) -> None:
        """See Worker."""
        self.bench.shelf.refresh(limit_s)

    def rest(self) -> None:
        """See Worker."""
        self._commands.rest()
