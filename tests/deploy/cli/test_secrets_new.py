"""`secrets new`: production accepts what it makes, and nobody else can read it."""

import json
from pathlib import Path

import pytest

from deploy.cli.command import main
from schemas.settings.load import load

SETTINGS = (
    '[broker]\nusername = "node"\n[web]\nbroker_username = "web"\n[[station]]\nid = "cam1"\ncamera'
    ' = { kind = "synthetic" }\n'
)


def test_production_takes_what_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "node.toml"
    path.write_text(f'state_dir = "{tmp_path / "state"}"\n{SETTINGS}')
    assert main(["secrets", "new", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["secrets", "new"]) == 0
    second = dict(line.split("=") for line in capsys.readouterr().out.splitlines())
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())
    assert not {"INSPECTION_OIDC__CLIENT_SECRET", "INSPECTION_LOGS__SENTRY_DSN"} & set(first), (
        "others give these"
    )
    assert load(path, second).settings.web.jwt_key is not None


def test_files_are_for_their_owner_and_are_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "credentials"
    assert main(["secrets", "new", "--folder", str(folder)]) == 0
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert "web_jwt_key" in before
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
    assert not any(secret.strip() in capsys.readouterr().out for secret in before.values())
    assert main(["secrets", "new", "--folder", str(folder)]) == 1
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    path = tmp_path / "node.toml"
    path.write_text(f'state_dir = "{tmp_path / "state"}"\n{SETTINGS}')
    load(path, {"CREDENTIALS_DIRECTORY": str(folder)})
