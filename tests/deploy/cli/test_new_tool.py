"""A new tool is three files: they are written, named everywhere by what is generated, and their
test fails until it is true."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cli.command import main
from tests.rooms.installation.processes import ROOT

pytestmark = pytest.mark.slow

KIND = "thread_count"
VALUE = "    return Measurement(float((view.gray > 120).sum() > 100))\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree of its own: what a new tool may be written into and is tested with."""
    for room in ("schemas", "broker", "node"):
        shutil.copytree(
            ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "*.onnx")
        )
    names = ("deploy", "docs", "web/static/js/editor", "web/static/words", "tests/node/tools",
             "tests/gallery")  # fmt: skip
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    for name in ("docs/tools.md", "web/static/words/de.json", "tests/gallery/case.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(
        ROOT / "tests" / "rooms" / "pictures", tmp_path / "tests" / "rooms" / "pictures"
    )
    return tmp_path


def _ran(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_three_files_are_a_tool_that_programs_can_use_and_whose_test_fails_until_it_measures(
    tree: Path,
) -> None:
    assert main(["new", "tool", KIND, "--source", str(tree)]) == 0
    settings, steps, test = (
        tree / "schemas" / "tools" / f"{KIND}.py",
        tree / "node" / "tools" / f"{KIND}.py",
        tree / "tests" / "node" / "tools" / f"test_{KIND}.py",
    )
    rules = ("--config", str(ROOT / "pyproject.toml"))
    written = _ran(tree, "-m", "ruff", "check", *rules, str(settings), str(steps), str(test))
    assert written.returncode == 0, written.stdout  # nobody is stopped by what they did not write
    assert f'"{KIND}"' in (tree / "schemas" / "json_schemas" / "program.json").read_text()
    assert f"| `{KIND}` | say what for" in (tree / "docs" / "tools.md").read_text()
    german = json.loads((tree / "web" / "static" / "words" / "de.json").read_text())
    assert german["Thread count"] == "Thread count"  # as its facts say it until it is translated
    assert f"  {KIND}: {{" in (tree / "web" / "static" / "js" / "editor" / "table.js").read_text()
    known = (
        "from node.tools import TOOLS; from schemas import ThreadCount;"
        " print(TOOLS['thread_count'].measure.__module__)"
    )
    assert _ran(tree, "-c", known).stdout.strip() == "node.tools.thread_count"
    run = (
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tree),
        str(test),
    )
    told = _ran(tree, *run)
    assert "1 failed, 3 passed" in told.stdout, told.stdout
    assert "NO_VALUE" in told.stdout
    text = steps.read_text()
    steps.write_text(text[: text.rindex("    raise")] + VALUE)
    assert "4 passed" in _ran(tree, *run).stdout
    assert _ran(tree, "-m", "schemas.generate", "--check").returncode == 0


@pytest.mark.parametrize(
    "name",
    [
        "Thread",
        "3d",
        "a-b",
        "class",
        "x" * 33,
        "area",
        "caliper",
        "../up",
        "",
        "problem",
        "region_tool",
        "view",
    ],
)
def test_what_can_be_no_kind_or_is_there_is_refused_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("schemas/tools", "node/tools", "tests/node/tools"):
        (tmp_path / folder).mkdir(parents=True)
    for there in ("area", "caliper"):
        (tmp_path / "node" / "tools" / f"{there}.py").touch()
    before = sorted(tmp_path.rglob("*"))
    assert main(["new", "tool", name, "--source", str(tmp_path)]) == 1
    assert "VALIDATION_FAILED" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_outside_of_a_source_tree_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "tool", KIND, "--source", str(tmp_path)]) == 1
    assert "no source tree" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
