"""How much of the disk the web's backups take while they are made and checked."""

import errno
import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from deploy.cli import kept_backup
from schemas import Problem
from schemas.store.disk import Disk
from schemas.store.ledger import Ledger
from tests.rooms.people.people import settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The settings of a node that has a ledger."""
    (tmp_path / "state").mkdir()
    with closing(Ledger(tmp_path / "state" / "ledger.db")):
        return settings(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Where a backup is to be made."""
    mask = os.umask(0o077)  # a child would have one of its own
    folder = tmp_path / "state" / "backups"
    folder.mkdir()
    yield folder / "one.tar.gz"
    os.umask(mask)


@contextmanager
def nothing_written() -> Iterator[None]:
    """No file may become longer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_backup_ends_before_it_takes_what_the_disk_keeps_for_the_node(
    config: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter((50, 50, 50))
    monkeypatch.setattr(Disk, "space", lambda *_: (next(looks, 1), 100))
    with pytest.raises(Problem, match="DISK_SPACE"):
        kept_backup._make(str(config), str(file), "none", "people")
    assert list(file.parent.iterdir()) == [], "and gives back what it took"


def test_checking_a_backup_writes_nothing(config: Path, file: Path) -> None:
    made = kept_backup._make(str(config), str(file), "none", "people")
    with nothing_written():
        assert kept_backup._check(str(file)) == made
    file.write_bytes(file.read_bytes()[:-20])
    with nothing_written(), pytest.raises(Problem, match="BACKUP_INVALID"):
        kept_backup._check(str(file))


def test_a_unit_that_lets_nobody_change_a_priority_keeps_no_backup_from_being_made(
    config: Path,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The filter of system calls of an installed web (~@resources) refuses both."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    for name in ("nice", "sched_setscheduler"):
        monkeypatch.setattr(os, name, refused)
    try:
        assert kept_backup.main(["make", str(config), str(file), "none", "people"]) == 0
    finally:
        signal.alarm(0)
    assert json.loads(capsys.readouterr().out)["files"] > 0


def test_whatever_goes_wrong_is_told_to_who_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        assert kept_backup.main(["make"]) == 1
    finally:
        signal.alarm(0)
    assert json.loads(capsys.readouterr().out)["code"] == "INTERNAL"
