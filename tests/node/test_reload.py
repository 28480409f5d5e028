"""Settings that are read again while the node goes on."""

import os
import time
from pathlib import Path

import pytest

from node.reload import Reload
from schemas import Problem
from schemas.settings.load import Loaded
from tests.rooms.promise.promise import wait_for


def settings(folder: Path, more: str = "") -> Path:
    path = folder / "node.toml"
    path.write_text(
        f'environment = "testing"\nstate_dir = "{folder}/state"\n[broker]\nusername ='
        f' "node-01"\n{more}[[station]]\nid = "cam1"\ncamera = {{ kind = "synthetic" }}\n'
    )
    return path


def test_what_was_read_is_handed_over_once(tmp_path: Path) -> None:
    reload = Reload(settings(tmp_path), {})
    assert reload.look() is None
    reload.want()
    read = wait_for(reload.look, 10)
    assert isinstance(read, Loaded)
    assert reload.look() is None


def test_wrong_settings_are_a_problem(tmp_path: Path) -> None:
    reload = Reload(settings(tmp_path, "keepalive_s = 99\n"), {})
    reload.want()
    read = wait_for(reload.look, 10)
    assert isinstance(read, Problem)
    assert "keepalive_s" in str(read)


def test_a_password_file_on_a_dead_share_is_waited_for_elsewhere_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.reload.SLOW_S", 0.3)
    share = tmp_path / "password"
    os.mkfifo(share)  # reading waits for a writer who does not come yet
    reload = Reload(settings(tmp_path), {"INSPECTION_BROKER__PASSWORD_FILE": str(share)})
    reload.want()
    told = 0
    until = time.monotonic() + 1
    while time.monotonic() < until:
        began = time.monotonic()
        assert reload.look() is None
        told += reload.slow()
        assert time.monotonic() - began < 0.5
        time.sleep(0.01)
    assert told == 1
    share.write_text("a password at last")
    read = wait_for(reload.look, 10)
    assert isinstance(read, Loaded)
    assert read.settings.broker.password is not None
