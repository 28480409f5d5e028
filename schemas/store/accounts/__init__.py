"""Accounts in SQLite (WAL, synchronous FULL): sessions, failed attempts, and the audit of who did
what.

A session is a family of refresh tokens, of which one is valid: each use replaces it, and a second
use of an old one ends the family (RFC 9700, 4.14.2). Failed attempts are counted before a password
is looked at and taken back when it was right, so that many at once cannot pass a limit. Their age
is measured by the clock of the boot, so neither a changed clock nor a restart shortens a lockout.
Every change of a session is in the audit by the same transaction. Second factors are in
schemas/store/accounts/twofactor.py.
"""

import builtins
import contextlib
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from schemas.base import utc
from schemas.errors import Problem
from schemas.store.accounts.audit import START, Entry, row_hash, verify
from schemas.store.accounts.seal import Head, Seal
from schemas.store.accounts.twofactor import Factors
from schemas.store.clock import Moment, now
from schemas.store.disk import new_database

T = TypeVar("T")
MIGRATIONS = ("accounts.sql", "accounts-2.sql", "accounts-3.sql")
BUSY_S = 5.0  # for the turn among threads, and again for another process
MOST_SESSIONS = 20  # a user may have; the oldest ends
KEEP_ENDED_S = 30 * 86400
FORGET_S = 3600.0  # failures, after the last one
LOCK_FIRST_S = 60.0
LOCK_MOST_S = 900.0
MOST_LOCKOUTS = 10_000
SEEN_S = 60.0
AUDIT_PAGE = 500


class Session(NamedTuple):
    """One sign-in that has not ended. `password_at` is that of the account when it began: another
    password ends it."""

    id: str
    user: str
    password_at: str
    created_at: float
    seen_at: float
    idle_until: float
    until: float
    address: str
    agent: str
    second_factor: int  # 1 if it began with one


COLUMNS = ", ".join(Session._fields)


