"""Second factors at rest: TOTP secrets, passkeys, recovery codes, and the challenges that somebody
has still to answer.

The second factor of an account is on while it has a TOTP secret that is asked for, or a passkey.
Recovery codes come with the first of them and go with the last.
"""

import builtins
import sqlite3
from typing import NamedTuple

from schemas.base import utc
from schemas.errors import Problem
from schemas.store.accounts.audit import AuditRows

MOST_PASSKEYS = 20  # an account may have
MOST_CHALLENGES = 10  # of one account and purpose, unanswered; then the oldest is void
MOST_OF_NOBODY = 1000  # the same for those that do not belong to an account yet
COLUMNS = "id, credential, user, name, rp, public_key, counter, transports, created_at, used_at"


class Totp(NamedTuple):
    """The secret of an authenticator app; not `enabled` while it is being set up."""

    secret: str
    enabled: bool


class Passkey(NamedTuple):
    """One authenticator of an account: its credential id, its public key (COSE), and how often it
    says it was used."""

    id: str
    credential: bytes
    user: str
    name: str
    rp: str
    public_key: bytes
    counter: int
    transports: str
    created_at: str
    used_at: str | None


class Second(NamedTuple):
    """All second factors of an account."""

    totp: Totp | None
    passkeys: tuple[Passkey, ...]
    recovery_left: int

    @property
    def on(self) -> bool:
        """Whether a second factor is asked for after the password."""
        return bool(self.passkeys) or (self.totp is not None and self.totp.enabled)


