"""Whole files on a disk that may be full, read-only or cut off at any moment: the only calls the
stores write with.

A file is written under another name, made durable, and renamed: a reader who opens its name finds
the old or the new content, never a part of it, and needs no lock to read.
"""

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.errors import Problem

LOCK_S = 10.0  # for a lock that another process holds
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NEW = threading.Lock()


class Disk:
    """The system calls that change files, one method each, so that a test can stop between any two
    of them."""

    def create(self, path: Path) -> int:
        """Open a new or emptied file for writing; returns its descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, private_mode(path.parent))

    def write(self, fd: int, data: memoryview) -> int:
        """Write some of the data; returns how many bytes."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Wait until the file is on the disk."""
        os.fsync(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name in one step, replacing what had it."""
        old.replace(new)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def space(self, folder: Path) -> tuple[int, int]:
        """Bytes that are free for us, and bytes in all, of the disk that holds the folder."""
        disk = os.statvfs(folder)
        return disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize


DISK = Disk()


def is_shared(folder: Path) -> bool:
    """Whether accounts share a folder by a group: the group may write there, and what is made there
    belongs to it (setgid).

    So an installed node and its web share the state folder, each with an account of its own. A
    folder that is not there is not.
    """
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISGID and mode & stat.S_IWGRP)


def shared_group(folder: Path, groups: set[int] | None) -> int | None:
    """The group by which accounts share a folder, if it is one of these (None: any group); None if
    no group shares it."""
    if not is_shared(folder):
        return None
    group = folder.stat().st_gid
    return group if groups is None or group in groups else None


def own_groups() -> set[int]:
    """The groups that this process is in."""
    return {os.getegid(), *os.getgroups()}


def private_mode(folder: Path) -> int:
    """The mode of a new file in a folder: for its owner, and for the group that shares the
    folder."""
    return 0o660 if is_shared(folder) else 0o600


def private_umask(state: Path) -> int:
    """The permissions that this process must take from all files it makes, for the same reason."""
    return 0o007 if is_shared(state) else 0o077


def write_new(path: Path, data: bytes, disk: Disk = DISK, *, durable: bool = True) -> None:
    """Write a whole file that nobody knows yet, and remove it again if that fails. Raises
    OSError."""
    fd = disk.create(path)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[disk.write(fd, rest) :]
            if durable:
                disk.sync(fd)
        finally:
            os.close(fd)
    except OSError:
        # the first error is the one to report; a leftover is overwritten or swept later
        with suppress(OSError):
            path.unlink()
        raise


def replace(path: Path, data: bytes, disk: Disk = DISK) -> None:
    """Replace a file durably, or leave it as it was. Raises OSError."""
    new = path.with_name(path.name + ".new")
    write_new(new, data, disk)
    disk.rename(new, path)
    disk.sync_folder(path.parent)


def new_database(path: Path) -> None:
    """Make an empty file for SQLite that only its owner reads, unless it is there; the log beside
    it gets the same mode.

    A database that is there is NEVER opened but by SQLite: closing any descriptor of a file ends
    all locks that the process has on it (POSIX, fcntl), and with the locks of SQLite gone, the next
    process that closes the database takes away the write-ahead log under those who go on writing
    (https://sqlite.org/howtocorrupt.html, 2.2). Raises OSError.
    """
    if path.exists():
        return
    # one thread at a time: none may be connected before this descriptor is closed
    with _NEW, suppress(FileExistsError):
        os.close(
            os.open(
                path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, private_mode(path.parent)
            )
        )


def refuse_foreign(path: Path) -> None:
    """Refuse a file or folder that is a link, or that another account (but root) owns: who owns it
    decides what is in it.

    Accounts that share the folder by a group are not foreign to one another, nor to whoever is in
    that group, or root: a folder that strangers share makes none of them known to us. What is not
    there is nobody's. Raises Problem STORE_FAILED.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise failed(str(path), error) from error
    if stat.S_ISLNK(status.st_mode):
        raise Problem("STORE_FAILED", f"{path} is a link; it has to be the file or folder itself")
    ours = status.st_gid == shared_group(path.parent, None if os.geteuid() == 0 else own_groups())
    if status.st_uid not in (os.geteuid(), 0) and not ours:
        raise Problem(
            "STORE_FAILED", f"{path} belongs to another account (user id {status.st_uid})"
        )


def failed(what: str, error: OSError) -> Problem:
    """The problem of a file that could not be written or read: STORE_FAILED."""
    return Problem("STORE_FAILED", f"{what}: {error.strerror or error}")


@contextmanager
def locked(path: Path, wait_s: float = LOCK_S) -> Iterator[None]:
    """Hold an exclusive lock (flock) over processes and threads. Raises Problem STORE_FAILED after
    `wait_s`."""
    try:
        fd = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, private_mode(path.parent)
        )
    except OSError as error:
        raise failed(path.name, error) from error
    try:
        end = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise Problem(
                        "STORE_FAILED", f"another process held {path.name} for {wait_s:g} s"
                    ) from None
                time.sleep(0.002)
            except OSError as error:
                raise failed(path.name, error) from error
        yield
    finally:
        os.close(fd)  # and the lock with it
