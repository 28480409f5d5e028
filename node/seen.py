"""What a worker has seen of one part so far, with its pixels."""

import time
from dataclasses import dataclass, field

from node.frame import IN_PLACE, Frame, Placement
from node.measurement import Mark, Measurement
from node.part import Part, as_ms
from node.program import LoadedProgram
from node.worker.seam import PartJob, PartOutcome
from schemas import Fault, Pose, Problem, ToolResult, Verdict


@dataclass
class Finding:
    """What one tool found: its line in the result, and its marks for the annotated picture."""

    result: ToolResult
    measurement: Measurement | None = None

    def marks(self) -> tuple[Mark, ...]:
        """What to draw; computed when asked for."""
        return self.measurement.marks() if self.measurement is not None else ()


@dataclass
class Inspection:
    """What one part has become so far, with its pixels; a verdict that is not set is an ERROR."""

    part: Part | PartJob
    program: LoadedProgram | None = None
    frame: Frame | None = None
    pose: Pose | None = None
    placement: Placement = IN_PLACE
    findings: tuple[Finding, ...] = ()
    verdict: Verdict = "ERROR"
    fault: Fault | None = None
    places: tuple[Pose, ...] = ()  # where the part may be, if nobody can say which it is
    timings_ms: dict[str, float] = field(default_factory=dict)
    _mark_ns: int = 0
    began_ns: int = 0

    def __post_init__(self) -> None:
        began = self.part.began_ns if isinstance(self.part, PartJob) else time.monotonic_ns()
        self.began_ns = self._mark_ns = began
        self.timings_ms["wait"] = as_ms(self.began_ns - self.part.received_ns)

    def step(self, name: str) -> None:
        """The step `name` ends now."""
        now = time.monotonic_ns()
        self.timings_ms[name] = as_ms(now - self._mark_ns)
        self._mark_ns = now

    def earlier(self, span_ns: int) -> None:
        """The step under way counts as begun that much earlier: what it needed was there
        already."""
        self.began_ns -= span_ns
        self._mark_ns -= span_ns

    def fail(self, problem: Problem) -> None:
        """The part cannot be judged."""
        self.verdict = "ERROR"
        self.fault = Fault(code=problem.code, message=problem.message[:1000])
        self.places = problem.details.get("places", ())

    def told(self) -> PartOutcome:
        """What goes over the seam of it."""
        return PartOutcome(
            self.part.row,
            self.verdict,
            self.fault,
            self.program.ready if self.program is not None else None,
            tuple(finding.result for finding in self.findings),
            self.pose,
            self.timings_ms,
            self.frame.taken_at_s if self.frame is not None else None,
            self._mark_ns,
        )
