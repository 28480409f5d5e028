"""`make check` runs all checks whatever fails, and lists at the end what failed and what to do."""

import sys
from pathlib import Path

import pytest

from tests import checks
from tests.checks import CHECKS, ROOT, Check, gone, run


def _exits(code: int, remedy: str = checks.SAID) -> Check:
    return Check((sys.executable, "-c", f"raise SystemExit({code})"), remedy)


def test_all_run_and_each_that_failed_is_listed_with_its_remedy(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = Check((sys.executable, "-c", "open('ran', 'w')"))
    assert run((_exits(1, "make format"), _exits(0), _exits(3, "do that"), ran), tmp_path) == 1
    assert (tmp_path / "ran").exists()
    told = capfd.readouterr().err.splitlines()
    assert told[1::2][:2] == ["    -> make format", "    -> do that"]
    assert told[-1] == "2 of 4 checks failed"
    assert "SystemExit(1)" in told[0]
    assert "SystemExit(3)" in told[2]


def test_nothing_failed_is_0_and_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run((_exits(0),), tmp_path) == 0
    said = capfd.readouterr()
    assert said.out.splitlines()[-1] == "all checks passed"
    assert said.err == ""


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_what_npm_did_not_bring_is_said_and_fails_for_ci_only(
    ci: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CI", ci)
    assert run((Check((".venv/npm/absent", "format"), npm=True),), tmp_path) == code
    assert "not checked: npm is not here" in capfd.readouterr().out


def test_a_tool_whose_file_was_taken_away_is_named_with_the_command_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schemas" / "tools").mkdir(parents=True)
    (tmp_path / "schemas" / "tools" / "area.py").touch()
    (tmp_path / checks.TOOLS).write_text(
        "from schemas.tools.area import Area\nfrom schemas.tools.share import Share\n"
    )
    assert gone(tmp_path) == ["share"]
    assert gone() == []
    monkeypatch.setattr(checks, "gone", lambda: gone(tmp_path))
    assert checks.main() == 1
    assert "python -m deploy.cli.remove_tool share" in capfd.readouterr().err


def test_the_commands_are_printed_as_they_are_typed_and_make_check_runs_them() -> None:
    assert "$(BIN)/python -m tests.checks" in (ROOT / "Makefile").read_text()
    assert CHECKS[0].line == ".venv/bin/ruff format --check ."
    lines = [check.line for check in CHECKS]
    assert ".venv/bin/python -m schemas.generate --check" in lines
    assert all(line.startswith(".venv/") for line in lines)
