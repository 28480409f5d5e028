"""As which user a command asks at the broker: as the web where that has a user of its own, as the
node, or as the one that is named."""

import argparse
from pathlib import Path

import pytest

from deploy.cli.addressee import reached


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings with a user each for node and web; the passwords are in `.env` beside them."""
    for variable in ("INSPECTION_BROKER__PASSWORD", "INSPECTION_BROKER__PASSWORD_FILE"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / ".env").write_text(
        "INSPECTION_BROKER__PASSWORD=of-the-node\nINSPECTION_WEB__BROKER_PASSWORD=of-the-web\n"
    )
    path = tmp_path / "node.toml"
    path.write_text(
        f'environment = "testing"\nstate_dir = "{tmp_path / "state"}"\n[broker]\nusername ='
        ' "node-01"\nurl = "mqtt://127.0.0.1:1"\n[web]\nbroker_username = "web"\n[[station]]\nid ='
        ' "cam1"\ncamera = { kind = "synthetic" }\n'
    )
    return path


def who(config: Path, *, as_node: bool = False, **given: object) -> tuple[str | None, str | None]:
    nothing = {
        "broker": None,
        "node": None,
        "base": None,
        "username": None,
        "ca_file": None,
        "password_file": None,
    }
    found, _ = reached(
        argparse.Namespace(**{**nothing, "config": config, **given}), as_node=as_node
    )
    return found.username, found.password.get_secret_value() if found.password else None


def test_a_command_asks_as_the_web_for_the_node_may_command_nothing(site: Path) -> None:
    assert who(site) == ("web", "of-the-web")
    assert who(site, as_node=True) == ("node-01", "of-the-node")


def test_who_is_named_brings_a_password_of_their_own(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert who(site, username="plc") == ("plc", None)
    file = site.with_name("plc")
    file.write_text("of-the-plc\n")
    assert who(site, username="plc", password_file=file) == ("plc", "of-the-plc")
    monkeypatch.setenv("INSPECTION_BROKER__PASSWORD", "by-the-environment")
    assert who(site, username="plc") == ("plc", "by-the-environment")
