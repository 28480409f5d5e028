"""The page that answers the five guides names what is there: files, commands, and tests that
run."""

import re
from pathlib import Path

from tests.rooms.installation.processes import ROOT

PAGE = (ROOT / "docs" / "guides-answered.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| G\d ", line)
]


def test_every_guide_is_answered_in_rows_of_four() -> None:
    assert {row[0] for row in ROWS} == {"G0", "G1", "G2", "G3", "G4"}
    assert all(len(row) == 4 and all(row) for row in ROWS)
    assert len({(row[0], row[1]) for row in ROWS}) == len(ROWS), "a demand twice"


def test_every_file_and_command_that_an_answer_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for _, _, here, _ in ROWS:
        for name in re.findall(r"`(\w+/[\w./-]+|Procfile|requirements\.lock)`", here):
            assert (ROOT / name).is_file(), name
        for target in re.findall(r"`make (\w+)", here):
            assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_answer_has_a_test_that_exists() -> None:
    for row in ROWS:
        (path, name), *_ = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", row[3])
        source = Path(ROOT / path).read_text()
        assert re.search(rf"^def {name}\(", source, re.M) if name else "\ndef test_" in source, row[
            3
        ]
