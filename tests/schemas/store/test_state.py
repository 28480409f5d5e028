"""The state folder as a whole: links and other accounts' files are refused, old modes are narrowed,
and it is held."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.cli.command import main
from node.service import Service
from schemas import Problem
from schemas.settings.load import load
from schemas.store.accounts import Accounts
from schemas.store.disk import refuse_foreign
from schemas.store.state import held, refuse_planted, secured
from tests.rooms.installation.processes import ROOT
from tests.rooms.people.people import settings

PLACES = (
    "accounts.db",
    "ledger.db-wal",
    "audit.key",
    "users",
    "users/users.json",
    "web/jwt.key",
    "programs/index.json",
    "lock",
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder as an early version left it, open to everybody."""
    made = tmp_path / "state"
    for name in (
        "ledger.db",
        "pictures/cam1/2026/a.jpg",
        "programs/part/1.json",
        "shown/x.jpg",
        "notes.txt",
        "mine/b.txt",
    ):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("x")
    for path in (made, *made.rglob("*")):
        path.chmod(0o775 if path.is_dir() else 0o664)
    return made


def planted(state: Path, name: str) -> Path:
    """A link at one of our places, to something outside."""
    outside = state.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "file").write_text("precious")
    (state / name).parent.mkdir(parents=True, exist_ok=True)
    (state / name).symlink_to(outside if name == "users" else outside / "file")
    return outside / "file"


def test_what_was_open_to_others_is_closed_at_the_start_and_what_is_not_ours_stays(
    state: Path,
) -> None:
    secured(state)
    modes = {str(path.relative_to(state)): path.stat().st_mode & 0o777 for path in state.rglob("*")}
    assert state.stat().st_mode & 0o777 == 0o700
    for name in ("ledger.db", "programs/part/1.json"):
        assert modes[name] == 0o600, name
    for name in (
        "pictures",
        "pictures/cam1",
        "pictures/cam1/2026",
        "programs",
        "programs/part",
        "shown",
    ):
        assert modes[name] == 0o700, name
    assert (modes["notes.txt"], modes["mine"]) == (0o664, 0o775)
    secured(state)
    secured(state.parent / "new" / "one")
    assert (state.parent / "new" / "one").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", PLACES)
def test_a_link_at_any_place_of_ours_is_refused_and_not_followed(state: Path, name: str) -> None:
    outside = planted(state, name)
    for look in (secured, refuse_planted):
        with pytest.raises(Problem, match=r"STORE_FAILED.* is a link"):
            look(state)
    assert outside.read_text() == "precious"


