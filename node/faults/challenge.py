"""What would a program miss? Faults drawn on good pictures, each inspected as a part is, and what
still came out OK.

Drawn faults are not real ones: what is caught here may be missed on the line, where light and shape
are other. What is missed here is missed there too, if it looks like that. Some faults a program
need not see (another light, a little blur); then an OK is right, and a person says so.
"""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from node.faults.drawn import NO_PART, faults
from node.faults.fault import DrawnFault
from node.frame import Frame, Pixels
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.part import Part
from node.pictures.annotate import annotate
from node.program import LoadedProgram
from node.quality import check
from node.seen import Inspection
from schemas import Problem, QualityLimits, Trigger

MOST_SHOWN = 12  # pictures in one answer


class FaultOutcome(NamedTuple):
    """What the program says of it; picture: the annotated one, if that is OK."""

    kind: str
    tool: str | None
    verdict: str
    code: str | None
    picture: Pixels | None

    @property
    def never(self) -> bool:
        """Whether OK is wrong whatever the program is for."""
        return self.kind in NO_PART


class Slice(NamedTuple):
    """Outcomes of some faults of one picture; of: how many faults there are; next: from which on to
    ask again, if at all."""

    of: int
    outcomes: list[FaultOutcome]
    next: int | None


def challenge(
    loaded: LoadedProgram,
    pictures: Sequence[Pixels],
    limits: QualityLimits | None = None,
    shown: bool = True,
) -> Iterator[FaultOutcome]:
    """The outcome of each fault on each picture of a good part. A picture that is not OK without a
    fault is skipped."""
    for pixels in pictures:
        if inspected(loaded, pixels, limits).verdict == "OK":
            yield from (outcome(loaded, fault, limits, shown) for fault in faults(pixels, loaded))


def challenged(
    loaded: LoadedProgram, good: Pixels, first: int, limits: QualityLimits, seconds: float
) -> Slice:
    """The outcomes from a fault on, as many as fit into the time and MOST_SHOWN pictures, at least
    one.

    Raises Problem PICTURES_UNFIT if the picture is not OK before anything is drawn on it.
    """
    until = time.monotonic() + seconds
    before = inspected(loaded, good, limits)
    if before.verdict != "OK":
        why = before.fault.message if before.fault else f"its verdict is {before.verdict}"
        raise Problem(
            "PICTURES_UNFIT", f"the picture is not OK before anything is drawn on it: {why}"
        )
    drawn, outcomes = faults(good, loaded), []
    for fault in drawn[first:]:
        outcomes.append(outcome(loaded, fault, limits))
        if (
            time.monotonic() > until
            or sum(each.picture is not None for each in outcomes) == MOST_SHOWN
        ):
            break
    done = first + len(outcomes)
    return Slice(len(drawn), outcomes, done if done < len(drawn) else None)


def outcome(
    loaded: LoadedProgram,
    fault: DrawnFault,
    limits: QualityLimits | None = None,
    shown: bool = True,
) -> FaultOutcome:
    """What the program says of one fault; shown: whether with its picture, if that is OK."""
    inspection = inspected(loaded, fault.draw(), limits)
    code = inspection.fault.code if inspection.fault else None
    verdict = "ERROR" if inspection.fault else str(inspection.verdict)
    return FaultOutcome(
        fault.kind,
        fault.tool,
        verdict,
        code,
        annotate(inspection) if shown and verdict == "OK" else None,
    )


def inspected(
    loaded: LoadedProgram, pixels: Pixels, limits: QualityLimits | None = None
) -> Inspection:
    """One picture, from the quality gate to the verdict, as node/inspection.py does it, without
    camera and lines."""
    part = Part(0, "challenge", "challenge", Trigger(), False, "command", 0.0, time.monotonic_ns())
    frame = Frame(np.ascontiguousarray(pixels), 0, 0.0, "drawn", simulated=True)
    inspection = Inspection(part, loaded, frame)
    try:
        if loaded.size is not None and loaded.size != (frame.width, frame.height):
            raise Problem("IMAGE_SIZE", f"{frame.width} x {frame.height} px")
        check(frame, limits or QualityLimits())
        inspection.pose, inspection.placement = locate(
            frame, loaded.program.locator, loaded.locator
        )
        inspection.findings = measure(frame, inspection.placement, loaded, part.trigger)
        inspection.verdict, inspection.fault = judge(inspection, loaded)
    except Problem as problem:
        inspection.fail(problem)
    return inspection
