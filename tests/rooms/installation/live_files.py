"""What /proc says about a running process that keeps databases: which of their files are open, and
which locks are held."""

from collections.abc import Iterator
from pathlib import Path

import psutil


def family(pid: int) -> Iterator[int]:
    """A process and all its descendants."""
    yield pid
    yield from (child.pid for child in psutil.Process(pid).children(recursive=True))


def deleted(pid: int) -> list[str]:
    """Open files of a process and its children that have no name any more: what is written there is
    lost."""
    found = []
    for one in family(pid):
        for fd in Path(f"/proc/{one}/fd").iterdir():
            try:
                name = str(fd.readlink())
            except OSError:  # closed while we look
                continue
            if ".db" in name and name.endswith("(deleted)"):
                found.append(f"{one}: {name}")
    return found


def unlocked(pid: int, folder: Path) -> list[str]:
    """Databases in a folder that a process, or a child, has open without any of SQLite's locks on
    them.

    A process that has a write-ahead log open holds a shared lock on the database for as long as
    that lasts.
    """
    held = set()
    for line in Path("/proc/locks").read_text().splitlines():
        _, kind, _, _, owner, place, *_ = line.split()
        if kind == "POSIX":
            held.add((int(owner), int(place.rpartition(":")[2])))
    found = []
    for one in family(pid):
        opened = set()
        for fd in Path(f"/proc/{one}/fd").iterdir():
            try:
                opened.add(str(fd.readlink()))
            except OSError:
                continue
        for database in folder.glob("*.db"):
            if (
                str(database) in opened
                and f"{database}-wal" in opened
                and (one, database.stat().st_ino) not in held
            ):
                found.append(f"{one}: {database.name}")
    return found
