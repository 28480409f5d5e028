"""The history: filtered pages of results, newest or oldest first, and one result, read from the
ledger."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from schemas.base import utc
from schemas.errors import Problem
from schemas.store.history.filter import Filter
from schemas.store.history.walk import PAYLOADS, Order, Walk
from schemas.store.history.why import Why, why
from schemas.store.ledger.reader import LedgerReader

MAX_LIMIT = 200
LIMIT_S = 5.0
BUDGET_S = 0.25
WALK_S = 900.0


class HistoryRow(NamedTuple):
    """One result in a list. pictures: whether pictures of it were to be kept; the rules that drop
    old ones may have removed them since."""

    result_id: str
    trigger_id: str
    station: str
    seq: int
    verdict: str
    code: str | None
    program: str | None
    program_version: int | None
    part_id: str | None
    finished_at: str
    duration_ms: float
    pictures: bool
    why: Why | None


class BriefPart(NamedTuple):
    """One part in brief."""

    seq: int
    verdict: str
    finished_at: str


class HistoryPage(NamedTuple):
    """A page. cursor: goes on after it, None at the end. complete: False if the search ended before
    the page was full.

    searched_to: when the result was stored at which an incomplete search stands.
    """

    rows: list[HistoryRow]
    cursor: str | None
    complete: bool
    searched_to: str | None = None


COLUMNS = (
    "r.result_id, (SELECT trigger_id FROM triggers t WHERE t.id = r.id), r.station, r.seq,"
    " r.verdict, r.code, r.program, r.program_version, r.part_id, r.finished_at, r.duration_ms,"
    " r.pictures, CASE WHEN r.verdict <> 'OK' THEN r.payload END"
)


class History:
    """The results in a ledger that another process writes. Raises Problem STORE_FAILED,
    STORE_NEWER, QUERY_LIMIT."""

    def __init__(self, ledger: Path, budget_s: float = BUDGET_S) -> None:
        self.ledger = LedgerReader(ledger)
        self._budget_s = budget_s

    def page(
        self,
        wanted: Filter,
        limit: int = 50,
        cursor: str | None = None,
        order: Order = "newest",
        budget_s: float | None = None,
    ) -> HistoryPage:
        """At most `limit` results (1 to 200) after the cursor of an earlier page, searched for at
        most `budget_s`.

        Raises Problem VALIDATION_FAILED too.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise Problem("VALIDATION_FAILED", f"limit is 1 to {MAX_LIMIT}")
        walk = Walk(wanted, order)
        position = walk.read(cursor) if cursor is not None else None
        until = time.monotonic() + (self._budget_s if budget_s is None else budget_s)
        with self.ledger.connection(LIMIT_S) as db:
            numbers, position, complete = walk.search(db, position, limit, until)
            rows = [
                _row(
                    db.execute(
                        f"SELECT {COLUMNS} FROM results r WHERE r.id = ?", (each,)
                    ).fetchone()
                )
                for each in numbers
            ]
            stands = None if complete or position is None else walk.time_of(db, position)
        return HistoryPage(
            rows, None if position is None else walk.write(position), complete, stands
        )

    def walk(
        self,
        wanted: Filter,
        rows: int,
        order: Order = "newest",
        limit_s: float = WALK_S,
        *,
        partial: bool = False,
    ) -> Iterator[bytes]:
        """The payloads of at most `rows` results, one short query after the other, so that the
        ledger is never held.

        After `limit_s` it ends there if `partial`, else it raises Problem QUERY_LIMIT.
        """
        walk, position, left = Walk(wanted, order), None, rows
        until = time.monotonic() + limit_s
        while left > 0:
            if time.monotonic() > until:
                if partial:
                    return
                raise Problem("QUERY_LIMIT", f"it was ended after {limit_s:g} s")
            with self.ledger.connection(LIMIT_S) as db:
                step = min(left, PAYLOADS)
                numbers, position, _ = walk.search(
                    db, position, step, time.monotonic() + self._budget_s
                )
                payloads = [
                    db.execute("SELECT payload FROM results WHERE id = ?", (each,)).fetchone()
                    for each in numbers
                ]
            for payload in payloads:
                if payload is not None:  # pruned in between
                    yield payload[0]
            left -= len(numbers)
            if position is None:
                return

    def one(self, result_id: str) -> bytes:
        """The result as published, byte for byte. Raises Problem RESULT_NOT_FOUND."""
        row = self.ledger.row("SELECT payload FROM results WHERE result_id = ?", (result_id,))
        if row is None:
            raise Problem("RESULT_NOT_FOUND", f"{result_id!r:.80}")
        return bytes(row[0])

    def of_trigger(self, station: str, trigger_id: str) -> bytes | None:
        """The result of a trigger, None while there is none."""
        with self.ledger.connection(LIMIT_S) as db:
            sql = (
                "SELECT r.payload FROM triggers t JOIN results r ON r.id = t.id WHERE t.station = ?"
                " AND t.trigger_id = ?"
            )
            row = db.execute(sql, (station, trigger_id)).fetchone()
        return None if row is None else bytes(row[0])

    def active(self) -> dict[str, str]:
        """The program that each station remembers; stations that were never told one are
        missing."""
        with self.ledger.connection(LIMIT_S) as db:
            return dict(
                db.execute(
                    "SELECT station, program FROM stations WHERE program IS NOT NULL"
                ).fetchall()
            )

    def beside(self, station: str, seq: int) -> tuple[str | None, str | None]:
        """The results of a station before and after a seq, None where there is none."""
        with self.ledger.connection(LIMIT_S) as db:
            sql = (
                "SELECT result_id FROM results WHERE station = ? AND seq {} ? ORDER BY seq {}"
                " LIMIT 1"
            )
            rows = [
                db.execute(sql.format(*each), (station, seq)).fetchone()
                for each in (("<", "DESC"), (">", "ASC"))
            ]
        before, after = (None if row is None else str(row[0]) for row in rows)
        return before, after

    def codes(self) -> list[str]:
        """Every error code that some result has, in the order of the alphabet: one step down the
        index for each."""
        sql = (
            "SELECT min(code) FROM results INDEXED BY results_by_code WHERE code IS NOT NULL AND"
            " code > ?"
        )
        codes = [""]
        with self.ledger.connection(LIMIT_S) as db:
            while (code := db.execute(sql, (codes[-1],)).fetchone()[0]) is not None:
                codes.append(code)
        return codes[1:]

    def after(self, station: str, seq: int, limit: int) -> list[tuple[int, bytes]]:
        """(seq, payload) of a station's results above a seq, in order: what a stream has missed."""
        with self.ledger.connection(LIMIT_S) as db:
            sql = (
                "SELECT seq, payload FROM results WHERE station = ? AND seq > ? ORDER BY seq"
                " LIMIT ?"
            )
            return [(row[0], bytes(row[1])) for row in db.execute(sql, (station, seq, limit))]

    def newest(self, station: str, count: int) -> list[BriefPart]:
        """The last parts of a station, the newest first."""
        with self.ledger.connection(LIMIT_S) as db:
            rows = db.execute(
                "SELECT seq, verdict, finished_at FROM results"
                " WHERE station = ? ORDER BY seq DESC LIMIT ?",
                (station, count),
            ).fetchall()
        return [BriefPart(seq, verdict, utc(at)) for seq, verdict, at in rows]

    def last_seq(self, station: str) -> int:
        """The greatest seq of a station, 0 if none."""
        with self.ledger.connection(LIMIT_S) as db:
            row = db.execute(
                "SELECT coalesce(max(seq), 0) FROM results WHERE station = ?", (station,)
            ).fetchone()
        return int(row[0])


def _row(values: tuple[Any, ...]) -> HistoryRow:
    reason = None if values[12] is None else why(bytes(values[12]))
    return HistoryRow(*values)._replace(
        finished_at=utc(values[9]), pictures=bool(values[11]), why=reason
    )
