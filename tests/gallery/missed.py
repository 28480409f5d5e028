"""What each program of the gallery, and each example that ships, would miss of drawn faults:
`python -m tests.gallery.missed [NAME ...]`, of these programs, or of all.

It writes `missed.json`, a table of program and fault, and prints what it wrote. Each fault in it
has its reason, here by its kind, beside it, or in `may_be_ok` of the tool's own `CASE`. A test
draws the faults again: whatever is missed and not in the table is a new hole.
"""

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2

from node.cameras import synthetic
from node.faults.challenge import challenge, inspected
from node.faults.drawn import NO_PART
from node.frame import Pixels
from node.program import LoadedProgram, load
from schemas import SyntheticCamera, as_program
from tests.gallery import pictures, tools
from tests.gallery.case import Case

TABLE = Path(__file__).with_name("missed.json")
REASONS = {  # by the first words of a fault
    "second part": (
        "it lies beyond the search region, or the program has no locator that looks for one"
    ),
    "turned by 180 degrees": (
        "the locator is told to find turned parts, or what is measured looks the same"
    ),
    "mirrored": "what is measured looks the same",
    "size": "the tool does not measure a size, or its limits are wider",
    "blurred": "it is still measured where it is",
    "lamp": "the tool goes by edges, by shares of the light, or has wider limits",
    "haze on the lens": (
        "edges are where they were, and shares of the light or limits are wide enough"
    ),
    "one side unlit": (
        "the tool goes by edges or by shares of the light, or its region lies on the lit side"
    ),
    "drop on the lens": (
        "a soft shade changes the value by less than the limits allow, or no tool lies below it"
    ),
    "finger in the picture": (
        "the value changes by less than the limits allow, or no tool lies below it"
    ),
    "dust": "the value changes by less than the limits allow: take `difference` or `blobs` for it",
    "motion blur": "it is still measured where it is",
    "camera turned": "the locator finds it where it is now, or the limits are wide enough",
    "camera moved": "the locator finds it where it is now, or the limits are wide enough",
    "colour cast": "the tool goes by edges or by gray levels, or its limits are wider",
    "hair": (
        "the tool leaves out what lies across, or the value changes by less than the limits allow:"
        " take `difference` or `blobs` for it"
    ),
    "blue burnt out": "the other channels, or edges, tell what is measured",
    "green burnt out": "the other channels, or edges, tell what is measured",
    "red burnt out": "the other channels, or edges, tell what is measured",
    "half of the picture gray": "nothing that the program looks at lies in that half",
    "stain": "the value changes by less than the limits allow: take `difference` or `blobs` for it",
    "hole": "the value changes by less than the limits allow: take `difference` or `blobs` for it",
    "scratch": (
        "the value changes by less than the limits allow: take `difference` or `blobs` for it"
    ),
    "its feature missing": (
        "the bare place looks as the tool wants it: one value says little of what is there"
    ),
    "its feature moved": (
        "the tool does not measure where it is: take `edge`, `distance` or `difference` for it"
    ),
}
NEED_NOT = (
    "size", "blurred", "lamp", "haze", "one side unlit", "drop",
    "blue burnt out", "green burnt out", "red burnt out", "half of the picture gray",
    "motion blur", "camera", "colour cast",
)  # fmt: skip
# tools of which the size of a part is no matter of luck
SIZES = ("width", "distance", "difference", "outline", "learned")
# an OK for a picture without the part, or without half of it, needs a reason of its own
PAPER = "its one limit is a lower one, and paper is as light: give it an upper one too"
WITHOUT_PART = {
    ("brightness", "label over right half"): PAPER,
    ("compare", "label over right half"): PAPER,
    ("contrast", "half missing"): "the one tool looks at print on the half that is there",
    ("edge", "half missing"): "the one tool looks at the end of a chip on the half that is there",
}


class Challenged(NamedTuple):
    """A program, taught, and the picture of a good part."""

    name: str
    program: LoadedProgram
    good: Pixels


def names() -> list[str]:
    """The names of all programs that are challenged."""
    return [*SHIPPED, *_cases()]


