"""Kinds that installed packages bring: one that works is a kind like ours, any other refuses every
program that uses it, and nothing that a package does ends the process."""

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas import Tool
from schemas.tools import TOOL_MODULES
from schemas.tools.others import SWITCH, OtherTool, joined, others, stamped

SETTINGS = """
    from typing import ClassVar, Literal
    from schemas.tools.base import RegionTool
    from schemas.tools.facts import Facts

    class Gloss(RegionTool):
        facts: ClassVar[Facts] = Facts("count", 200, "Gloss", "Does it shine?", "M4 4h16v16H4z")
        kind: Literal["gloss"] = "gloss"
"""
WHERE = {"x": 0, "y": 0, "width": 20, "height": 20}
GLOSS = {"kind": "gloss", "name": "shine", "region": WHERE, "low": 0.5}
AREA = {"kind": "area", "name": "label", "region": WHERE, "low": 0.5}
Install = Callable[..., None]
Found = dict[str, OtherTool]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lays a package where Python looks for packages, as pip does."""
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))

    def call(
        package: str, settings: str = SETTINGS, kind: str = "gloss", version: str = "1.0"
    ) -> None:
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "settings.py").write_text(dedent(settings))
        about = tmp_path / f"{package}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        (about / "entry_points.txt").write_text(f"[inspection_node.tools]\n{kind} = {package}\n")
        for name in [each for each in sys.modules if each.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)

    return call


def parsed(found: Found, value: object) -> Tool:
    return TypeAdapter(joined(Tool, TOOL_MODULES, found)).validate_python(value)


def refused(found: Found, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        parsed(found, value)
    return str(caught.value)


def test_the_kind_of_a_package_is_a_kind_like_ours(install: Install) -> None:
    install("glossy")
    found = others(TOOL_MODULES)
    tool = parsed(found, GLOSS)
    assert (found["gloss"].package, found["gloss"].problem) == ("glossy 1.0", None)
    assert (tool.kind, tool.low, type(tool).__module__) == ("gloss", 0.5, "glossy.settings")
    assert "extra" in refused(found, GLOSS | {"shiny": 1}).lower()
    assert parsed(found, AREA).kind == "area"


WRONG = {
    "raises": ("raise RuntimeError('no licence')", "no licence"),
    "ends": ("import sys; sys.exit(3)", "SystemExit"),
    "lacks what it imports": ("import no_such_package", "no_such_package"),
    "is no Python": ("def", "SyntaxError"),
    "has no settings": ("", "no settings whose kind is 'gloss'"),
    "has another kind": (SETTINGS.replace('"gloss"', '"matt"'), "no settings whose kind"),
    "has any kind": (SETTINGS.replace('kind: Literal["gloss"]', "kind: str"), "not Literal"),
    "has no facts": (SETTINGS.replace("facts:", "things:"), "no facts"),
    "takes anything": (SETTINGS + '        model_config = {"extra": "allow"}\n', "as strict as"),
    "takes anything within": (
        f"""
    from pydantic import BaseModel

    class Lamp(BaseModel):
        level: int = 1
    {SETTINGS}        lamp: Lamp = Lamp()
""",
        "Lamp of Gloss takes keys that it does not know",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_kind_that_cannot_be_loaded_refuses_programs_and_says_why(
    install: Install, case: str
) -> None:
    settings, why = WRONG[case]
    install("glossy", settings)
    found = others(TOOL_MODULES)
    said = refused(found, GLOSS)
    assert "the kind gloss, of glossy 1.0, cannot be used" in said
    assert why in said
    assert parsed(found, AREA).kind == "area"


@pytest.mark.parametrize("entries", [b"[console_scripts]\nno value\n", b"\xff\xfe"])
def test_metadata_that_cannot_be_read_keep_no_other_tool_from_its_work(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture, entries: bytes
) -> None:
    install("glossy")
    install("broken", kind="matt")
    (tmp_path / "broken-1.0.dist-info" / "entry_points.txt").write_bytes(entries)
    found = others(TOOL_MODULES)
    assert parsed(found, GLOSS).kind == "gloss"
    assert "matt" in refused(found, GLOSS | {"kind": "matt"})
    assert "entry points" in caplog.text


def test_what_a_package_says_while_it_is_imported_is_no_output_of_a_command(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("glossy", f"    print('Welcome to Gloss')\n{SETTINGS}")
    assert others(TOOL_MODULES)["gloss"].problem is None
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Welcome to Gloss\n")


def test_a_kind_that_two_packages_bring_is_neither(install: Install) -> None:
    install("glossy")
    install("shiny")
    said = refused(others(TOOL_MODULES), GLOSS)
    assert "glossy 1.0" in said
    assert "shiny 1.0" in said


def test_nobody_replaces_a_kind_of_ours(install: Install) -> None:
    install("glossy", SETTINGS.replace('"gloss"', '"area"'), kind="area")
    found = others(TOOL_MODULES)
    assert "the node itself has a kind of that name" in str(found["area"].problem)
    assert type(parsed(found, AREA)).__module__ == "schemas.tools.area"
    assert stamped("sha256:1", ["area"], found) == "sha256:1"


def test_another_version_of_a_package_is_another_program_in_the_records(install: Install) -> None:
    install("glossy")
    first = others(TOOL_MODULES)
    second = {kind: tool._replace(package="glossy 1.1") for kind, tool in first.items()}
    hashes = {stamped("sha256:1", ["area", "gloss"], each) for each in ({}, first, second)}
    assert len(hashes) == 3
    assert stamped("sha256:1", ["area"], first) == "sha256:1"


def test_what_is_generated_leaves_them_out(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("glossy")
    monkeypatch.setenv(SWITCH, "off")
    assert others(TOOL_MODULES) == {}
