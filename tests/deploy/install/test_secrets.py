"""No secret is where others can read it: in units, in settings of containers, on a command line."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli.command import _parser
from schemas.settings.override import is_secret_variable
from tests.rooms.installation.processes import ROOT

UNITS = sorted((ROOT / "deploy/install").glob("*.service"))
WRITTEN = [
    *UNITS,
    *(ROOT / "deploy/install").glob("*.conf"),
    *(ROOT / "deploy/install").glob("*.timer"),
    *(ROOT / "deploy/containers").rglob("*.yaml"),
    ROOT / "deploy/containers/Dockerfile",
    ROOT / "Procfile",
]
SECRET = re.compile(r"password|secret|token|passphrase|(^|_)key($|_)|dsn|recovery", re.I)
# of a credential's name, a file's, or whether there is one
NO_VALUE = re.compile(r"(_file|_folder|_name|_id|_days)$")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_names_its_secrets_and_holds_none(unit: Path) -> None:
    text = unit.read_text()
    given = re.findall(r"^SetCredential=\w+:(.*)$", text, re.M)
    assert set(given) <= {r"\n"}, "empty, for what the box does not have"
    for name, value in re.findall(r"(\w+)=(\S*)", " ".join(_of("Environment", text))):
        assert not is_secret_variable(name), name
        assert not SECRET.search(name), f"{name}={value}"
    for line in [*_of("ExecStart", text), *_of("ExecStartPre", text), *_of("ExecStopPost", text)]:
        assert not re.search(r"--?[\w-]*(password|secret|token)[\w-]*[= ](?!\S*/)", line), line


def test_what_we_ship_has_no_key_and_no_password_in_it() -> None:
    assert len(WRITTEN) > 12
    for path in WRITTEN:
        text = path.read_text()
        assert "PRIVATE KEY" not in text, path
        for name, value in re.findall(r"^\s*(?:- )?(\w+)\s*[=:]\s*[\"']?([^\s\"'#]+)", text, re.M):
            if is_secret_variable(name) or name.lower() in ("password", "passwd", "secret_key"):
                assert name.endswith("_FILE"), f"{path.name}: {name}"
                assert value.startswith(("/", "$")), f"{path.name}: {name}"


def test_no_command_takes_a_secret_on_its_command_line() -> None:
    """Anybody who lists processes would read it there."""
    wrong = [
        f"{command} {option}"
        for command, action in _options(_parser([]), "inspection-node")
        for option in action.option_strings or [action.dest]
        if SECRET.search(option.strip("-").replace("-", "_"))
        and not NO_VALUE.search(option.strip("-").replace("-", "_"))
        and action.nargs != 0
    ]
    assert wrong == []


def _of(key: str, unit: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, re.M)


def _options(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from _options(below, f"{name} {word}")
        else:
            yield name, action
