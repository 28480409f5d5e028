"""What one part has become at the node: what was found out about it, what its lines showed, its
result."""

import time
from dataclasses import dataclass, field
from typing import Literal

from node.part import Part, as_ms
from node.worker.seam import PartOutcome
from schemas import Fault, Problem, Result


@dataclass
class Record:
    """A part that nothing was found of is an ERROR.

    result: as it will be reported, from the moment when the lines may show it; its seq is given
    when it is stored. trigger_ns: when its first step ended, which only traces report.
    """

    part: Part
    outcome: PartOutcome = field(init=False)
    outputs: Literal["ok", "error", "none"] = "none"
    result: Result | None = None
    began_ns: int = field(default_factory=time.monotonic_ns)
    trigger_ns: int = 0

    def __post_init__(self) -> None:
        wait = {"wait": as_ms(self.began_ns - self.part.received_ns)}
        self.outcome = PartOutcome(
            self.part.id, "ERROR", None, None, (), None, wait, None, self.began_ns
        )

    def output_ended(self) -> None:
        """The step `output` ends now; what was found before the part was there waited for it."""
        begun_ns = max(self.outcome.ended_ns, self.began_ns)
        self.outcome.timings_ms["output"] = as_ms(time.monotonic_ns() - begun_ns)

    def fail(self, problem: Problem) -> None:
        """The part cannot be judged."""
        fault = Fault(code=problem.code, message=problem.message[:1000])
        now = time.monotonic_ns()
        self.outcome = self.outcome._replace(verdict="ERROR", fault=fault, ended_ns=now)
