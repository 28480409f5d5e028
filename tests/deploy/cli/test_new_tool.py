"""A new tool is three files: they are written, named everywhere by what is generated, and their
test fails until it is true."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cli.command import main
from deploy.cli.new_tool import COMMANDS, FIRST
from deploy.cli.remove_tool import main as remove_tool
from deploy.cli.remove_tool import without
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
        env=_alone(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _alone() -> dict[str, str]:
    """The environment without what whoever runs this asks of pytest."""
    return {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}


def test_three_files_are_a_tool_that_programs_can_use_and_whose_test_fails_until_it_measures(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "tool", KIND, "--source", str(tree)]) == 0
    printed = capfd.readouterr().out
    assert f"in {tree}:" in printed
    assert f"{FIRST.format(kind=KIND)}\n" in printed
    assert COMMANDS.format(kind=KIND) in printed
    settings, steps, test = (
        tree / "schemas" / "tools" / f"{KIND}.py",
        tree / "node" / "tools" / f"{KIND}.py",
        tree / "tests" / "node" / "tools" / f"test_{KIND}.py",
    )
    rules = ("--config", str(ROOT / "pyproject.toml"))
    written = _ran(tree, "-m", "ruff", "check", *rules, str(settings), str(steps), str(test))
    assert written.returncode == 0, written.stdout  # nobody is stopped by what they did not write
    formed = _ran(
        tree, "-m", "ruff", "format", "--check", *rules, str(settings), str(steps), str(test)
    )
    assert formed.returncode == 0, formed.stdout
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


BLOCK = re.compile(r"^4\. \*\*Make the rest.*?^```sh\n(.*?)^```", re.M | re.S)
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


def test_the_guide_tells_the_commands_that_new_tool_prints() -> None:
    told = BLOCK.search(GUIDE)
    assert told is not None
    assert told[1] == COMMANDS.format(kind=KIND)
    assert f"`{FIRST.format(kind=KIND)}`" in GUIDE


def test_each_command_that_is_printed_is_there_and_those_that_test_find_tests() -> None:
    """From the root of the project, as it stands: make and pytest say what they would run."""
    tried = []
    for line in (FIRST + "\n" + COMMANDS).format(kind="area").splitlines():
        if not line.startswith("make "):
            python, option, module, *_ = shlex.split(line)
            assert [python, option] == [".venv/bin/python", "-m"], line
            assert importlib.util.find_spec(module) is not None, line
            continue
        dry = _shell(line.replace("make ", "make -n ", 1))
        assert dry.returncode == 0, dry.stderr
        for tests in re.findall(r"^\S+/python (-m pytest .*)$", dry.stdout, re.M):
            found = _shell(f"{shlex.quote(sys.executable)} {tests} -n 0 --collect-only -q")
            assert found.returncode == 0, found.stdout
            assert "area" in found.stdout, line
            tried.append(tests)
    assert len(tried) == 2


def _shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line,
        shell=True,
        cwd=ROOT,
        env=_alone(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_tool_that_is_taken_away_leaves_the_tree_as_it_was(tree: Path) -> None:
    files = ("schemas/tools/__init__.py", "schemas/json_schemas/program.json", "docs/tools.md",
             "web/static/js/editor/table.js")  # fmt: skip
    assert _ran(tree, "-m", "schemas.generate").returncode == 0
    before = {name: (tree / name).read_text() for name in files}
    assert main(["new", "tool", KIND, "--source", str(tree)]) == 0
    assert all((tree / name).read_text() != before[name] for name in files)
    shutil.copytree(ROOT / "deploy" / "cli", tree / "deploy" / "cli")
    # by hand: nothing that imports a schema runs any more
    (tree / "schemas" / "tools" / f"{KIND}.py").unlink()
    broken = _ran(tree, "-m", "schemas.generate")
    assert "ModuleNotFoundError" in broken.stderr
    gone = _ran(tree, "-m", "deploy.cli.remove_tool", KIND)
    assert gone.returncode == 0, gone.stderr
    assert f"removed: node/tools/{KIND}.py" in gone.stdout
    assert not list(tree.rglob(f"*{KIND}.py"))
    assert {name: (tree / name).read_text() for name in files} == before
    assert _ran(tree, "-m", "schemas.generate", "--check").returncode == 0


@pytest.mark.parametrize(("module", "kind_class"), [("angle", "Angle"), ("width", "Width"),
                                                    ("pattern_tool", "PatternTool")])  # fmt: skip
def test_the_table_without_the_first_the_last_or_any_kind_is_python_that_does_not_name_it(
    module: str, kind_class: str
) -> None:
    table = (ROOT / "schemas" / "tools" / "__init__.py").read_text()
    left = without(table, module)
    compile(left, "table", "exec")
    assert not re.search(rf"\b({kind_class}|{module})\b", left)
    assert len(table.splitlines()) - len(left.splitlines()) == 4
    assert without(table, "no_such") == table


def test_no_such_tool_is_said_and_nothing_is_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    assert remove_tool(["facts"]) == 1
    assert "names no module facts" in capsys.readouterr().err
    assert (ROOT / "schemas" / "tools" / "facts.py").is_file()
    assert remove_tool(["no.such"]) == 1
    assert remove_tool([]) == 64
