"""What people should know of a kind of tool before they choose it, and which limits it begins with.

The fields of a kind come from its schema, not from here. The editor's table is made from this:
`schemas/kinds.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Group = Literal["compare", "count", "measure", "read", "learn", "logic"]
NOTHING: Mapping[str, Any] = MappingProxyType({})
FOR_THE_MANUAL = ("use_for", "limits", "words")  # and the catalogues: not what the editor is told


class Room(NamedTuple):
    """How far the first limits lie from the first value that was measured on a good part.

    `around`: `far` of the value to both sides, at least `least`; `within`: `far` to both sides;
    `at_most`: `far` times the value, at least `least`, no lower limit; `all`: as many as the tools
    that it names. `when`: with these fields only.
    """

    way: Literal["around", "within", "at_most", "all"]
    far: float = 0.0
    least: float = 0.0
    when: Mapping[str, str] = NOTHING


class Facts(NamedTuple):
    """Title, sentence and icon (path of an SVG of 24 x 24) for the picker, in which `group` and
    `place` give the order.

    `main`: fields with a default that are worth seeing at once; `start`: what it begins with
    besides the defaults of its schema, any of its settings; `uses`: kinds of the other tools that
    it works with, or any, and `least` of them; `room`: its first limits, where those of its unit
    are not right; `keeps`: its limits are good as they are; `signed`: its value may be negative;
    `recount`: its value is how many of its tools are OK; `samples`: its range of colour can be
    taken from the region; `taught`: it has no value before it was taught from pictures. `use_for`
    and `limits`: its row in the manual (docs/tools.md), in the words of a quality engineer;
    `words`: for each language what the English is there of its title, its sentence, the docstring
    of its settings, each setting's description and label (`alike_low` is "Alike low"), and each
    message of a Problem that it raises (with {a}, {b}, ... where values stand). The tools whose
    rows and words were written before these two facts have neither.
    """

    group: Group
    place: int
    title: str
    text: str
    icon: str
    main: tuple[str, ...] = ()
    start: Mapping[str, Any] = NOTHING
    uses: tuple[str, ...] | Literal["any"] = ()
    least: int = 1
    room: tuple[Room, ...] = ()
    keeps: bool = False
    signed: bool = False
    recount: bool = False
    samples: bool = False
    taught: bool = False
    use_for: str = ""
    limits: str = ""
    words: Mapping[str, Mapping[str, str]] = NOTHING


class LocatorFacts(NamedTuple):
    """The same for a way to find the part."""

    place: int
    title: str
    text: str
    icon: str


def shown(facts: Facts | LocatorFacts) -> dict[str, Any]:
    """What the editor is told of a kind, as JSON values; what is as usual is left out."""
    values: dict[str, Any] = {}
    for name, value in facts._asdict().items():
        if name in ("place", "least", *FOR_THE_MANUAL) or (not value and name != "text"):
            continue
        if name == "uses" and isinstance(facts, Facts):
            values[name] = {"kinds": value, "least": facts.least}
        elif name == "room":
            values[name] = [{**room._asdict(), "when": dict(room.when)} for room in value]
        else:
            values[name] = dict(value) if name == "start" else value
    return values
