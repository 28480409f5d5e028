"""`inspection-node new tool NAME`: the three files of a new kind of tool, in the source tree.

The settings with their facts, the steps, and a test with a drawn truth that fails until the steps
are written. Whatever else names a kind is generated from these by `python -m schemas.generate`, or
named as missing by `make check` and the tests.
"""

import argparse
import keyword
import re
import subprocess
import sys
from pathlib import Path
from string import Template

import schemas
from schemas import Problem

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 32
SETTINGS = Template('''"""Say in one line what ${words} is."""

from math import inf
from typing import ClassVar, Literal

from schemas.tools.base import RegionTool
from schemas.tools.facts import Facts


class ${kind_class}(RegionTool):
    """Say what its value is, and in which unit."""

    facts: ClassVar[Facts] = Facts(  # what each of them means: schemas/tools/facts.py
        group="count",  # or compare, measure, read, learn, logic
        place=100,  # its order within the group
        title="${title}",
        text="Which question of an inspector does it answer?",
        icon="M4 4h16v16H4z",
        start={"low": 0},  # any of its settings: low, high, and those that you add below
        use_for="say what for, as a row of the manual",
        limits="say from which size, light and contrast on, and what it cannot see",
        words={"de": {"${title}": "${title}"}},
    )
    kind: Literal["${kind}"] = "${kind}"

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits: ratio, score, count, px, deg, gray, ..."""
        return "ratio"

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that it can have."""
        return (0.0, inf)
''')
STEPS = Template('''"""Say in one line how ${words} is measured, and cite the method."""

from node.frame import View
from node.measurement import Measurement
from schemas import ${shapes}


def learn(_view: View, _settings: ${kind_class}) -> None:
    """Nothing is kept of the master. What is returned here is what `measure` gets as its third
    argument; a master that does not do is refused by a Problem, as in `measure`."""


def measure(view: View, _settings: ${kind_class}, _learned: None) -> Measurement:
    """Say what is returned. Raises Problem NO_CONTRAST if there is nothing to see, NO_VALUE if what
    is seen has no one value: a tool never makes a number up."""
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    raise Problem("NO_VALUE", "${kind} is not written yet")
''')
TEST = Template('''"""${title}: drawn scenes with known answers; a blind view gives a problem."""

import pytest

from node.tools.${kind} import learn, measure
from schemas import ${shapes}
from tests.gallery.case import drawn
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(160, 60, 140, 160)


def tool(**changes) -> ${kind_class}:  # type: ignore[no-untyped-def]
    return ${kind_class}(**({"name": "${kind}"[:32], "region": WHERE, "low": 0.0} | changes))


PLATE = Scene.plain(320, 240, 60.0).part(16, 16, size=(90, 70))
MARK = region(10, 10, 102, 82)  # what the part is found by
# what is true of them is known before they are measured; turned ones: tests/rooms/pictures/bars.py
GOOD = PLATE.rectangle(199.5, 119.5, 40, 30, 180.0)
BAD = PLATE.rectangle(199.5, 119.5, 4, 3, 180.0)
CASE = drawn(tool(low=0.5), MARK, GOOD, BAD, "the part as it is to be", "it is too small")


def test_the_value_is_the_one_that_was_drawn() -> None:
    learned = learn(GOOD.frame(3).view(WHERE), tool())
    assert measure(GOOD.frame(3).view(WHERE), tool(), learned).value == pytest.approx(1.0)


@pytest.mark.parametrize("gray", [0.0, 128.0, 255.0])
def test_a_view_of_one_value_is_a_problem_and_no_number(gray: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measure(Scene.plain(320, 240, gray).frame().view(WHERE), tool(), None)
''')


# as in CONTRIBUTING.md: a test compares them
COMMANDS = """\
.venv/bin/python -m schemas.generate
.venv/bin/python -m web.vocabulary --check
.venv/bin/python -m tests.gallery.manual {kind}
.venv/bin/python -m tests.gallery.missed {kind}
make format
make check
make test TEST='tests/test_docs.py tests/gallery -k "{kind} or docs or table"'
"""
FIRST = "make test TEST=tests/node/tools/test_{kind}.py"
WORDS = {
    name
    for text in (SETTINGS, STEPS, TEST)
    for names in re.findall(r"import (.+)", text.template)
    for name in names.split(", ")
}


def new(args: argparse.Namespace) -> int:
    """Write them and the tables that name it; the exit code. Raises Problem VALIDATION_FAILED."""
    kind, root = args.name, args.source or Path(__file__).resolve().parents[2]
    files = {
        root / "schemas" / "tools" / f"{kind}.py": SETTINGS,
        root / "node" / "tools" / f"{kind}.py": STEPS,
        root / "tests" / "node" / "tools" / f"test_{kind}.py": TEST,
    }
    if not NAME.fullmatch(kind) or len(kind) > LONGEST or keyword.iskeyword(kind):
        raise Problem(
            "VALIDATION_FAILED",
            "a kind is lower-case words joined by _, at most 32 letters, and no word of Python",
        )
    if not all(path.parent.is_dir() for path in files):
        raise Problem(
            "VALIDATION_FAILED",
            f"{root} is no source tree of this project: clone it, or name one by --source",
        )
    there = [path.relative_to(root) for path in files if path.exists()]
    if there:
        raise Problem("VALIDATION_FAILED", f"there is already {', '.join(map(str, there))}")
    words = kind.replace("_", " ")
    kind_class = words.title().replace(" ", "")
    if hasattr(schemas, kind_class) or kind_class in WORDS:
        raise Problem(
            "VALIDATION_FAILED",
            f"its class would be {kind_class}, which is something else: take another name",
        )
    given = {
        "kind": kind,
        "words": words,
        "title": words.capitalize(),
        "kind_class": kind_class,
        "shapes": ", ".join(sorted((kind_class, "Problem"))),
    }
    print(f"in {root.resolve()}:")
    for path, template in files.items():
        path.write_text(template.substitute(given), encoding="utf-8")
        print(path.relative_to(root))
    made = subprocess.run([sys.executable, "-m", "schemas.generate"], cwd=root, check=False)
    if made.returncode == 0:
        print(
            f"Now, in that folder:\n{FIRST.format(kind=kind)}\n"
            f"It fails until the steps are written. Then, and after each change:\n"
            f"{COMMANDS.format(kind=kind)}"
            f"To take it away again: .venv/bin/python -m deploy.cli.remove_tool {kind}"
        )
    return made.returncode
