"""Read-only connections to the ledger for other processes than the node: a few are kept, every query has a time limit."""

import contextlib
import queue
import sqlite3
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from schemas.errors import Problem
from schemas.store.ledger import MIGRATIONS

KEPT = 8
BUSY_S = 2.0
STEPS = 2000  # of SQLite's virtual machine between two looks at the clock


class Limited:
    """The ledger at `path`, which another process writes; before the node's first start it reads as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: queue.LifoQueue[tuple[int, sqlite3.Connection]] = queue.LifoQueue(KEPT)

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

    def close(self) -> None:
        """Close what is kept."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._kept.get_nowait()[1].close()

    def _taken(self) -> tuple[int, sqlite3.Connection]:
        inode = self._inode()
        with contextlib.suppress(queue.Empty):
            while True:
                kept, db = self._kept.get_nowait()
                if kept == inode:
                    return kept, db
                db.close()  # the node moved a damaged ledger aside and began another
        return inode, self._opened(inode)

    def _give_back(self, inode: int, db: sqlite3.Connection) -> None:
        try:
            if inode:
                self._kept.put_nowait((inode, db))
                return
        except queue.Full:
            pass
        db.close()

    def _inode(self) -> int:
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise Problem("STORE_FAILED", f"{self._path.name}: {error.strerror}") from error

    def _opened(self, inode: int) -> sqlite3.Connection:
        try:
            if not inode:
                return _empty()
            db = sqlite3.connect(
                f"file:{self._path}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            version = db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise Problem("STORE_FAILED", str(error)) from error
        if version != len(MIGRATIONS):
            db.close()
            if version > len(MIGRATIONS):
                raise Problem("STORE_NEWER", f"the ledger has version {version}")
            if version == 0:  # the node is just making it
                return _empty()
            raise Problem("STORE_FAILED", f"the ledger has version {version} still: start the node of this release")
        db.execute("PRAGMA cache_size=-8192")
        return db


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for name in MIGRATIONS:
        db.executescript(files("schemas.store").joinpath(name).read_text())
    return db
