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


class Outcome(NamedTuple):
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
    outcomes: list[Outcome]
    next: int | None


def challenge(
    loaded: LoadedProgram,
    pictures: Sequence[Pixels],
    limits: QualityLimits | None = None,
    shown: bool = True,
) -> Iterator[Outcome]:
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
    drawn, found = faults(good, loaded), []
    for fault in drawn[first:]:
        found.append(outcome(loaded, fault, limits))
        if (
            time.monotonic() > until
            or sum(each.picture is not None for each in found) == MOST_SHOWN
        ):
            break
    done = first + len(found)
    return Slice(len(drawn), found, done if done < len(drawn) else None)


def outcome(
    loaded: LoadedProgram,
    fault: DrawnFault,
    limits: QualityLimits | None = None,
    shown: bool = True,
) -> Outcome:
    """What the program says of one fault; shown: whether with its picture, if that is OK."""
    found = inspected(loaded, fault.draw(), limits)
    code = found.fault.code if found.fault else None
    verdict = "ERROR" if found.fault else str(found.verdict)
    return Outcome(
        fault.kind,
        fault.tool,
        verdict,
        code,
        annotate(found) if shown and verdict == "OK" else None,
    )


def inspected(
    loaded: LoadedProgram, pixels: Pixels, limits: QualityLimits | None = None
) -> Inspection:
    """One picture, from the quality gate to the verdict, as node/inspection.py does it, without
    camera and lines."""
    part = Part(0, "challenge", "challenge", Trigger(), False, "command", 0.0, time.monotonic_ns())
    frame = Frame(np.ascontiguousarray(pixels), 0, 0.0, "drawn", simulated=True)
    found = Inspection(part, loaded, frame)
    try:
        if loaded.size is not None and loaded.size != (frame.width, frame.height):
            raise Problem("IMAGE_SIZE", f"{frame.width} x {frame.height} px")
        check(frame, limits or QualityLimits())
        found.pose, found.placement = locate(frame, loaded.program.locator, loaded.locator)
        found.findings = measure(frame, found.placement, loaded, part.trigger)
        found.verdict, found.fault = judge(found, loaded)
    except Problem as problem:
        found.fail(problem)
    return found
