"""Accounts in SQLite (WAL, synchronous FULL): sessions, failed attempts, and the audit of who did
what.

A session is a family of refresh tokens, of which one is valid: each use replaces it, and a second
use of an old one ends the family (RFC 9700, 4.14.2). Failed attempts are counted before a password
is looked at and taken back when it was right, so that many at once cannot pass a limit. Their age
is measured by the clock of the boot, so neither a changed clock nor a restart shortens a lockout.
Every change of a session is in the audit by the same transaction. Second factors are in
schemas/store/accounts/twofactor.py.
"""

from collections.abc import Callable
from pathlib import Path

from schemas.store.accounts.database import BUSY_S
from schemas.store.accounts.lockouts import Lockouts
from schemas.store.accounts.sessions import Sessions
from schemas.store.accounts.twofactor import Factors
from schemas.store.clock import Moment, now


class Accounts(Sessions, Lockouts):
    """See the head of this file. Any thread of any process; all methods raise Problem STORE_FAILED,
    STORE_CORRUPT.

    `who` is username, address and request_id, for the audit. busy_s: how long a write waits for
    those of other threads, and as long again for those of other processes.
    """

    def __init__(
        self, path: Path, clock: Callable[[], Moment] = now, busy_s: float = BUSY_S
    ) -> None:
        super().__init__(path, clock, busy_s)
        self.factors = Factors(self)
