"""Sessions: families of refresh tokens, of which one is valid."""

import builtins
import contextlib
import sqlite3
from typing import Any, Literal, NamedTuple

from schemas.errors import Problem
from schemas.store.accounts.audit import AuditRows

MOST_SESSIONS = 20  # a user may have; the oldest ends
KEEP_ENDED_S = 30 * 86400
SEEN_S = 60.0


class AccountSession(NamedTuple):
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


COLUMNS = ", ".join(AccountSession._fields)


class Sessions(AuditRows):
    """Sign-ins that have not ended; each change is written to the audit in the same transaction."""

    def begin(
        self,
        user: str,
        password_at: str,
        token: bytes,
        idle_s: float,
        life_s: float,
        agent: str,
        who: dict[str, str],
        session_id: str,
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
                    *(session_id, user, password_at, wall, wall, wall + idle_s, wall + life_s),
                    *(who["address"], agent[:200], int(second_factor), token),
                ),
            )
            self.append(db, "session.begin", session_id, {"agent": agent[:200]}, who)

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

    def session(self, session_id: str) -> AccountSession | None:
        """A session that has not ended, by its id."""
        wall = self.clock().wall
        sql = (
            f"SELECT {COLUMNS} FROM sessions WHERE id = ? AND ended_at IS NULL AND until > ? AND"
            " idle_until > ?"
        )
        rows = self.read(sql, (session_id, wall, wall))
        if not rows:
            return None
        known = AccountSession(*rows[0])
        if wall - known.seen_at > SEEN_S:
            with contextlib.suppress(Problem):  # a full disk must not keep people from looking
                self.write(
                    lambda db: db.execute(
                        "UPDATE sessions SET seen_at = ? WHERE id = ?", (wall, session_id)
                    )
                )
        return known

    def sessions(self, user: str | None = None) -> builtins.list[AccountSession]:
        """The sessions that have not ended, of one user or of all; the one last seen first."""
        wall = self.clock().wall
        sql = (
            f"SELECT {COLUMNS} FROM sessions WHERE ended_at IS NULL AND until > ? AND"
            " idle_until > ?"
        )
        if user is None:
            return [
                AccountSession(*row)
                for row in self.read(f"{sql} ORDER BY seen_at DESC", (wall, wall))
            ]
        return [
            AccountSession(*row)
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
        """End a session; False if it had ended before."""
        return self.write(lambda db: self._end(db, session, action, who))

    def end_all(self, user: str, action: str, who: dict[str, str], but: str = "") -> int:
        """End the sessions of a user, except one; how many."""

        def operation(db: sqlite3.Connection) -> int:
            rows = db.execute(
                "SELECT id FROM sessions WHERE user = ? AND ended_at IS NULL AND id <> ?",
                (user, but),
            ).fetchall()
            return sum(self._end(db, session_id, action, who) for (session_id,) in rows)

        return self.write(operation)

    def end_each(
        self, action: str, target: str, details: dict[str, Any], who: dict[str, str]
    ) -> None:
        """End the sessions of everybody, with one row of the audit whose details also say how many
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
