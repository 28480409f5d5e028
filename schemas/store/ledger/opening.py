"""Opening a ledger: found whole, brought up to date, or set aside as damaged and begun anew; and
told what it has lost.

What is lost shows by the stamp beside it: a ledger that is gone or empty, and one that ends before
the stamp does (its log was cut or garbled, which SQLite takes for a crash in the middle of a commit
and goes on without a word).
"""

import contextlib
import sqlite3
import time
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import NamedTuple

from schemas.base import utc
from schemas.errors import Problem
from schemas.store.disk import new_database
from schemas.store.ledger.stamp import Stamp

MIGRATIONS = ("ledger.sql", "ledger-2.sql", "ledger-3.sql", "ledger-4.sql")
POLL_S = 0.1  # one try at a lock that another process holds; to wait longer, it is tried again
WAL_BYTES = 4 * 1024 * 1024
KEPT_BYTES = 2 * WAL_BYTES  # of the log's file under load, to be overwritten
QUICK_CHECK_BYTES = 16 * 1024 * 1024
THOROUGH_S = 20.0
UNSURE = 1000  # seqs: how many a power cut may have kept out of the stamp in its last second
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(Exception):
    """The file is no ledger, or no whole one."""


class Opened(NamedTuple):
    """A ledger, writable. lost: what a person must know, None if nothing is missing. floor: seqs
    not to be given again."""

    db: sqlite3.Connection
    lost: str | None
    quarantined: Path | None


def open_ledger(path: Path, stamp: Stamp, boot: str) -> Opened:
    """Open or begin the ledger at `path`. Raises Problem STORE_FAILED, STORE_NEWER."""
    lost: str | None = None
    quarantined: Path | None = None
    try:
        if stamp.found and not (path.exists() and path.stat().st_size):
            lost, quarantined = "it was gone or empty", set_aside(path)
        try:
            db = _connect(path, thorough=stamp.suspect)
            try:
                if _behind(db, stamp):
                    _check(db, thorough=True)
                    lost = lost or "its end was gone"
            except BaseException:
                db.close()
                raise
        except Damaged as error:
            lost, quarantined = str(error), set_aside(path)
            db = _connect(path, thorough=False)
        told = _trust(db, stamp, boot)
    except sqlite3.Error as error:
        raise Problem("STORE_FAILED", f"{path.name}: {error}") from error
    except OSError as error:
        raise Problem("STORE_FAILED", f"{path.name}: {error.strerror or error}") from error
    if lost is not None:
        lost = f"{path.name}: {lost}{told}"
        lost += f"; set aside as {quarantined.name}" if quarantined is not None else ""
    return Opened(db, lost, quarantined)


def set_aside(path: Path) -> Path | None:
    """Give a damaged ledger and its log another name that nothing has; that name, None if there was
    nothing."""
    parts = [
        (suffix, part)
        for suffix in ("", "-wal", "-shm")
        if (part := Path(f"{path}{suffix}")).exists()
    ]
    if not parts:
        return None
    stem = f"{path.name}.corrupt-{utc().replace(':', '')}"
    names = (path.with_name(stem if number == 1 else f"{stem}-{number}") for number in count(1))
    aside = next(
        name
        for name in names
        if not any(Path(f"{name}{suffix}").exists() for suffix in ("", "-wal", "-shm"))
    )
    for suffix, part in parts:
        part.rename(f"{aside}{suffix}")
    return aside


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file is damaged."""
    return (
        isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE
    )


def _connect(path: Path, *, thorough: bool) -> sqlite3.Connection:
    new_database(path)
    db = sqlite3.connect(path, timeout=POLL_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA wal_autocheckpoint=0")  # care.py does it, outside the inspection path
        db.execute(f"PRAGMA journal_size_limit={KEPT_BYTES}")
        db.execute("PRAGMA cache_size=-2048")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise Problem(
                "STORE_NEWER", f"{path} has version {version}, this node knows {len(MIGRATIONS)}"
            )
        if version and (thorough or path.stat().st_size <= QUICK_CHECK_BYTES):
            _check(db, thorough=thorough)
        _migrate(db, path, version)
        missing = _shape_of_all() - _shape(db)
        if missing:
            raise Damaged(f"{', '.join(sorted('.'.join(each) for each in missing)[:3])} is missing")
    except sqlite3.Error as error:
        db.close()
        if is_damage(error):
            raise Damaged(str(error)) from error
        raise
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, *, thorough: bool) -> None:
    until = time.monotonic() + THOROUGH_S
    db.set_progress_handler(lambda: time.monotonic() > until, 100_000)
    try:
        answer = db.execute(
            "PRAGMA integrity_check(1)" if thorough else "PRAGMA quick_check(1)"
        ).fetchone()[0]
    except sqlite3.OperationalError as error:
        # too large to be looked through as a whole at a start
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        db.set_progress_handler(None, 0)
    if answer != "ok":
        raise Damaged(answer.splitlines()[-1])


def _migrate(db: sqlite3.Connection, path: Path, version: int) -> None:
    if 0 < version < len(MIGRATIONS):
        with contextlib.closing(
            sqlite3.connect(path.with_name(f"{path.name}.before-{version + 1}"))
        ) as copy:
            db.backup(copy)
    for number, script in enumerate(scripts()[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={number};\nCOMMIT;")


def scripts() -> list[str]:
    """The SQL that makes a ledger, version after version."""
    return [files("schemas.store.ledger").joinpath(name).read_text() for name in MIGRATIONS]


def _shape(db: sqlite3.Connection) -> set[tuple[str, ...]]:
    names = db.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'").fetchall()
    columns = (
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type ="
        " 'table'"
    )
    return {*names, *db.execute(columns).fetchall()}


@cache
def _shape_of_all() -> set[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for script in scripts():
            db.executescript(script)
        return _shape(db)


def _behind(db: sqlite3.Connection, stamp: Stamp) -> bool:
    seq, trigger = _extent(db)
    return trigger < stamp.trigger or any(
        seq.get(station, 0) < number for station, number in stamp.seq.items()
    )


def _extent(db: sqlite3.Connection) -> tuple[dict[str, int], int]:
    """The greatest seq of each station, and the newest trigger: never removed by retention."""
    stations = "SELECT DISTINCT station FROM counters UNION SELECT station FROM stations"
    latest = (
        "SELECT station, (SELECT max(seq) FROM results r WHERE r.station = s.station) FROM"
        f" ({stations}) s"
    )
    seq = {station: number for station, number in db.execute(latest) if number is not None}
    return seq, db.execute("SELECT coalesce(max(id), 0) FROM triggers").fetchone()[0]


def _trust(db: sqlite3.Connection, stamp: Stamp, boot: str) -> str:
    """Let the stamp say what the ledger has; how many results and triggers are missing, in
    words."""
    seq, trigger = _extent(db)
    unsure = 0 if stamp.last is not None and stamp.last.boot == boot else UNSURE
    floor = dict(stamp.floor)
    gone = 0
    for station, number in stamp.seq.items():
        if number > seq.get(station, 0):
            gone += number - seq.get(station, 0)
            floor[station] = max(number + unsure, floor.get(station, 0))
    triggers = max(0, stamp.trigger - trigger)
    stamp.trust(seq, floor, trigger)
    of = f"{gone} results and {triggers} triggers"
    if not (gone and triggers):
        of = f"{gone} results" if gone else f"{triggers} triggers"
    return f"; {of} are missing, seq goes on above them" if gone or triggers else ""
