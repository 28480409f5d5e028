"""The database of the accounts: opened and brought up to date, read, and changed in
transactions."""

import builtins
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from schemas.errors import Problem
from schemas.store.clock import Moment, now
from schemas.store.disk import new_database

T = TypeVar("T")
MIGRATIONS = ("accounts.sql", "accounts-2.sql", "accounts-3.sql")
BUSY_S = 5.0  # for the turn among threads, and again for another process


class AccountsDatabase:
    """A connection a thread, on first use. All methods raise Problem STORE_FAILED, STORE_CORRUPT,
    STORE_NEWER."""

    def __init__(
        self, path: Path, clock: Callable[[], Moment] = now, busy_s: float = BUSY_S
    ) -> None:
        self.path = path
        self._busy_s = busy_s
        self.clock = clock
        self._open = threading.local()
        # among this process's threads: they wait in line instead of asking SQLite again and again
        self._turn = threading.Lock()

    def close(self) -> None:
        """Close this thread's connection."""
        db: sqlite3.Connection | None = getattr(self._open, "db", None)
        self._open.db = None
        if db is not None:
            db.close()

    def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run `operation` in a transaction that is on the disk when this returns; nothing of it is
        kept if it raises."""
        if not self._turn.acquire(timeout=self._busy_s):
            raise Problem("STORE_FAILED", f"{self.path.name} is held too long by another thread")
        try:
            return self._transaction(operation)
        finally:
            self._turn.release()

    def _transaction(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                answer = operation(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return answer

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> builtins.list[Any]:
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; a process that was forked makes its own."""
        db: sqlite3.Connection | None = getattr(self._open, "db", None)
        if db is None or self._open.pid != os.getpid():
            db = self._open.db = self._connect()
            self._open.pid = os.getpid()
        return db

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new_database(self.path)
        except OSError as error:
            raise Problem("STORE_FAILED", f"{self.path.name}: {error.strerror}") from error
        db = sqlite3.connect(
            self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            if db.execute("PRAGMA user_version").fetchone()[0] < len(MIGRATIONS):
                self._migrate(db)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise Problem(
                    "STORE_NEWER",
                    f"{self.path.name} has version {version}, this one knows {len(MIGRATIONS)}",
                )
        except BaseException:
            db.close()
            raise
        return db

    def _migrate(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")  # and look again: another process may have been faster
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            for name in MIGRATIONS[version:]:
                for statement in _statements(
                    files("schemas.store.accounts").joinpath(name).read_text()
                ):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version={max(version, len(MIGRATIONS))}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def _failed(self, error: sqlite3.Error) -> Problem:
        """A damaged file is not replaced by an empty one: that would take all second factors
        away."""
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError | sqlite3.IntegrityError
        )
        code = "STORE_CORRUPT" if damaged or "malformed" in str(error) else "STORE_FAILED"
        return Problem(code, f"{self.path.name}: {error}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; sqlite3's own executescript would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
