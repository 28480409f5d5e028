"""Reading the ledger: on a read-only connection of each thread, so that nobody waits for the
writer."""

import sqlite3
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.errors import Problem

# readers wait only while another process recovers the log or has the ledger to itself
READ_BUSY_S = 1.0


class _Connection(sqlite3.Connection):
    """A connection that can be found as long as its thread lives."""


class Queries:
    """What the ledger at `path` has. All methods may be called from any thread, and raise Problem
    STORE_FAILED."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._own = threading.local()
        self._readers: weakref.WeakSet[_Connection] = weakref.WeakSet()

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Rows of a query on this thread's own read-only connection."""
        db: _Connection | None = getattr(self._own, "db", None)
        try:
            if db is None:
                db = self._own.db = sqlite3.connect(
                    f"file:{self.path}?mode=ro",
                    uri=True,
                    timeout=READ_BUSY_S,
                    isolation_level=None,
                    check_same_thread=False,
                    factory=_Connection,
                )
                self._readers.add(db)
            return db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self.met(error)
            raise Problem("STORE_FAILED", str(error)) from error

    def met(self, error: BaseException) -> None:
        """An error was met: reported to the object that keeps account of damage."""

    def close_readers(self) -> None:
        """Close the connections of all threads: a later read raises STORE_FAILED."""
        for db in list(self._readers):
            db.close()

    def counts(self, station: str, after_seq: int = 0) -> dict[str, int]:
        """Results by verdict since the station's counters were reset, which was at `after_seq`."""
        sql = "SELECT verdict, number FROM counters WHERE station = ? AND after_seq = ?"
        return dict(self.read(sql, (station, after_seq)))

    def last_seq(self, station: str) -> int:
        """The greatest seq of a station, 0 if none."""
        return int(
            self.read("SELECT coalesce(max(seq), 0) FROM results WHERE station = ?", (station,))[0][
                0
            ]
        )

    def results(
        self,
        station: str,
        result_ids: Iterable[str] = (),
        trigger_ids: Iterable[str] = (),
        seqs: tuple[int, int] | None = None,
    ) -> list[bytes]:
        """Stored payloads of a station by result id, trigger id or range of seq, in the order of
        seq."""
        bodies: dict[int, bytes] = {}
        for trigger_id in trigger_ids:
            bodies.update(
                self.read(
                    "SELECT r.seq, r.payload FROM triggers t JOIN results r ON r.id = t.id"
                    " WHERE t.station = ? AND t.trigger_id = ?",
                    (station, trigger_id),
                )
            )
        wanted = list(result_ids)
        if wanted:
            marks = ", ".join("?" * len(wanted))
            bodies.update(
                self.read(
                    "SELECT seq, payload FROM results WHERE station = ? AND result_id IN"
                    f" ({marks})",
                    (station, *wanted),
                )
            )
        if seqs:
            bodies.update(
                self.read(
                    "SELECT seq, payload FROM results WHERE station = ? AND seq BETWEEN ? AND ?",
                    (station, *seqs),
                )
            )
        return [payload for _, payload in sorted(bodies.items())]

    def pictured(self, result_ids: Iterable[str]) -> set[str]:
        """Which of these results exist."""
        wanted = list(result_ids)
        marks = ", ".join("?" * len(wanted))
        return {
            row[0]
            for row in self.read(
                f"SELECT result_id FROM results WHERE result_id IN ({marks})", tuple(wanted)
            )
        }
