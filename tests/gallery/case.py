"""What one card of the gallery shows: a program, a master, a part that it finds good and one that
it finds bad.

A kind of tool says its own in its test (`CASE`), where what is drawn is known; gallery, manual and
the table of what a program would miss find it there. The cases of the first kinds are in
`tests/gallery/tools.py`, since they share photographs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from node.frame import Pixels
from node.teach.lesson import Lesson
from schemas import Tool
from schemas.geometry import AnyRegion
from tests.rooms.pictures.scenes import Scene


@dataclass(frozen=True)
class Case:
    """What one card shows. `kinds` of tool are drawn into the program; captions say what the parts
    are.

    `may_be_ok`: pictures of tests/gallery/test_trouble.py, or faults of tests/gallery/missed.py,
    that are OK for this tool, each with the reason why that is right.
    """

    kind: str
    document: dict[str, Any]
    master: Pixels | None
    good: Pixels
    bad: Pixels
    good_is: str
    bad_is: str
    lesson: Lesson = field(default_factory=Lesson)
    extra: str | None = None  # module without which it cannot run
    rounds: int = 5  # the ms shown are those of the quickest of this many: the first fills caches
    may_be_ok: Mapping[str, str] = field(default_factory=dict)


def drawn(
    tool: Tool,
    mark: AnyRegion,
    good: Scene,
    bad: Scene,
    good_is: str,
    bad_is: str,
    may_be_ok: Mapping[str, str] | None = None,
) -> Case:
    """The case of one tool, whose master is the good part. Either part is found by the pattern in
    the region `mark`, and drawn with noise of 3 gray levels."""
    locator = {"kind": "pattern", "region": mark.model_dump(mode="json")}
    return Case(
        tool.kind, program_document([tool.model_dump(mode="json")], locator), good.pixels(3, 0),
        good.pixels(3, 1), bad.pixels(3, 2), good_is, bad_is,
        may_be_ok=may_be_ok or {},
    )  # fmt: skip


def program_document(
    tools: Sequence[dict[str, Any]], locator: dict[str, Any] | None = None, judgement: str = "all"
) -> dict[str, Any]:
    """A program of these tools, which has a master if it has a locator."""
    return {
        "schema": "program/1",
        "id": "gallery",
        "name": "Gallery",
        "master": "master.png" if locator is not None else None,
        "locator": locator,
        "tools": list(tools),
        "judgement": judgement,
        "limits_ms": 60000,
    }
