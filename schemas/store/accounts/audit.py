"""The audit's chain: each row holds the hash of itself and of the one before, so that no row can be
changed or taken out.

The hash is keyed, and the key is not in the database (schemas/store/accounts/seal.py). Rows are
numbered without gaps, SQLite remembers the greatest number, and the head of every hour is kept
outside, so the newest rows cannot be cut off unnoticed either.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import NamedTuple

from schemas.base import canonical
from schemas.store.accounts.seal import Head, Key

START = b"\0" * 32
FULL = 0.9  # of the rows that it may have: from there on it is told


class Entry(NamedTuple):
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


def row_hash(before: bytes, entry: Entry, key: Key | None) -> bytes:
    """HMAC with SHA-256 over the hash before and all fields of the row; a plain hash in a row from
    before the key."""
    text = before + canonical(list(entry[:-1]))
    if key is None or entry.id < key.first:
        return hashlib.sha256(text).digest()
    return hmac.new(key.secret, text, hashlib.sha256).digest()


def filling(rows: int, most: int) -> str | None:
    """What to tell of an audit with so many rows of those it may have; None while there is room.
    Nothing is ever deleted."""
    return f"the audit has {rows} of {most} rows" if rows > FULL * most else None


def verify(
    entries: Iterator[Entry], counted: int, key: Key | None, told: Head | None
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
