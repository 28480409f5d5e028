"""docs/security.md: every finding of the security tester has a test, and that test exists."""

import re

from tests.rooms.installation.processes import ROOT

ROW = re.compile(r"^\| (F\d+) \| [^|]+ \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")
FINDINGS = 30


def test_every_finding_has_a_test_that_is_there() -> None:
    rows = ROW.findall((ROOT / "docs" / "security.md").read_text())
    assert [name for name, _ in rows] == [f"F{number}" for number in range(1, FINDINGS + 1)]
    for name, cell in rows:
        tests = NAMED.findall(cell)
        assert tests, name
        for file, test in tests:
            assert f"def {test}(" in (ROOT / "tests" / file).read_text(), f"{name}: {file}::{test}"
