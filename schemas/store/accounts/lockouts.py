"""Lockouts: failed attempts by user name and address, and who has to wait."""

import hashlib
import sqlite3
from typing import Any

from schemas.store.accounts.audit import AuditRows
from schemas.store.clock import Moment

FORGET_S = 3600.0  # how long failures count, after the last one
LOCK_FIRST_S = 60.0
LOCK_MOST_S = 900.0
MOST_LOCKOUTS = 10_000


class Lockouts(AuditRows):
    """Failed attempts of a key; their age is measured by the clock of the boot."""

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
        """Forget the failures of a user name, and those of all addresses: whoever asks is most
        likely locked out by both."""

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
