"""The audit's chain: each row holds the hash of itself and of the one before, so that no row can be
changed or taken out.

The hash is keyed, and the key is not in the database (schemas/store/accounts/seal.py). Rows are
numbered without gaps, SQLite remembers the greatest number, and the head of every hour is kept
outside, so the newest rows cannot be cut off unnoticed either.
"""

import builtins
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from schemas.base import canonical, utc
from schemas.store.accounts.database import BUSY_S, AccountsDatabase
from schemas.store.accounts.seal import ChainHead, ChainKey, Seal
from schemas.store.clock import Moment, now

START = b"\0" * 32
FULL = 0.9  # share of the rows that it may have: from there on it is reported
AUDIT_PAGE = 500


class AuditEntry(NamedTuple):
    """Who did what to what, from where, in which request. `details` is JSON."""

    id: int
    at: str
    username: str
    action: str
    target: str
    address: str
    request_id: str
    details: str
    hash: bytes


def row_hash(before: bytes, entry: AuditEntry, key: ChainKey | None) -> bytes:
    """HMAC with SHA-256 over the hash before and all fields of the row; a plain hash in a row from
    before the key."""
    text = before + canonical(list(entry[:-1]))
    if key is None or entry.id < key.first:
        return hashlib.sha256(text).digest()
    return hmac.new(key.secret, text, hashlib.sha256).digest()


def filling(rows: int, most: int) -> str | None:
    """What to report about an audit with that many of the rows that it may have; None while there
    is room. Nothing is ever deleted."""
    return f"the audit has {rows} of {most} rows" if rows > FULL * most else None


def verify(
    entries: Iterator[AuditEntry], counted: int, key: ChainKey | None, told: ChainHead | None
) -> tuple[int, str, str | None]:
    """How many rows hold, the hash of the last of them, and what is wrong with the next, None if
    nothing is."""
    number, last = 0, START
    for entry in entries:
        if entry.id != number + 1:
            return number, last.hex(), f"row {number + 1} is missing"
        if row_hash(last, entry, key) != entry.hash:
            return number, last.hex(), f"row {entry.id} was changed"
        number, last = entry.id, entry.hash
        if told is not None and number == told.rows and last.hex() != told.hash:
            return number, last.hex(), f"row {entry.id} is not the one that was told at {told.at}"
    most = max(counted, told.rows if told is not None else 0)
    if number != most:
        return number, last.hex(), f"rows {number + 1} to {most} are missing"
    return number, last.hex(), None


class AuditRows(AccountsDatabase):
    """The rows of the audit in the database of the accounts."""

    def __init__(
        self, path: Path, clock: Callable[[], Moment] = now, busy_s: float = BUSY_S
    ) -> None:
        super().__init__(path, clock, busy_s)
        self._seal = Seal(path.parent)

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
    ) -> builtins.list[AuditEntry]:
        """Rows with an id below `before`, newest first, of one user or of actions with this
        beginning."""
        sql, values = "SELECT * FROM audit WHERE id < ?", [before if before is not None else 2**62]
        if username is not None:
            sql, values = f"{sql} AND username = ?", [*values, username]  # type: ignore[list-item]
        if action is not None:
            sql, values = f"{sql} AND substr(action, 1, ?) = ?", [*values, len(action), action]  # type: ignore[list-item]
        return [
            AuditEntry(*row)
            for row in self.read(f"{sql} ORDER BY id DESC LIMIT ?", (*values, limit))
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

    def audit_rows(self) -> Iterator[AuditEntry]:
        """All rows, oldest first."""
        return self.audit_after(0)

    def audit_after(self, after: int) -> Iterator[AuditEntry]:
        """The rows with a greater id, oldest first."""
        while rows := self.read(
            "SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?", (after, AUDIT_PAGE)
        ):
            yield from (AuditEntry(*row) for row in rows)
            after = rows[-1][0]

    def verify_audit(self) -> tuple[int, str, str | None]:
        """How many rows hold, the hash of the last of them, and what is wrong with the next, None
        if nothing is."""
        counted = self.read("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        told = self._seal.head()  # before the rows: what is added meanwhile is not a fault
        return verify(
            self.audit_rows(), counted[0][0] if counted else 0, self._seal.key(None), told
        )

    def tell_head(self) -> ChainHead | None:
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
        entry = AuditEntry(
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
