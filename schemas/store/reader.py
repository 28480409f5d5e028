"""The ledger for processes that only read it: the web. It may not be there yet."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import Problem

BUSY_S = 10.0


class Reader:
    """Queries on the node's ledger; one read-only connection a thread. Raises Problem STORE_FAILED."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = threading.local()

    def exists(self) -> bool:
        """Whether the node has ever made it."""
        return self.path.exists()

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query; none while there is no ledger."""
        if not self.exists():
            return []
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._drop()
            raise Problem("STORE_FAILED", f"{self.path.name}: {error}") from error

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[Any]:
        """Like read, one row after the other, on a connection of its own."""
        if not self.exists():
            return
        try:
            with contextlib.closing(self._connect()) as db:
                yield from db.execute(sql, values)
        except sqlite3.Error as error:
            raise Problem("STORE_FAILED", f"{self.path.name}: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection, made again when the file is another one (restored, or moved aside as damaged)."""
        found = self.path.stat()
        key = (found.st_dev, found.st_ino)
        db: sqlite3.Connection | None = getattr(self._open, "db", None)
        if db is None or self._open.key != key:
            self._drop()
            db = self._open.db = self._connect()
            self._open.key = key
        return db

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)

    def _drop(self) -> None:
        db, self._open.db = getattr(self._open, "db", None), None
        if db is not None:
            db.close()
