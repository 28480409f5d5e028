"""Teaching the locator: which part of its pattern recurs in good parts, and whether that still
finds every one of them."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from node.frame import Frame, Pixels
from node.locators import LOCATORS
from node.pictures.decode import decode
from node.program import LoadedProgram
from node.vision.patterns import recurring, turned
from schemas import Pattern, Problem

NAME = "locator"
Frames = Callable[[], Iterator[tuple[str, Frame]]]


def teach(
    program: LoadedProgram, master: bytes | None, frames: Frames
) -> tuple[bytes, dict[str, Any], tuple[str, ...]]:
    """The model of the locator's pattern, what to say about it, and the names of pictures in which
    nothing was found.

    frames: gives name and picture of each good part, each time it is called. Raises Problem
    PROGRAM_INVALID if the locator is of another kind; PICTURES_UNFIT if there are fewer than 5
    different pictures in which the part is found, if too little recurs in them, or what recurs does
    not find them all; NO_CONTRAST if what recurs does not fix the place.
    """
    settings = program.program.locator
    if not isinstance(settings, Pattern) or master is None:
        raise Problem("PROGRAM_INVALID", "only a locator of kind pattern can be taught")
    kind = LOCATORS[settings.kind]
    whole = Frame(decode(master), 0, 0.0, "master", simulated=False)
    near = _learned(
        whole,
        settings,
        np.ones((settings.region.height, settings.region.width), np.uint8),
        "by its gradients",
    )
    before: list[float] = []
    used: set[str] = set()
    seen: set[bytes] = set()
    patches, missed, alike = [], [], []
    for name, frame in frames():
        digest = hashlib.sha256(frame.pixels.tobytes()).digest()
        if digest in seen:
            alike.append(name)
            continue
        seen.add(digest)
        try:
            score = kind.find(frame, settings, program.locator).score
            # what does not recur pulls gradients away less than it does a correlation
            pose = kind.find(frame, settings, near)
        except Problem as problem:
            if problem.code != "PART_NOT_FOUND":
                raise Problem(problem.code, f"{name}: {_rest(problem)}") from problem
            missed.append(name)
            continue
        before.append(score)
        used.add(name)
        patches.append(recurring.patch_of(frame, settings, pose))
    if len(before) < recurring.LEAST:
        more = f"; not found in {', '.join(missed)}" if missed else ""
        more += f"; seen before: {', '.join(alike)}" if alike else ""
        raise Problem(
            "PICTURES_UNFIT",
            f"the part is found in {len(before)} different good pictures; {recurring.LEAST} are needed{more}"[  # noqa: E501
                :400
            ],
        )
    kept = recurring.kept_of(whole, settings, patches)
    learned = _learned(whole, settings, kept.mask, "by what recurs in the good pictures")
    after: list[float] = []
    for name, frame in frames():
        if name in used:
            try:
                after.append(kind.find(frame, settings, learned).score)
            except Problem as problem:
                raise Problem(
                    "PICTURES_UNFIT", f"{name}: by what recurs it is not found: {_rest(problem)}"
                ) from problem
    facts: dict[str, Any] = {
        "good": len(before),
        "points": kept.points,
        "dropped": kept.dropped,
        "dropped_at": [
            f"{place.points} points at x {place.x}, y {place.y}, {place.width} x {place.height} px"
            for place in kept.places
        ],
        "score_before": _range(before),
        "score_after": _range(after),
    }
    other = turned.next_best(whole, settings, learned)
    if other is not None:
        facts["next_best"] = f"score {other.score:.2f} at x {other.x:.0f}, y {other.y:.0f}"
    if alike:
        facts["alike"] = alike
    return recurring.model_of(kept, settings, whole), facts, tuple(missed)


def _learned(master: Frame, settings: Pattern, mask: Pixels, how: str) -> Any:
    try:
        return LOCATORS[settings.kind].learn(master, settings, kept=mask)
    except Problem as problem:
        raise Problem(problem.code, f"{how}: {_rest(problem)}") from problem


def _rest(problem: Problem) -> str:
    return problem.message.partition(": ")[2] or problem.message


def _range(scores: list[float]) -> list[float]:
    return [round(min(scores), 3), round(max(scores), 3)]
