"""A database as it stands at one moment, copied and checked by SQLite itself while others write.

Nothing here opens a database file by other means: closing any descriptor of it would drop the locks
of the whole process (fcntl(2); SQLite, "How To Corrupt An SQLite Database File", 2.2).
"""

import contextlib
import sqlite3
from pathlib import Path

from schemas.errors import Problem

WAIT_S = 5.0


def copy(source: Path, target: Path) -> None:
    """Copy a database to a new file in one read transaction, so that writers go on. Raises Problem
    STORE_FAILED."""
    try:
        with (
            contextlib.closing(
                sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)
            ) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            # one file, whatever the source keeps beside it
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Problem("STORE_FAILED", f"{source.name}: {error}") from error


def version(path: Path) -> int:
    """Which migrations a copy has seen, after every page of it was checked. Raises Problem
    STORE_CORRUPT."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as db:
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
