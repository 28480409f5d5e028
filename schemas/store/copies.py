"""A database as it stands at one moment, copied and checked by SQLite itself while others write.

Nothing here opens a database file by other means: closing any descriptor of it would drop the locks
of the whole process (fcntl(2); SQLite, "How To Corrupt An SQLite Database File", 2.2).
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from schemas.errors import Problem

WAIT_S = 5.0
PAGES = 64  # copied from one pause to the next
STEPS = 2000  # of SQLite's machine, or pages that it checks


def copy(source: Path, target: Path, pause: Callable[[], None] = lambda: None) -> None:
    """Copy a database to a new file in one read transaction, so that writers go on; `pause` is
    called after every few pages.

    The copy is to be read and removed: it would not survive a power cut, for to sync it would hold
    up every other sync of its disk. Raises Problem STORE_FAILED.
    """
    try:
        with (
            contextlib.closing(
                sqlite3.connect(
                    f"{source.absolute().as_uri()}?mode=ro",
                    uri=True,
                    timeout=WAIT_S,
                    isolation_level=None,
                )
            ) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            new.execute("PRAGMA synchronous=OFF")
            # SQLite begins a copy anew if another process writes between two of its steps; not if
            # all of them are in one transaction
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()
            old.backup(new, pages=PAGES, progress=lambda *_: pause())
            old.execute("ROLLBACK")
            # one file, whatever the source keeps beside it
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Problem("STORE_FAILED", f"{source.name}: {error}") from error


def version(path: Path, pause: Callable[[], None] | None = None) -> int:
    """Which migrations a copy has seen, after every page of it was checked; `pause` is called now
    and then. Raises Problem STORE_CORRUPT."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as db:
            if pause is not None:
                db.set_progress_handler(pause, STEPS)
            answer = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            if answer != "ok":
                raise Problem("STORE_CORRUPT", f"{path.name}: {answer}")
            return int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise Problem("STORE_CORRUPT", f"{path.name}: {error}") from error


def without_ok(path: Path) -> set[str]:
    """Ids of the results in a copied ledger that are not OK and have pictures. Raises Problem
    STORE_CORRUPT."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as db:
            return {
                row[0]
                for row in db.execute(
                    "SELECT result_id FROM results WHERE verdict <> 'OK' AND pictures"
                )
            }
    except sqlite3.Error as error:
        raise Problem("STORE_CORRUPT", f"{path.name}: {error}") from error
