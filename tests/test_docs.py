"""What the pages for developers say about the code still holds."""

import ast
import re
from pathlib import Path

import pytest

from broker.topics import TOPICS
from node import limits
from node.locators import LOCATORS
from node.tools import TOOLS
from schemas import EVALUATION
from schemas.command import COMMANDS
from schemas.errors import CATALOGUE
from tests.rooms.installation.processes import ROOT
from web.pages import PAGES as PAGES_OF_THE_WEB

ARCHITECTURE = re.sub(
    r"^```.*?^```", "", (ROOT / "docs" / "architecture.md").read_text(), flags=re.M | re.S
)
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def thread_names(rooms: tuple[str, ...]) -> set[str]:
    """The names that threads are given in the code, with a placeholder for what differs."""
    names = set()
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "threading.Thread":
                given = {keyword.arg: keyword.value for keyword in call.keywords}
                assert "name" in given, f"{path}: a thread without a name"
                names.add(
                    re.sub(
                        r"\{[^}]*\}",
                        "*",
                        ast.literal_eval(ast.unparse(given["name"]).removeprefix("f")),
                    )
                )
    return names


def test_every_thread_of_node_and_web_is_in_the_architecture() -> None:
    told = {re.sub(r"\b[A-Z]{2,}\b", "*", word) for word in re.findall(r"`([^`]+)`", ARCHITECTURE)}
    assert thread_names(("node", "web", "schemas")) - told == set()
    # `ends` belongs to the clients
    assert {name for name in thread_names(("broker",)) if name != "ends"} - told == set()


def test_the_time_limits_told_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| (`\w+_S`(?:, `\w+_S`)*) \| ([\d., ]+) \|", ARCHITECTURE, re.M)
    told = {
        name: float(value)
        for names, values in rows
        for name, value in zip(re.findall(r"\w+_S", names), values.split(", "), strict=True)
    }
    assert told == {name: getattr(limits, name) for name in told}
    assert {"LEDGER_S", "BEAT_S", "WATCHDOG_S", "DEAD_S", "APART_S"} <= told.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_pages_that_are_named_are_there(page: Path) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / link).exists(), link
    for name in re.findall(
        r"`((?:schemas|broker|node|web|deploy|tests|docs)/[\w./-]+\.\w+)`", text
    ):
        if "thread_count" not in name and not re.search("KIND|NAME|CODE", name):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "module",
    sorted(
        {
            name
            for page in PAGES
            for name in re.findall(r"python -m (tests[\w.]+)", page.read_text())
        }
    ),
)
def test_modules_of_the_tests_that_are_to_be_run_do_something(module: str) -> None:
    path = ROOT / module.rstrip(".").replace(".", "/")
    path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    last = ast.parse(path.read_text()).body[-1]
    assert ast.unparse(last).startswith(("if __name__ == '__main__'", "main(")), path


def test_every_tool_has_its_place_in_the_manual() -> None:
    manual = (ROOT / "docs" / "tools.md").read_text()
    assert [
        kind
        for kind in (*TOOLS, *LOCATORS)
        if f"`{kind}`" not in manual and f"## {kind}" not in manual.lower()
    ] == []


def test_the_topics_commands_verdicts_and_codes_told_are_those_of_the_code() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    rows = [
        re.findall(r"`([^`]+)`", line.split("|")[1])
        for line in reference.splitlines()
        if line.startswith("| `")
    ]
    told = {name for row in rows for name in row}
    topics = {
        topic.template.removeprefix("{base}/{node}/")
        for topic in TOPICS
        if topic.direction != "own"
    }
    assert topics <= told
    assert {name for name in told if "/" in name} <= topics
    (commands,) = [line.split("|")[3] for line in reference.splitlines() if "`cmd/{name}`" in line]
    assert set(re.findall(r"`([^`]+)`", commands)[0].split()) == set(COMMANDS)
    assert dict(re.findall(r"^\| `(\w+)` \| (\d) \|", reference, re.M)) == {
        name: str(n) for name, n in EVALUATION.items()
    }
    codes = {name for name in re.findall(r"`([A-Z_]{4,})`", reference)}
    assert {code for code in codes if code not in EVALUATION} <= set(CATALOGUE)


def test_the_pages_that_the_readme_tells_are_those_of_the_menu() -> None:
    table = (ROOT / "README.md").read_text().partition("| page | for |")[2].partition("\n\n")[0]
    told = [
        name for row in re.findall(r"^\| ([A-Z][^|]+) \|", table, re.M) for name in row.split(", ")
    ]
    assert told == [page.title for page in PAGES_OF_THE_WEB if page.icon is not None]
