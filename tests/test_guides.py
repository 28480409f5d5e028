"""The page that answers the five guides names what exists: files, commands, and tests that run
them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.rooms.installation.processes import ROOT

PAGE = (ROOT / "docs" / "guides-answered.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| G\d ", line)
]
FILE = re.compile(r"`(\w+/[\w./-]+|Procfile|requirements\.lock)`")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
MODULE = re.compile(r"\b(?:schemas|broker|node|web|deploy|tests)(?:\.\w+)+")
FROM = re.compile(r"^\s*from ([\w.]+) import (\([^)]*\)|.*)$", re.M)
# what a process of its own runs, or a browser: by what the test's file gets it to run
BY_A_PROCESS = {
    "deploy/serve/gunicorn.conf.py": "deploy.cli.command",
    "deploy/serve/worker.py": "gevent",
    "deploy/serve/access_log.py": "access",
    "web/templates/pages/editor.html": "/app/programs",
    "web/static/css/app.css": "/app/programs",
}


def test_every_guide_is_answered_in_rows_of_four() -> None:
    assert {row[0] for row in ROWS} == {"G0", "G1", "G2", "G3", "G4"}
    assert all(len(row) == 4 and all(row) for row in ROWS)
    assert len({(row[0], row[1]) for row in ROWS}) == len(ROWS), "a demand twice"


def test_every_file_and_command_that_an_answer_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for _, _, here, _ in ROWS:
        for name in FILE.findall(here):
            assert (ROOT / name).is_file(), name
        for target in re.findall(r"`make (\w+)", here):
            assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_answer_has_a_test_that_exists() -> None:
    for row in ROWS:
        found = TEST.findall(row[3])
        assert found, row[1]
        for path, name in found:
            source = Path(ROOT / path).read_text()
            assert (
                re.search(rf"^def {name}\(", source, re.M) if name else "\ndef test_" in source
            ), row[3]


def test_what_an_answer_names_is_what_its_test_runs() -> None:
    """A module is loaded by the test's file, or by what that loads; another file is named there."""
    wrong = []
    for _, demand, here, tests in ROWS:
        reached = {each for path, _ in TEST.findall(tests) for each in _reached(path)}
        text = "\n".join(map(_text, sorted(reached)))
        assert FILE.search(here) or "foreign" in here, f"{demand}: no file is named"
        wrong += [
            f"{demand}: {name}"
            for name in FILE.findall(here)
            if name not in reached
            and (name.endswith(".py") or Path(name).name not in text)
            and f"{Path(name).parent.name}/*{Path(name).suffix}" not in text
            and (name not in BY_A_PROCESS or BY_A_PROCESS[name] not in text)
        ]
    assert wrong == []


@cache
def _text(path: str) -> str:
    return (ROOT / path).read_text()


def _reached(path: str) -> set[str]:
    """The files that a test's file loads, and those that they load."""
    found, coming = set[str](), [path, "tests/conftest.py"]
    coming += [name for name in (f"{Path(path).parent}/conftest.py",) if (ROOT / name).exists()]
    while coming:
        each = coming.pop()
        if each not in found:
            found.add(each)
            coming += _loaded(each)
    return found


@cache
def _loaded(path: str) -> tuple[str, ...]:
    text = _text(path)
    names = set(MODULE.findall(text))
    for module, what in FROM.findall(text):
        names |= {f"{module}.{name}" for name in re.findall(r"\w+", what)}
    return tuple(_files(names))


def _files(names: set[str]) -> Iterator[str]:
    for name in names:
        stem = name.replace(".", "/")
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if (ROOT / path).is_file():
                yield path
