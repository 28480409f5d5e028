"""Small documents at rest: a TinyDB whose file is replaced whole, under a lock, with a second copy
kept.

TinyDB's own storage writes in place: a full disk or a second writer leaves it unreadable. Here a
change is read, made in memory and written under one lock. The file's first line holds the checksum
of the rest. Both copies are written under other names before either is renamed, so that a full disk
is met while nothing has changed yet; `NAME.last` is renamed after `NAME` is durable, so that one
power cut cannot take both. A damaged file is moved aside as `NAME.corrupt-<utc>`, the other copy
takes its place with a note in it that every process then reads as `problem`, until the next change.
"""

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from schemas.errors import Problem
from schemas.store.disk import DISK, Disk, failed, locked, replace, write_new

FORMAT = 1
HEAD = re.compile(rb'\{"format":"documents/(\d{1,4})","sha256":"([0-9a-f]{64})",')
HEAD_BYTES = 112
YOUNG_S = 2.0
Tables = dict[str, dict[str, Any]]


class Snapshot(Storage):
    """The tables of one moment, in memory."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.changed = False

    def read(self) -> Tables:
        return self.tables

    def write(self, data: Tables) -> None:
        self.tables, self.changed = data, True


class Uncached(Table):
    """A table without TinyDB's query cache, which answers with old data."""

    def __init__(self, storage: Storage, name: str) -> None:
        super().__init__(storage, name, cache_size=0)


class SnapshotDatabase(TinyDB):
    """A TinyDB over a snapshot."""

    table_class = Uncached  # type: ignore[assignment]


class Content(NamedTuple):
    """What a readable file holds; `recovered` names the damaged file it replaced, if any."""

    tables: Tables
    recovered: str | None


class DocumentsDamaged(Exception):
    """The file is there, but is not what was written."""


