"""Care: what is too old goes, the log stays small, and the stamp beside the ledger keeps up.

Age is lived time (schemas/store/clock.py). Triggers are numbered in the order in which they came, so it is enough to note
now and then which is the newest: whatever was there at a moment is at least as old as that.
"""

import contextlib
import sqlite3
from collections.abc import Iterable

from schemas.store.ledger.engine import Engine

PRUNE_ROWS = 500
NOTE_S = 5.0  # between two moments
FINE = 720  # so many moments are kept as they are; of older ones each 120th: every 10 minutes
COARSE = 120
PENDING_S = 3600.0  # a picture may come so long after its result


class Care(Engine):
    """See the head of this file."""

    def prune(self, *, max_count: int, max_age_s: float, dedupe_s: float, reply_s: float = 86400.0) -> int:
        """Remove some of the results, triggers and replies that are past their limits; how many results went.

        Never what waits in the outbox, never the newest result of a station (its seq must go on), and never a trigger
        id within the dedupe window. Call again while the answer is not 0.
        """
        now = self.lived()

        def operation(db: sqlite3.Connection) -> int:
            newest = db.execute("SELECT coalesce(max(id), 0) FROM triggers").fetchone()[0]
            _note(db, now, newest)
            old, forgotten = (_newest_before(db, now - age_s) for age_s in (max_age_s, dedupe_s))
            gone = [
                row[0]
                for row in db.execute(
                    "SELECT r.id FROM (SELECT * FROM results ORDER BY id LIMIT ?) r"
                    " WHERE r.id <= ? AND r.id < ? AND r.id NOT IN (SELECT result FROM outbox)"
                    " AND r.seq < (SELECT max(seq) FROM results WHERE station = r.station)",
                    (PRUNE_ROWS, max(newest - max_count, old), newest),
                )
            ]
            ids = [(row,) for row in gone]
            db.executemany("INSERT INTO answered SELECT id, result_id, seq, verdict FROM results WHERE id = ?", ids)
            db.executemany("DELETE FROM results WHERE id = ?", ids)
            unknown = [
                row
                for row in db.execute(
                    "SELECT t.id FROM (SELECT id FROM triggers ORDER BY id LIMIT ?) t"
                    " WHERE t.id <= ? AND t.id < ? AND t.id NOT IN (SELECT id FROM results)"
                    " AND t.id NOT IN (SELECT id FROM waiting)",
                    (PRUNE_ROWS, forgotten, newest),
                )
            ]
            db.executemany("DELETE FROM answered WHERE id = ?", unknown)
            db.executemany("DELETE FROM triggers WHERE id = ?", unknown)
            db.execute("DELETE FROM replies WHERE lived_s < ?", (now - reply_s,))
            return len(gone)

        return self.write(operation)

    def with_pictures(self, after: int, limit: int) -> list[tuple[int, str]]:
        """(id, result id) of results from id `after` on that say they have pictures, and had time to get them."""
        old = self.read(OLDER, (self.lived() - PENDING_S,))[0][0]
        sql = "SELECT id, result_id FROM results WHERE id > ? AND id <= ? AND pictures ORDER BY id LIMIT ?"
        return self.read(sql, (after, old, limit))

    def without_pictures(self, ids: Iterable[int]) -> None:
        """The pictures of these results are gone."""
        rows = [(row,) for row in ids]
        self.write(lambda db: db.executemany("UPDATE results SET pictures = 0 WHERE id = ?", rows), durable=False)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database, on a connection of its own, without stopping the writer."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=0.1, isolation_level=None)) as db:
            busy, pages, moved = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not busy and pages > 16384 and moved < pages:  # 64 MB behind: hold the writer for once
            with self._lock, contextlib.suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA wal_checkpoint(RESTART)")


OLDER = "SELECT coalesce(max(last_trigger), 0) FROM moments WHERE lived_s <= ?"


def _newest_before(db: sqlite3.Connection, lived_s: float) -> int:
    """The newest trigger that is at least as old as that moment, 0 if none."""
    return int(db.execute(OLDER, (lived_s,)).fetchone()[0])


def _note(db: sqlite3.Connection, now: float, newest: int) -> None:
    """Note which is the newest trigger now; long ago it is enough to know that every ten minutes."""
    number, at, last = db.execute("SELECT id, lived_s, last_trigger FROM moments ORDER BY id DESC LIMIT 1").fetchone() or (
        0,
        0,
        0,
    )
    if newest == last or (number and now - at < NOTE_S):
        return
    db.execute("INSERT INTO moments (lived_s, last_trigger) VALUES (?, ?)", (now, newest))
    edge = number - FINE
    db.execute("DELETE FROM moments WHERE id <= ? AND id > ? AND id % ?", (edge, edge - COARSE, COARSE))