def extra(name: str) -> str | None:
    """The module without which one of them cannot run."""
    return None if name in SHIPPED else _cases()[name].extra


def program(name: str) -> Challenged:
    """One of them, taught, with its good part."""
    if name in SHIPPED:
        return SHIPPED[name]()
    case = _cases()[name]
    return Challenged(name, tools.loaded(case), case.good)


def missed(found: Challenged) -> list[str]:
    """The faults that came out OK. Raises AssertionError if the good part is not OK."""
    seen = inspected(found.program, found.good)
    said = f": {seen.fault.message}" if seen.fault else ""
    assert seen.verdict == "OK", f"{found.name}: its good part is {seen.verdict}{said}"
    told = challenge(found.program, [found.good], shown=False)
    return [
        f"{each.kind} at {each.tool}" if each.tool else each.kind
        for each in told
        if each.verdict == "OK"
    ]


def own(name: str) -> Mapping[str, str]:
    """What its case says may be OK, with the reasons."""
    return {} if name in SHIPPED else _cases()[name].may_be_ok


def reason(name: str, fault: str) -> str | None:
    """Why a program may miss a fault; None if it may not."""
    if fault in own(name):
        return own(name)[fault]
    if fault in NO_PART:
        return WITHOUT_PART.get((name, fault))
    return next((why for words, why in REASONS.items() if re.match(rf"{words}\b", fault)), None)


def need_not(name: str, fault: str) -> bool:
    """Whether a program need not see a fault, so that a small change of a tool may turn it: the
    part is there and whole."""
    return fault.startswith(NEED_NOT) and name not in SIZES


def table() -> dict[str, list[str]]:
    """The table as it is committed."""
    return dict(json.loads(TABLE.read_text()))


def main(only: list[str]) -> int:
    """Write the table, or the rows of these programs; 1 if a fault in it has no reason."""
    before = table() if only else {}
    try:
        made = {
            name: missed(program(name)) if not only or name in only else before[name]
            for name in names()
            if not only or name in only or name in before
        }
    except AssertionError as wrong:
        sys.stderr.write(f"{wrong}; nothing was written\n")
        return 1
    TABLE.write_text(json.dumps(made, indent=1) + "\n")
    for name in made if not only else [name for name in only if name in made]:
        for line in told(name, made[name]):
            print(line)
    unknown = sorted(set(only) - set(made))
    sys.stderr.writelines(f"no program {each}: see {TABLE.name}\n" for each in unknown)
    worry = any(reason(name, fault) is None for name, faults in made.items() for fault in faults)
    return 1 if unknown or worry else 0


def told(name: str, faults: list[str]) -> list[str]:
    """What a program misses, a line each: those without a reason first, since they are wrong OKs
    until somebody gives one."""
    because = {fault: reason(name, fault) for fault in faults}
    worry = [
        f"  NO REASON: {fault}: let the tool refuse it, or say why it may be OK in `may_be_ok` of"
        " its CASE"
        for fault, why in because.items()
        if why is None
    ]
    known = [f"  {fault}: {why}" for fault, why in because.items() if why is not None]
    return [
        f"{name} misses {len(faults)} faults, {len(worry)} of them without a reason",
        *worry,
        *known,
    ]


@cache
def _cases() -> dict[str, Case]:
    found: dict[str, Case] = {}
    for case in tools.cases():
        found[f"{case.kind} (tool)" if case.kind in found else case.kind] = case
    return found


def _synthetic() -> Challenged:
    camera = SyntheticCamera()
    good = synthetic.master(camera)
    wanted = as_program(synthetic.program(camera))
    return Challenged(
        "drawn line", load(wanted, 1, "", cv2.imencode(".png", good)[1].tobytes()), good
    )


def _screws() -> Challenged:
    document = json.loads((pictures.SCREWS / "program.json").read_text())
    master = pictures.SCREWS / document["master"]
    return Challenged(
        "screws", load(as_program(document), 1, "", master.read_bytes()), pictures.read(master)
    )


SHIPPED = {"drawn line": _synthetic, "screws": _screws}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