class Documents:
    """The documents in one file.

    `problem` tells after each read whether a copy had to take over (STORE_CORRUPT); `on_problem` is
    called when it does. `format` is the number of the newest form of the tables that the caller
    knows: what is written has it, what has a greater one is refused. Raises Problem: STORE_FAILED
    (disk, permissions, lock), STORE_CORRUPT (no good copy is left), STORE_NEWER.
    """

    def __init__(
        self,
        path: Path,
        on_problem: Callable[[Problem], None] | None = None,
        disk: Disk = DISK,
        *,
        form: int = FORMAT,
    ) -> None:
        self.path = path
        self._format = form
        self.problem: Problem | None = None
        self._last = path.with_name(path.name + ".last")
        self._lock = path.with_name(path.name + ".lock")
        self._on_problem = on_problem
        self._disk = disk
        self._seen: tuple[tuple[int, ...], bytes] | None = None

    def stamp(self) -> bytes:
        """Changes whenever the content does: the head of the file with its checksum; empty without
        a file.

        Asked at every request of the web. What was read is taken again while the file is the same
        one by number, times and size, and not so young that another of the same size could have the
        same times.
        """
        try:
            seen = self._seen
            if seen is not None and seen[0] == _marks(os.stat(self.path)):  # noqa: PTH116
                return seen[1]
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                status, head = os.fstat(fd), os.read(fd, HEAD_BYTES)
            finally:
                os.close(fd)
            self._seen = (_marks(status), head) if time.time() - status.st_ctime > YOUNG_S else None
            return head
        except FileNotFoundError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:
                return b"unreadable"
            raise failed(self.path.name, error) from error

    def read(self) -> SnapshotDatabase:
        """The documents as they are now; changes to the answer go nowhere."""
        try:
            return self._database(self._open(self.path))
        except (DocumentsDamaged, FileNotFoundError) as error:
            if isinstance(error, FileNotFoundError) and not self._traces():
                return self._database(None)
        try:
            with locked(self._lock):
                return self._database(self._recover())
        except Problem as problem:
            if problem.code != "STORE_FAILED":
                raise
            return self._database(
                self._substitute(f"{self.path.name} is damaged; {problem.message}")
            )

    @contextmanager
    def change(self) -> Iterator[SnapshotDatabase]:
        """The documents to be changed: written when the block ends, not at all if it raises. Locked
        all the while."""
        self._make_folder()
        with locked(self._lock):
            database = self._database(self._recover())
            yield database
            snapshot = database.storage
            assert isinstance(snapshot, Snapshot)
            if snapshot.changed:
                self._save(Content(snapshot.tables, None))
                self.problem = None

    def _database(self, content: Content | None) -> SnapshotDatabase:
        recovered = content.recovered if content else None
        if recovered is None:
            self.problem = None
        elif self.problem is None or recovered not in self.problem.message:
            self.problem = Problem(
                "STORE_CORRUPT", f"{self.path.name}: the last good copy is in use ({recovered})"
            )
            if self._on_problem:
                self._on_problem(self.problem)
        return SnapshotDatabase(storage=lambda: Snapshot(content.tables if content else {}))

    def _open(self, path: Path) -> Content:
        """Raises Damaged, FileNotFoundError, Problem."""
        try:
            return decode(path.read_bytes(), self._format)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.EIO:
                raise DocumentsDamaged(str(error)) from error
            raise failed(path.name, error) from error

    def _traces(self) -> bool:
        """Whether there was a file once: an empty store may only be assumed where there never was
        one."""
        return self._last.exists() or any(self.path.parent.glob(f"{self.path.name}.corrupt-*"))

    def _recover(self) -> Content | None:
        """The content, after the other copy has taken over where needed; None in a new store. The
        lock is held."""
        try:
            return self._open(self.path)
        except FileNotFoundError:
            if not self._traces():
                return None
            lost = f"{self.path.name} is gone"
        except DocumentsDamaged:
            now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
            lost = f"{self.path.name}.corrupt-{now}.{time.time_ns() % 10**9:09d}Z"
            try:
                self._disk.rename(self.path, self.path.with_name(lost))
            except OSError as error:
                raise failed(self.path.name, error) from error
        content = self._substitute(lost)
        try:
            replace(self.path, encode(content, self._format), self._disk)
        except OSError as error:
            raise failed(self.path.name, error) from error
        return content

    def _substitute(self, lost: str) -> Content:
        """The other copy. Raises Problem STORE_CORRUPT if it is no better."""
        try:
            return Content(self._open(self._last).tables, lost)
        except (DocumentsDamaged, FileNotFoundError):
            self.problem = Problem(
                "STORE_CORRUPT", f"{self.path.name}: no good copy is left; restore a backup"
            )
            if self._on_problem:
                self._on_problem(self.problem)
            raise self.problem from None

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise failed(str(self.path.parent), error) from error

    def _save(self, content: Content) -> None:
        data = encode(content, self._format)
        new, newer = (path.with_name(path.name + ".new") for path in (self.path, self._last))
        try:
            write_new(new, data, self._disk)
            write_new(newer, data, self._disk)
            self._disk.rename(new, self.path)
            self._disk.sync_folder(self.path.parent)
            self._disk.rename(newer, self._last)
            self._disk.sync_folder(self.path.parent)
        except OSError as error:
            for left in (new, newer):
                with suppress(OSError):  # the first error is the one to report
                    left.unlink()
            raise failed(self.path.name, error) from error


def encode(content: Content, form: int = FORMAT) -> bytes:
    """The file of a content: JSON whose first line holds the checksum of the rest."""
    body = json.dumps(
        {"recovered": content.recovered, "tables": content.tables}, ensure_ascii=False
    )
    rest = b"\n" + body.removeprefix("{").encode()
    return (
        f'{{"format":"documents/{form}","sha256":"{hashlib.sha256(rest).hexdigest()}",'.encode()
        + rest
    )


def decode(data: bytes, form: int = FORMAT) -> Content:
    """The content of a file. Raises Damaged, or Problem STORE_NEWER."""
    head = HEAD.match(data)
    if not head:
        raise DocumentsDamaged("the head is missing")
    if int(head[1]) > form:
        raise Problem("STORE_NEWER", f"documents/{int(head[1])} is newer than documents/{form}")
    if hashlib.sha256(data[head.end() :]).hexdigest().encode() != head[2]:
        raise DocumentsDamaged("the checksum is wrong")
    value = json.loads(data)
    tables = value.get("tables")
    if not isinstance(tables, dict) or not all(
        isinstance(table, dict) for table in tables.values()
    ):
        raise DocumentsDamaged("there are no tables")
    return Content(tables, value.get("recovered"))


def _marks(status: os.stat_result) -> tuple[int, ...]:
    """What another file at the same path would not share."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
