"""The audit's chain: each row holds the hash of itself and of the one before, so that no row can be changed or taken out.

Rows are numbered without gaps, and SQLite remembers the greatest number, so the newest rows cannot be cut off unnoticed
either. Whoever can write the file can make a whole new chain: keep the last hash somewhere else to notice that too.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from schemas.base import canonical

START = b"\0" * 32


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


def row_hash(before: bytes, entry: Entry) -> bytes:
    """SHA-256 over the hash before and all fields of the row."""
    return hashlib.sha256(before + canonical(list(entry[:-1]))).digest()


def verify(entries: Iterator[Entry], counted: int) -> tuple[int, str, str | None]:
    """How many rows hold, the hash of the last of them, and what is wrong with the next, None if nothing is."""
    number, last = 0, START
    for entry in entries:
        if entry.id != number + 1:
            return number, last.hex(), f"row {number + 1} is missing"
        if row_hash(last, entry) != entry.hash:
            return number, last.hex(), f"row {entry.id} was changed"
        number, last = entry.id, entry.hash
    if number != counted:
        return number, last.hex(), f"rows {number + 1} to {counted} are missing"
    return number, last.hex(), None
