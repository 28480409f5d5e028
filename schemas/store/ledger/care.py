"""Care: what is too old goes.

Age is lived time (schemas/store/clock.py). Triggers are numbered in the order in which they came,
so it is enough to note now and then which is the newest: whatever was there at a moment is at least
as old as that.
"""

import sqlite3
from collections.abc import Iterable

from schemas.store.disk import failed
from schemas.store.ledger.engine import Engine

PRUNE_ROWS = 500
NOTE_S = 5.0  # between two moments
FINE = 720  # this many moments are kept as they are; of older ones every 120th: one in 10 minutes
COARSE = 120
LOST_TOLD_S = 86400.0  # across restarts, also if a command was the first to notice
IDLE_S = 60.0  # how often the stamp is kept when there is nothing new: a flash disk wears
PENDING_S = 3600.0  # a picture may come this long after its result


class Care(Engine):
    """See the head of this file."""

    _kept_commits = -1
    _kept_s = 0.0

    def keep(self) -> None:
        """Keep the stamp and the reserve; to be called once a second by one thread. Raises Problem
        STORE_FAILED."""
        try:
            if self.commits != self._kept_commits or self.lived() - self._kept_s > IDLE_S:
                self._kept_commits = self.commits
                self._kept_s = self.lived()
                self._stamp.keep(self.lived.reading())
            self._reserve.keep()
        except OSError as error:
            raise failed(self._stamp.path.name, error) from error

    def damage(self) -> str | None:
        """What is wrong with the ledger's files, for people: what was lost in the last day, what is
        going wrong now."""
        damages = []
        if self._stamp.lost is not None:
            text, at = self._stamp.lost
            if self.lived() - at < LOST_TOLD_S:
                damages.append(text)
            else:
                self._stamp.told(None)
        if self._reserve.given_up:
            damages.append("the disk is full: the space kept for results is in use")
        if self._stamp.suspect:
            damages.append(f"{self.path.name} is damaged: start the node anew, and it is set aside")
        try:
            whole = self.path.stat().st_ino == self._inode
        except OSError:
            whole = False
        if not whole:
            damages.append(
                f"{self.path.name} was removed or replaced while the node runs: start it anew"
            )
        return "; ".join(damages) or None

    def prune(
        self, *, max_count: int, max_age_s: float, dedupe_s: float, reply_s: float = 86400.0
    ) -> int:
        """Remove some of the results, triggers and replies that are past their limits; how many
        results went.

        Never what waits in the outbox, never the newest result of a station (its seq must go on),
        and never a trigger id within the dedupe window. Call again while the answer is not 0.
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
            db.executemany(
                "INSERT INTO answered SELECT id, result_id, seq, verdict FROM results WHERE id = ?",
                ids,
            )
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
            for table in ("replies", "commands"):
                db.execute(f"DELETE FROM {table} WHERE lived_s < ?", (now - reply_s,))
            return len(gone)

        return self.write(operation)

    def with_pictures(self, after: int, limit: int) -> list[tuple[int, str]]:
        """(id, result id) of results from id `after` on that say they have pictures, and had time
        to get them."""
        old = self.read(OLDER, (self.lived() - PENDING_S,))[0][0]
        sql = (
            "SELECT id, result_id FROM results WHERE id > ? AND id <= ? AND pictures ORDER BY id"
            " LIMIT ?"
        )
        return self.read(sql, (after, old, limit))

    def without_pictures(self, ids: Iterable[int]) -> None:
        """The pictures of these results are gone."""
        rows = [(row,) for row in ids]
        self.write(
            lambda db: db.executemany("UPDATE results SET pictures = 0 WHERE id = ?", rows),
            durable=False,
        )


OLDER = "SELECT coalesce(max(last_trigger), 0) FROM moments WHERE lived_s <= ?"


def _newest_before(db: sqlite3.Connection, lived_s: float) -> int:
    """The newest trigger that is at least that old, 0 if none is."""
    return int(db.execute(OLDER, (lived_s,)).fetchone()[0])


def _note(db: sqlite3.Connection, now: float, newest: int) -> None:
    """Note which is the newest trigger now; long ago it is enough to know that every ten
    minutes."""
    number, at, last = db.execute(
        "SELECT id, lived_s, last_trigger FROM moments ORDER BY id DESC LIMIT 1"
    ).fetchone() or (
        0,
        0,
        0,
    )
    if newest == last or (number and now - at < NOTE_S):
        return
    db.execute("INSERT INTO moments (lived_s, last_trigger) VALUES (?, ?)", (now, newest))
    edge = number - FINE
    db.execute(
        "DELETE FROM moments WHERE id <= ? AND id > ? AND id % ?", (edge, edge - COARSE, COARSE)
    )