class Accounts:
    """See the head of this file. Any thread of any process; all methods raise Problem STORE_FAILED,
    STORE_CORRUPT.

    `who` is username, address and request_id, for the audit. busy_s: how long a write waits for
    those of other threads, and as long again for those of other processes.
    """

    def __init__(
        self, path: Path, clock: Callable[[], Moment] = now, busy_s: float = BUSY_S
    ) -> None:
        self.path = path
        self._busy_s = busy_s
        self.clock = clock
        self._open = threading.local()
        self._seal = Seal(path.parent)
        self.factors = Factors(self)
        # of this process's threads: they wait in line instead of asking SQLite again and again
        self._turn = threading.Lock()

    def close(self) -> None:
        """Close this thread's connection."""
        db: sqlite3.Connection | None = getattr(self._open, "db", None)
        self._open.db = None
        if db is not None:
            db.close()

    # Sessions

    def begin(
        self,
        user: str,
        password_at: str,
        token: bytes,
        idle_s: float,
        life_s: float,
        agent: str,
        who: dict[str, str],
        id: str,
        second_factor: bool = False,
    ) -> None:
        """A new session whose first refresh token has this hash."""
        wall = self.clock().wall

        def operation(db: sqlite3.Connection) -> None:
            db.execute(
                "DELETE FROM sessions WHERE coalesce(ended_at, until) < ?", (wall - KEEP_ENDED_S,)
            )
            alive = (
                "SELECT id FROM sessions WHERE user = ? AND ended_at IS NULL ORDER BY seen_at DESC"
                " LIMIT -1 OFFSET ?"
            )
            for (old,) in db.execute(alive, (user, MOST_SESSIONS - 1)).fetchall():
                self._end(db, old, "session.limit", {**who, "username": ""})
            db.execute(
                f"INSERT INTO sessions ({COLUMNS}, token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(id, user, password_at, wall, wall, wall + idle_s, wall + life_s),
                    *(who["address"], agent[:200], int(second_factor), token),
                ),
            )
            self.append(db, "session.begin", id, {"agent": agent[:200]}, who)

        self.write(operation)

    def rotate(
        self, session: str, old: bytes, new: bytes, idle_s: float, who: dict[str, str]
    ) -> Literal["rotated", "reused", "ended"]:
        """Replace the refresh token; an old one that was replaced before ends the session."""
        wall = self.clock().wall

        def operation(db: sqlite3.Connection) -> Literal["rotated", "reused", "ended"]:
            row = db.execute(
                "SELECT token, idle_until, until, ended_at FROM sessions WHERE id = ?", (session,)
            ).fetchone()
            if row is None or row[3] is not None or wall > min(row[1], row[2]):
                return "ended"
            if row[0] != old:
                self._end(db, session, "session.reuse", who)
                return "reused"
            db.execute(
                "UPDATE sessions SET token = ?, seen_at = ?, idle_until = ? WHERE id = ?",
                (new, wall, wall + idle_s, session),
            )
            return "rotated"

        return self.write(operation)

    def session(self, id: str) -> Session | None:
        """A session that has not ended, by its id."""
        wall = self.clock().wall
        sql = (
            f"SELECT {COLUMNS} FROM sessions WHERE id = ? AND ended_at IS NULL AND until > ? AND"
            " idle_until > ?"
        )
        rows = self.read(sql, (id, wall, wall))
        if not rows:
            return None
        found = Session(*rows[0])
        if wall - found.seen_at > SEEN_S:
            with contextlib.suppress(Problem):  # a full disk must not keep people from looking
                self.write(
                    lambda db: db.execute(
                        "UPDATE sessions SET seen_at = ? WHERE id = ?", (wall, id)
                    )
                )
        return found

    def sessions(self, user: str | None = None) -> builtins.list[Session]:
        """The sessions that have not ended, of one user or of all; the one last seen first."""
        wall = self.clock().wall
        sql = (
            f"SELECT {COLUMNS} FROM sessions WHERE ended_at IS NULL AND until > ? AND"
            " idle_until > ?"
        )
        if user is None:
            return [
                Session(*row) for row in self.read(f"{sql} ORDER BY seen_at DESC", (wall, wall))
            ]
        return [
            Session(*row)
            for row in self.read(f"{sql} AND user = ? ORDER BY seen_at DESC", (wall, wall, user))
        ]

    def known(self, user: str, address: str) -> bool:
        """Whether the user has signed in from there lately: within a month after the end of that
        session."""
        return bool(
            self.read(
                "SELECT 1 FROM sessions WHERE user = ? AND address = ? LIMIT 1", (user, address)
            )
        )

    def end(self, session: str, action: str, who: dict[str, str]) -> bool:
        """End a session; whether it had not ended before."""
        return self.write(lambda db: self._end(db, session, action, who))

    def end_all(self, user: str, action: str, who: dict[str, str], but: str = "") -> int:
        """End the sessions of a user, except one; how many."""

        def operation(db: sqlite3.Connection) -> int:
            rows = db.execute(
                "SELECT id FROM sessions WHERE user = ? AND ended_at IS NULL AND id <> ?",
                (user, but),
            ).fetchall()
            return sum(self._end(db, id, action, who) for (id,) in rows)

        return self.write(operation)

    def end_each(
        self, action: str, target: str, details: dict[str, Any], who: dict[str, str]
    ) -> None:
        """End the sessions of everybody by one row of the audit, whose details also say how many
        there were."""

        def operation(db: sqlite3.Connection) -> None:
            ended = db.execute(
                "UPDATE sessions SET ended_at = ?, ended_by = ? WHERE ended_at IS NULL",
                (self.clock().wall, action),
            ).rowcount
            self.append(db, action, target, {**details, "sessions_ended": ended}, who)

        self.write(operation)

    def _end(self, db: sqlite3.Connection, session: str, action: str, who: dict[str, str]) -> bool:
        sql = "UPDATE sessions SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at IS NULL"
        ended = db.execute(sql, (self.clock().wall, action, session)).rowcount > 0
        if ended:
            self.append(db, action, session, {}, who)
        return ended

    # Failed attempts

    def attempt(self, limits: dict[str, int]) -> float:
        """Count an attempt for each key, unless one is locked: then for how many seconds, and
        nothing is counted.

        limits: how many failures of a key are free. Each one more doubles the lockout, from a
        minute to a quarter of an hour.
        """
        moment = self.clock()

        def operation(db: sqlite3.Connection) -> float:
            db.execute(
                "DELETE FROM lockouts WHERE boot <> ? AND last_at < ?",
                (moment.boot, moment.wall - 86400),
            )
            db.execute(
                "DELETE FROM lockouts WHERE key IN (SELECT key FROM lockouts ORDER BY last_at DESC"
                " LIMIT -1 OFFSET ?)",
                (MOST_LOCKOUTS,),
            )
            counts: dict[str, int] = {}
            for key, limit in limits.items():
                row = db.execute("SELECT * FROM lockouts WHERE key = ?", (_key(key),)).fetchone()
                failures, age_s = (int(row[1]), _age(row, moment)) if row else (0, 0.0)
                if age_s > FORGET_S:
                    failures = 0
                if failures >= limit:
                    wait_s: float = (
                        min(LOCK_FIRST_S * 2.0 ** min(failures - limit, 10), LOCK_MOST_S) - age_s
                    )
                    if wait_s > 0:
                        return wait_s
                counts[key] = failures + 1
            for key, failures in counts.items():
                db.execute(
                    "INSERT OR REPLACE INTO lockouts (key, failures, last_at, last_boot, boot)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (_key(key), failures, *moment),
                )
            return 0.0

        return self.write(operation)

    def take_back(self, *keys: str) -> None:
        """An attempt was not wrong: it does not count."""

        def operation(db: sqlite3.Connection) -> None:
            rows = [(_key(key),) for key in keys]
            db.executemany(
                "UPDATE lockouts SET failures = max(0, failures - 1) WHERE key = ?", rows
            )

        self.write(operation)

    def forget(self, key: str) -> None:
        """Forget the failures of a key."""
        self.write(lambda db: db.execute("DELETE FROM lockouts WHERE key = ?", (_key(key),)))

    def unlock(self, username: str, target: str, who: dict[str, str]) -> None:
        """Forget the failures of a user name, and those of all addresses: who asks is most likely
        locked out by both."""

        def operation(db: sqlite3.Connection) -> None:
            self.append(db, "user.unlock", target, {}, who)
            keys = _key(f"user:{username}"), _key(known_key(username, "")).partition(":")[0] + ":%"
            db.execute(
                "DELETE FROM lockouts WHERE key = ? OR key LIKE ? OR key LIKE 'address:%'", keys
            )

        self.write(operation)

    def failures(self, key: str) -> int:
        """How many failures of a key are remembered."""
        return self._most("key = ?", _key(key))

    def failures_of(self, username: str) -> int:
        """How many failures of a user name are remembered, where there are most: from one of its
        addresses, or elsewhere."""
        known = _key(known_key(username, "")).partition(":")[0]
        return max(self.failures(f"user:{username}"), self._most("key LIKE ?", f"{known}:%"))

    def _most(self, which: str, value: str) -> int:
        rows, moment = self.read(f"SELECT * FROM lockouts WHERE {which}", (value,)), self.clock()
        return max((int(row[1]) for row in rows if _age(row, moment) <= FORGET_S), default=0)

    # Audit

    def record(
        self,
        action: str,
        target: str,
        details: dict[str, Any],
        username: str,
        address: str,
        request_id: str,
    ) -> None:
        """Add a row to the audit."""
        who = {"username": username, "address": address, "request_id": request_id}
        self.write(lambda db: self.append(db, action, target, details, who))

    def audit(
        self, before: int | None, limit: int, username: str | None, action: str | None
    ) -> builtins.list[Entry]:
        """Rows with an id below `before`, newest first, of one user or of actions that begin so."""
        sql, values = "SELECT * FROM audit WHERE id < ?", [before if before is not None else 2**62]
        if username is not None:
            sql, values = f"{sql} AND username = ?", [*values, username]  # type: ignore[list-item]
        if action is not None:
            sql, values = f"{sql} AND substr(action, 1, ?) = ?", [*values, len(action), action]  # type: ignore[list-item]
        return [
            Entry(*row) for row in self.read(f"{sql} ORDER BY id DESC LIMIT ?", (*values, limit))
        ]

    def count_audit(self, action: str, since: float) -> int:
        """How many rows of an action there are since a time."""
        return int(
            self.read(
                "SELECT count(*) FROM audit WHERE action = ? AND at >= ?", (action, utc(since))
            )[0][0]
        )

    def audit_size(self) -> int:
        """How many rows the audit has, as SQLite counted them."""
        rows = self.read("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        return int(rows[0][0]) if rows else 0

    def audit_rows(self) -> Iterator[Entry]:
        """All rows, oldest first."""
        return self.audit_after(0)

    def audit_after(self, after: int) -> Iterator[Entry]:
        """The rows with a greater id, oldest first."""
        while rows := self.read(
            "SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?", (after, AUDIT_PAGE)
        ):
            yield from (Entry(*row) for row in rows)
            after = rows[-1][0]

    def verify_audit(self) -> tuple[int, str, str | None]:
        """How many rows hold, the hash of the last of them, and what is wrong with the next, None
        if nothing is."""
        counted = self.read("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        told = self._seal.head()  # before the rows: what is added meanwhile is no fault
        return verify(
            self.audit_rows(), counted[0][0] if counted else 0, self._seal.key(None), told
        )

    def tell_head(self) -> Head | None:
        """Remember how many rows there are, and the hash of the last, outside the database; None
        while there are none."""
        rows = self.read("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
        return self._seal.put_head(rows[0][0], rows[0][1].hex()) if rows else None

    def append(
        self,
        db: sqlite3.Connection,
        action: str,
        target: str,
        details: dict[str, Any],
        who: dict[str, str],
    ) -> None:
        """Add a row to the audit in a transaction that changes something else too."""
        last = db.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone() or (
            0,
            START,
        )
        counted = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").fetchone() or (
            0,
        )
        text = json.dumps(details, ensure_ascii=False, sort_keys=True)
        asked = who["address"], who["request_id"]
        entry = Entry(
            counted[0] + 1,
            utc(self.clock().wall),
            who["username"],
            action,
            target,
            *asked,
            text,
            b"",
        )
        key = self._seal.key(counted[0])
        db.execute(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*entry[:-1], row_hash(last[1], entry, key)),
        )

    # The database

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


def known_key(username: str, address: str) -> str:
    """The key of attempts from an address where the user has signed in before: nobody elsewhere can
    lock that one."""
    return f"known-{hashlib.sha256(username.encode('utf-8', 'replace')).hexdigest()[:16]}:{address}"


def _key(key: str) -> str:
    """`user:...` and `address:...` without what was typed, which may have been a password in the
    wrong field."""
    kind, _, rest = key.partition(":")
    return f"{kind}:{hashlib.sha256(rest.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _age(row: Any, moment: Moment) -> float:
    """Seconds since the last failure: by the clock of the boot, which nobody sets; after a restart
    at least its own age."""
    _, _, last_at, last_boot, boot = row
    if boot == moment.boot:
        return max(0.0, moment.boot_s - float(last_boot))
    return max(moment.boot_s, moment.wall - float(last_at))