class Factors:
    """See the head of this file. All methods raise what those of the accounts do; `who` is for the
    audit."""

    def __init__(self, accounts: AuditRows) -> None:
        self._accounts = accounts

    def of(self, user: str) -> Second:
        """The second factors of a user."""
        read = self._accounts.read
        totp = read("SELECT secret, enabled FROM twofactor WHERE user = ?", (user,))
        keys = read(
            f"SELECT {COLUMNS} FROM passkeys WHERE user = ? ORDER BY created_at, id", (user,)
        )
        left = read("SELECT count(*) FROM recovery WHERE user = ?", (user,))[0][0]
        return Second(
            Totp(totp[0][0], bool(totp[0][1])) if totp else None,
            tuple(Passkey(*row) for row in keys),
            left,
        )

    def on(self, user: str) -> bool:
        """Whether a second factor is asked for."""
        sql = (
            "SELECT 1 FROM twofactor WHERE user = ? AND enabled UNION SELECT 1 FROM passkeys WHERE"
            " user = ? LIMIT 1"
        )
        return bool(self._accounts.read(sql, (user, user)))

    def forget(self, user: str, who: dict[str, str]) -> bool:
        """Forget all of a user: secret, passkeys, recovery codes; whether one was there."""

        def operation(db: sqlite3.Connection) -> bool:
            gone = [
                db.execute(f"DELETE FROM {table} WHERE user = ?", (user,)).rowcount
                for table in ("twofactor", "passkeys")
            ]
            db.execute("DELETE FROM recovery WHERE user = ?", (user,))
            if any(gone):
                self._accounts.append(db, "2fa.disable", user, {}, who)
            return any(gone)

        return self._accounts.write(operation)

    # Authenticator app

    def propose_totp(self, user: str, secret: str) -> bool:
        """Keep a secret that is not asked for yet; False if there is one that is."""
        sql = (
            "INSERT INTO twofactor (user, secret) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET secret = excluded.secret WHERE NOT enabled"
        )
        return self._accounts.write(lambda db: db.execute(sql, (user, secret)).rowcount > 0)

    def enable_totp(
        self, user: str, secret: str, step: int, codes: builtins.list[bytes], who: dict[str, str]
    ) -> bool:
        """Ask for this secret from now on; False if it is not the proposed one.

        `codes` are hashes of new recovery codes; without any, those that are there stay.
        """

        def operation(db: sqlite3.Connection) -> bool:
            sql = (
                "UPDATE twofactor SET enabled = 1, last_step = ? WHERE user = ? AND secret = ? AND"
                " NOT enabled"
            )
            if not db.execute(sql, (step, user, secret)).rowcount:
                return False
            self._recovery(db, user, codes)
            self._accounts.append(db, "2fa.enable", user, {}, who)
            return True

        return self._accounts.write(operation)

    def disable_totp(self, user: str, who: dict[str, str]) -> bool:
        """Forget the secret; whether there was one."""

        def operation(db: sqlite3.Connection) -> bool:
            if not db.execute("DELETE FROM twofactor WHERE user = ?", (user,)).rowcount:
                return False
            self._last(db, user)
            self._accounts.append(db, "2fa.disable", user, {}, who)
            return True

        return self._accounts.write(operation)

    def use_step(self, user: str, step: int) -> bool:
        """Use the code of a time step; False if that one or a later one was used before."""
        sql = "UPDATE twofactor SET last_step = ? WHERE user = ? AND last_step < ?"
        return self._accounts.write(lambda db: db.execute(sql, (step, user, step)).rowcount > 0)

    # Passkeys

    def add_passkey(
        self, passkey: Passkey, codes: builtins.list[bytes], who: dict[str, str]
    ) -> None:
        """Ask for it, or another factor, from now on; `codes` as in enable_totp.

        Raises Problem PASSKEY_INVALID if there are too many, or this one is known.
        """

        def operation(db: sqlite3.Connection) -> None:
            held = db.execute(
                "SELECT count(*) FROM passkeys WHERE user = ?", (passkey.user,)
            ).fetchone()[0]
            if held >= MOST_PASSKEYS:
                raise Problem("PASSKEY_INVALID", f"an account has {MOST_PASSKEYS} at most")
            if db.execute(
                "SELECT 1 FROM passkeys WHERE credential = ?", (passkey.credential,)
            ).fetchone():
                raise Problem("PASSKEY_INVALID", "it is registered already")
            db.execute(
                f"INSERT INTO passkeys ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", passkey
            )
            self._recovery(db, passkey.user, codes)
            self._accounts.append(
                db, "passkey.add", passkey.user, {"passkey": passkey.id, "name": passkey.name}, who
            )

        self._accounts.write(operation)

    def use_passkey(self, passkey: Passkey, counter: int) -> bool:
        """Remember how often it was used; False if it is gone, or another use of it was faster and
        had counted as far."""
        at = utc(self._accounts.clock().wall)
        sql = (
            "UPDATE passkeys SET counter = ?, used_at = ? WHERE id = ? AND user = ?"
            " AND (counter < ? OR (counter = 0 AND ? = 0))"
        )
        values = (counter, at, passkey.id, passkey.user, counter, counter)
        return self._accounts.write(lambda db: db.execute(sql, values).rowcount > 0)

    def remove_passkey(self, user: str, passkey_id: str, who: dict[str, str]) -> bool:
        """Forget a passkey of a user; False if there was none."""

        def operation(db: sqlite3.Connection) -> bool:
            row = db.execute(
                "DELETE FROM passkeys WHERE id = ? AND user = ? RETURNING name", (passkey_id, user)
            ).fetchone()
            if row is None:
                return False
            self._last(db, user)
            self._accounts.append(
                db, "passkey.remove", user, {"passkey": passkey_id, "name": row[0]}, who
            )
            return True

        return self._accounts.write(operation)

    # Recovery codes

    def use_recovery(self, user: str, code: bytes, who: dict[str, str]) -> bool:
        """Use up a recovery code, given by its hash; False if there is none with that hash."""

        def operation(db: sqlite3.Connection) -> bool:
            used = (
                db.execute(
                    "DELETE FROM recovery WHERE user = ? AND code = ?", (user, code)
                ).rowcount
                > 0
            )
            if used:
                self._accounts.append(db, "2fa.recovery", user, {}, who)
            return used

        return self._accounts.write(operation)

    def _recovery(self, db: sqlite3.Connection, user: str, codes: builtins.list[bytes]) -> None:
        if codes:
            db.execute("DELETE FROM recovery WHERE user = ?", (user,))
            db.executemany("INSERT INTO recovery VALUES (?, ?)", [(user, code) for code in codes])

    def _last(self, db: sqlite3.Connection, user: str) -> None:
        """Recovery codes go with the last factor."""
        sql = (
            "SELECT 1 FROM twofactor WHERE user = ? AND enabled UNION SELECT 1 FROM passkeys WHERE"
            " user = ?"
        )
        if db.execute(sql, (user, user)).fetchone() is None:
            db.execute("DELETE FROM recovery WHERE user = ?", (user,))

    # Challenges

    def ask(
        self, challenge: bytes, purpose: str, user: str, session: str, details: str = ""
    ) -> None:
        """Remember what was asked: of which account (empty: of nobody yet), in which session."""
        moment = self._accounts.clock()
        most = MOST_CHALLENGES if user else MOST_OF_NOBODY

        def operation(db: sqlite3.Connection) -> None:
            values = (challenge, purpose, user, session, details, moment.boot_s, moment.boot)
            db.execute("INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            db.execute(
                "DELETE FROM challenges WHERE challenge IN (SELECT challenge FROM challenges WHERE"
                " purpose = ? AND user = ? ORDER BY boot = ? DESC, begun_boot DESC LIMIT -1"
                " OFFSET ?)",
                (purpose, user, moment.boot, most),
            )

        self._accounts.write(operation)

    def answered(
        self, challenge: bytes, purpose: str, user: str, session: str, within_s: float
    ) -> str | None:
        """Take a challenge out, and return its details; None if nobody asked it so, or it was
        answered, or too long ago.

        Its age is by the clock of the boot, which nobody sets. A person who answers for somebody
        else takes nothing out.
        """
        moment = self._accounts.clock()
        sql = (
            "DELETE FROM challenges WHERE challenge = ? AND purpose = ? AND user = ? AND session ="
            " ? RETURNING details, begun_boot, boot"
        )
        row = self._accounts.write(
            lambda db: db.execute(sql, (challenge, purpose, user, session)).fetchone()
        )
        if row is None or row[2] != moment.boot or not 0 <= moment.boot_s - row[1] <= within_s:
            return None
        return str(row[0])