def test_a_folder_that_is_a_link_is_refused(state: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(state)
    for look in (secured, refuse_planted):
        with pytest.raises(Problem, match="is a link"):
            look(tmp_path / "elsewhere")


def test_links_in_folders_of_many_files_are_found_too(state: Path) -> None:
    planted(state, "pictures/cam1/2026/b.jpg")
    with pytest.raises(Problem, match=r"b\.jpg is a link"):
        secured(state)


@pytest.mark.parametrize("name", [".", "ledger.db", "programs/part"])
def test_what_another_account_owns_is_refused(
    state: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(state / name, 65534, 65534)
    else:  # a user who cannot give a file away becomes somebody else
        monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(Problem, match="belongs to another account"):
        secured(state)


def test_root_may_work_for_whom_all_of_it_belongs_to_and_run_in_nothing_of_theirs(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        for path in (state, *state.rglob("*")):
            os.chown(path, 65534, 65534)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    refuse_planted(state)
    with pytest.raises(Problem, match="belongs to another account"):
        secured(state)


WAYS: list[tuple[str, Callable[[Path], object]]] = [
    ("node", lambda config: Service(load(config, {}).settings, config.parent)),
    ("user add", lambda config: main(["user", "list", "--config", str(config)])),
    (
        "backup",
        lambda config: main(["backup", "--config", str(config), str(config.parent / "b.tar.gz")]),
    ),
    ("restore", lambda config: main(["restore", "--config", str(config), str(config)])),
    ("web", lambda config: main(["web", "--config", str(config)])),
    ("program list", lambda config: main(["program", "list", "--config", str(config)])),
]


@pytest.mark.parametrize(("name", "way"), WAYS, ids=[name for name, _ in WAYS])
def test_every_way_to_the_folder_refuses_what_was_planted_there(
    tmp_path: Path,
    name: str,
    way: Callable[[Path], object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("the web would begin"))
    config, outside = settings(tmp_path), planted(tmp_path / "state", "accounts.db")
    before = outside.stat()
    try:
        code = way(config)
    except Problem as problem:
        code, told = 1, str(problem)
    else:
        told = capsys.readouterr().err
    assert code == 1
    assert "accounts.db is a link" in told
    after = outside.stat()
    assert (outside.read_text(), after.st_mode, after.st_mtime_ns) == (
        "precious",
        before.st_mode,
        before.st_mtime_ns,
    )


def test_many_webs_hold_it_together_and_who_wants_it_alone_waits_for_all(state: Path) -> None:
    first, second = held(state, alone=False), held(state, alone=False)
    with pytest.raises(Problem, match=r"STATE_LOCKED.*a web runs"):
        held(state, alone=True, wait_s=0)
    os.close(first)
    with pytest.raises(Problem, match="STATE_LOCKED"):
        held(state, alone=True, wait_s=0)
    os.close(second)
    alone = held(state, alone=True, wait_s=0)
    with pytest.raises(Problem, match=r"STATE_LOCKED.*works"):
        held(state, alone=False, wait_s=0)
    os.close(alone)
    os.close(held(state, alone=False, wait_s=0))


def test_a_folder_that_was_put_in_its_place_meanwhile_is_the_one_that_is_held(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `restore` does: between the opening and the lock another folder takes the name."""
    opened: list[int] = []
    real = os.open

    def swapped(path: Path, *args: int) -> int:
        fd = real(path, *args)
        if not opened:
            shutil.move(state, state.with_name("old"))
            state.mkdir()
        opened.append(fd)
        return fd

    monkeypatch.setattr(os, "open", swapped)
    fd = held(state, alone=False)
    assert len(opened) == 2
    assert os.path.samestat(os.fstat(fd), state.stat())
    os.close(fd)


@pytest.mark.parametrize("command", ["wipe", "migrate"])
def test_a_web_that_has_opened_nothing_yet_is_seen(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hooks of the shipped Gunicorn settings run, and nothing else has been asked yet."""
    config = settings(tmp_path)
    Accounts(tmp_path / "state" / "accounts.db").sessions()
    code = (
        "import runpy, types, time; hooks ="
        " runpy.run_path('deploy/serve/gunicorn.conf.py');hooks['on_starting'](types.SimpleNamespace(manage_workers=None));"  # noqa: E501
        " print('here', flush=True); time.sleep(100)"
    )
    env = {**os.environ, "CONFIG_PATH": str(config)}
    web = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert web.stdout is not None
        assert any(line.strip() == "here" for line in web.stdout)
        assert (
            main([command, *(["--yes"] if command == "wipe" else []), "--config", str(config)]) == 1
        )
        assert "STATE_LOCKED" in capsys.readouterr().err
        assert (tmp_path / "state" / "accounts.db").exists()
    finally:
        web.kill()
        web.wait()
    assert main([command, *(["--yes"] if command == "wipe" else []), "--config", str(config)]) == 0


def test_a_migration_waits_for_who_uses_the_state_as_long_as_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path)
    Accounts(tmp_path / "state" / "accounts.db").sessions()
    web = held(tmp_path / "state", alone=False)
    try:
        assert main(["migrate", "--wait", "0.2", "--config", str(config)]) == 1
        assert "STATE_LOCKED" in capsys.readouterr().err
    finally:
        threading.Timer(0.3, os.close, [web]).start()
    assert main(["migrate", "--wait", "60", "--config", str(config)]) == 0


def test_accounts_that_share_the_folder_by_its_group_are_not_foreign_and_others_still_read_nothing(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an installed node and its web do: the folder is setgid, and both are in its group."""
    for path in (state, *state.rglob("*")):
        path.chmod(0o2777 if path.is_dir() else 0o666)
    secured(state)
    assert state.stat().st_mode & 0o7777 == 0o2770
    assert (state / "ledger.db").stat().st_mode & 0o777 == 0o660
    if os.geteuid() == 0:
        os.chown(state / "ledger.db", 65534, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 65533)
    secured(state)
    refuse_planted(state)
    monkeypatch.setattr(os, "getegid", lambda: 65533)
    monkeypatch.setattr(os, "getgroups", lambda: [])
    if (state / "ledger.db").stat().st_uid != 0:
        with pytest.raises(Problem, match="belongs to another account"):
            secured(state)
    planted(state, "accounts.db")
    with pytest.raises(Problem, match=r"is a link|another account"):
        secured(state)


def test_who_is_not_in_the_group_that_shares_a_folder_takes_nothing_from_it(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody who makes a folder can make it setgid and writable for a group of theirs: that is not
    our doing."""
    file = state / "accounts.db"
    file.touch()
    state.chmod(0o2770)
    if os.geteuid() == 0:  # a stranger's, who is in the group of the folder
        os.chown(file, 65534, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 65533)
    monkeypatch.setattr(os, "getegid", lambda: file.stat().st_gid)
    refuse_foreign(file)
    monkeypatch.setattr(os, "getegid", lambda: 65533)
    monkeypatch.setattr(os, "getgroups", lambda: [])
    with pytest.raises(Problem, match="belongs to another account"):
        refuse_foreign(file)
