"""What makes the audit's chain more than arithmetic: a key beside the database, and the head that
was told last.

The key (`audit.key`) is not in the database, so somebody who can only write that makes no chain
that holds. The head (`audit.head`) is renewed every hour and told outside too (the log), so that
rows that are cut off are missed, with all counters set back.
"""

import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import NamedTuple

from schemas.base import utc
from schemas.errors import Problem
from schemas.store.disk import failed, refuse_foreign, replace, write_new


class ChainKey(NamedTuple):
    """The key of the chain, and the first row that was made with it; rows of earlier versions have
    plain hashes."""

    secret: bytes
    first: int


class ChainHead(NamedTuple):
    """How many rows there were, and the hash of the last."""

    rows: int
    hash: str
    at: str


class Seal:
    """Key and head of an audit. Methods raise Problem STORE_FAILED, STORE_CORRUPT."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: ChainKey | None = None

    def key(self, rows: int | None) -> ChainKey | None:
        """The key; where there is none, a new one for all rows after `rows`, None if that is
        None."""
        if self._known is not None:
            return self._known
        path = self._folder / "audit.key"
        try:
            refuse_foreign(path)
            if not path.exists():
                if rows is None:
                    return None
                write_new(
                    path, json.dumps({"key": secrets.token_hex(32), "first": rows + 1}).encode()
                )
            said = json.loads(path.read_bytes())
            self._known = ChainKey(bytes.fromhex(said["key"]), int(said["first"]))
        except OSError as error:
            raise failed(path.name, error) from error
        except (ValueError, KeyError, TypeError):
            raise Problem("STORE_CORRUPT", f"{path.name} is no key of an audit") from None
        return self._known

    def put_head(self, rows: int, head_hash: str) -> ChainHead:
        """Remember the head as it is now."""
        head = ChainHead(rows, head_hash, utc())
        try:
            replace(
                self._folder / "audit.head",
                json.dumps({**head._asdict(), "mac": self._mac(head)}).encode(),
            )
        except OSError as error:
            raise failed("audit.head", error) from error
        return head

    def head(self) -> ChainHead | None:
        """The head that was remembered last; None if there is none, or if it was not made with this
        key."""
        try:
            said = json.loads((self._folder / "audit.head").read_bytes())
            head = ChainHead(int(said["rows"]), str(said["hash"]), str(said["at"]))
            return head if hmac.compare_digest(str(said["mac"]), self._mac(head)) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _mac(self, head: ChainHead) -> str:
        key = self.key(None)
        return hmac.new(
            key.secret if key else b"", json.dumps(head).encode(), hashlib.sha256
        ).hexdigest()
