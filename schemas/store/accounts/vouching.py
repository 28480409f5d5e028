"""Request ids that vouch for a command: who asked for it is in the audit already, so it is not
written down once more.

MQTT tells a subscriber nothing of who published, and anybody may claim a name. So the web and the
command line, which write down who does what before they ask, give the command an id that only
whoever holds the audit's key (schemas/store/accounts/seal.py) can make: a UUID version 7, whose
time must be of now, and a mark over it and the command's name. It is read in replies by others, but
a known id with other content is refused, and an old one vouches for nothing.
"""

import hashlib
import hmac
import time
from pathlib import Path

from schemas.base import canonical, new_id
from schemas.errors import Problem
from schemas.store.accounts.seal import Seal

SAID_FOR = b"inspection-node command\n"
MARK_DIGITS = 24  # 96 bits: 61 characters with the id, of the 64 that a request_id may have
AGE_S = 600.0


class Vouching:
    """For the audit of a state folder."""

    def __init__(self, folder: Path) -> None:
        self._seal = Seal(folder)

    def id(self, command: str) -> str:
        """A new request id for a command that is in the audit. Raises Problem STORE_FAILED,
        STORE_CORRUPT."""
        request_id = new_id()
        mark = self._mark(request_id, command)
        return f"{request_id}.{mark}" if mark is not None else request_id

    def holds(self, request_id: str, command: str) -> bool:
        """Whether this id says that the command is in the audit."""
        plain, _, given = request_id.partition(".")
        try:
            age_s = abs(time.time() - int(plain.replace("-", "")[:12], 16) / 1000)
            mark = self._mark(plain, command)
        except (ValueError, Problem):
            return False
        return (
            mark is not None
            and age_s < AGE_S
            and hmac.compare_digest(given.encode(errors="replace"), mark.encode())
        )

    def _mark(self, request_id: str, command: str) -> str | None:
        key = self._seal.key(None)
        if key is None:
            return None
        return hmac.new(
            key.secret, SAID_FOR + canonical([request_id, command]), hashlib.sha256
        ).hexdigest()[:MARK_DIGITS]
