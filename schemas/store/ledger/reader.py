"""Read-only connections to the ledger for other processes than the node: a few are kept, every
query has a time limit."""

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import Problem
from schemas.store.ledger import MIGRATIONS, scripts

KEPT = 8
BUSY_S = 2.0
STEPS = 2000  # of SQLite's virtual machine between two looks at the clock


class LedgerReader:
    """The ledger at `path`, which another process writes; before the node's first start it reads as
    empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: deque[tuple[int, sqlite3.Connection]] = deque()
        self._asked: tuple[int, sqlite3.Connection] | None = None  # which version it is
        self._lock = threading.Lock()  # of that

    @contextlib.contextmanager
    def connection(self, limit_s: float) -> Iterator[sqlite3.Connection]:
        """A connection, for queries that together take at most `limit_s`.

        Raises Problem QUERY_LIMIT, STORE_FAILED, STORE_NEWER.
        """
        until = time.monotonic() + limit_s
        inode, db = self._taken()
        try:
            db.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            yield db
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise Problem("QUERY_LIMIT", f"it was ended after {limit_s:g} s") from None
            raise Problem("STORE_FAILED", str(error)) from error
        except sqlite3.Error as error:
            inode = 0
            raise Problem("STORE_FAILED", str(error)) from error
        finally:
            db.set_progress_handler(None, 0)
            self._give_back(inode, db)

    def row(self, sql: str, values: tuple[Any, ...]) -> Any:
        """The row that a query finds by a unique index, None if there is none: it needs no limit
        but that of a lock.

        Raises Problem STORE_FAILED, STORE_NEWER.
        """
        inode, db = self._taken()
        try:
            return db.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            inode = 0
            raise Problem("STORE_FAILED", str(error)) from error
        finally:
            self._give_back(inode, db)

    def version(self) -> tuple[int, int]:
        """Another one as soon as anything was committed: which file it is, and SQLite's own count.

        Raises Problem STORE_FAILED, STORE_NEWER.
        """
        inode = self._inode()
        with self._lock:  # the count is one connection's: two of them say nothing about each other
            if self._asked is None or self._asked[0] != inode:
                if self._asked is not None:
                    self._asked[1].close()
                self._asked = None
                self._asked = self._opened(inode)
            try:
                return self._asked[0], int(
                    self._asked[1].execute("PRAGMA data_version").fetchone()[0]
                )
            except sqlite3.Error as error:
                self._asked[1].close()
                self._asked = None
                raise Problem("STORE_FAILED", str(error)) from error

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            if self._asked is not None:
                self._asked[1].close()
            self._asked = None
        with contextlib.suppress(IndexError):
            while True:
                self._kept.pop()[1].close()

    def _taken(self) -> tuple[int, sqlite3.Connection]:
        inode = self._inode()
        while True:
            try:
                kept, db = self._kept.pop()
            except IndexError:
                return self._opened(inode)
            if kept == inode:
                return kept, db
            db.close()  # the node has moved a damaged ledger aside and begun another

    def _give_back(self, inode: int, db: sqlite3.Connection) -> None:
        if inode and len(self._kept) < KEPT:  # two threads at once may keep one more than this
            self._kept.append((inode, db))
        else:
            db.close()

    def _inode(self) -> int:
        try:
            return os.stat(self.path).st_ino  # noqa: PTH116
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise Problem("STORE_FAILED", f"{self.path.name}: {error.strerror}") from error

    def _opened(self, inode: int) -> tuple[int, sqlite3.Connection]:
        """A connection, and its file; 0 while there is no ledger: such a connection is not kept."""
        try:
            if not inode:
                return 0, _empty()
            db = sqlite3.connect(
                f"file:{self.path}?mode=ro",
                uri=True,
                timeout=BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
            version = db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise Problem("STORE_FAILED", str(error)) from error
        if version != len(MIGRATIONS):
            db.close()
            if version > len(MIGRATIONS):
                raise Problem("STORE_NEWER", f"the ledger has version {version}")
            if version == 0:  # the node is making it right now
                return 0, _empty()
            raise Problem(
                "STORE_FAILED",
                f"the ledger has version {version} still: start the node of this release",
            )
        db.execute("PRAGMA cache_size=-8192")
        return inode, db


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for script in scripts():
        db.executescript(script)
    return db
