"""The history: filtered pages of results, newest or oldest first, and one result, read from the
ledger.

Theory of operation. A filter is answered along one index of the ledger (a path) from a position,
the cursor. What the index answers exactly takes the same time for a thousand results as for a
million. The rest of a filter (a program, a rare station, the value of a tool, which stands only in
the payload) is tested along the path, in windows, for at most BUDGET_S; then the page ends where
the search stands, with `complete` false, and its cursor goes on from there.

Order: without conditions the order of acceptance, of one station alone its `seq`; these do not
depend on any clock. Everything else is in the order of the time at which results were stored.
"""

import base64
import binascii
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from schemas.base import canonical, utc
from schemas.errors import Problem
from schemas.store.history.filter import Filter
from schemas.store.history.why import Why, why
from schemas.store.ledger.reader import Limited

MAX_LIMIT = 200
LIMIT_S = 5.0
BUDGET_S = 0.25
WALK_S = 900.0
WINDOW = 20_000  # entries of an index
PAYLOADS = 250  # rows whose payloads are read at a time


class Row(NamedTuple):
    """One result in a list."""

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


class Part(NamedTuple):
    """One part in brief."""

    seq: int
    verdict: str
    finished_at: str


class Page(NamedTuple):
    """A page. cursor: goes on after it, None at the end. complete: False if the search ended before
    the page was full.

    searched_to: when the result was stored at which an incomplete search stands.
    """

    rows: list[Row]
    cursor: str | None
    complete: bool
    searched_to: str | None = None


class Along(NamedTuple):
    """An index to walk along: its condition, its order, and the columns of a filter that its
    position answers."""

    name: str
    clause: str
    columns: tuple[str, ...]
    answers: tuple[str, ...]


BY_ID = Along("id", "NOT INDEXED", ("id",), ())
BY_SEQ = Along("seq", "INDEXED BY sqlite_autoindex_results_2", ("seq",), ("station",))
BY_TIME = Along("time", "INDEXED BY results_by_time", ("finished_at", "id"), ())
BY_VERDICT = Along("verdict", "INDEXED BY results_not_ok", ("finished_at", "id"), ("verdict",))
BY_CODE = Along("code", "INDEXED BY results_by_code", ("finished_at", "id"), ("code",))
BY_PART = Along("part", "INDEXED BY results_by_part", ("finished_at", "id"), ("part_id",))
COLUMNS = (
    "r.result_id, (SELECT trigger_id FROM triggers t WHERE t.id = r.id), r.station, r.seq,"
    " r.verdict, r.code, r.program, r.program_version, r.part_id, r.finished_at, r.duration_ms,"
    " r.pictures, CASE WHEN r.verdict <> 'OK' THEN r.payload END"
)

Position = tuple[float, ...]
Order = Literal["newest", "oldest"]


def along(filter: Filter) -> Along:
    """The index that leaves the least to be tested."""
    if filter.part_id is not None:
        return BY_PART
    if filter.code is not None:
        return BY_CODE
    if filter.verdict in ("NG", "ERROR"):
        return BY_VERDICT
    if filter.since is None and filter.until is None:
        if filter.fixed() == {}:
            return BY_ID
        if list(filter.fixed()) == ["station"]:
            return BY_SEQ
    return BY_TIME


class History:
    """The results in a ledger that another process writes. Raises Problem STORE_FAILED,
    STORE_NEWER, QUERY_LIMIT."""

    def __init__(self, ledger: Path, budget_s: float = BUDGET_S) -> None:
        self.limited = Limited(ledger)
        self._budget_s = budget_s

    def page(
        self,
        filter: Filter,
        limit: int = 50,
        cursor: str | None = None,
        order: Order = "newest",
        budget_s: float | None = None,
    ) -> Page:
        """At most `limit` results (1 to 200) after the cursor of an earlier page, searched for at
        most `budget_s`.

        Raises Problem VALIDATION_FAILED too.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise Problem("VALIDATION_FAILED", f"limit is 1 to {MAX_LIMIT}")
        walk = _Walk(filter, order)
        position = walk.read(cursor) if cursor is not None else None
        until = time.monotonic() + (self._budget_s if budget_s is None else budget_s)
        with self.limited.connection(LIMIT_S) as db:
            found, position, complete = walk.search(db, position, limit, until)
            rows = [
                _row(
                    db.execute(
                        f"SELECT {COLUMNS} FROM results r WHERE r.id = ?", (each,)
                    ).fetchone()
                )
                for each in found
            ]
            stands = None if complete or position is None else walk.time_of(db, position)
        return Page(rows, None if position is None else walk.write(position), complete, stands)

    def walk(
        self,
        filter: Filter,
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
        walk, position, left = _Walk(filter, order), None, rows
        until = time.monotonic() + limit_s
        while left > 0:
            if time.monotonic() > until:
                if partial:
                    return
                raise Problem("QUERY_LIMIT", f"it was ended after {limit_s:g} s")
            with self.limited.connection(LIMIT_S) as db:
                step = min(left, PAYLOADS)
                found, position, _ = walk.search(
                    db, position, step, time.monotonic() + self._budget_s
                )
                payloads = [
                    db.execute("SELECT payload FROM results WHERE id = ?", (each,)).fetchone()
                    for each in found
                ]
            for payload in payloads:
                if payload is not None:  # pruned in between
                    yield payload[0]
            left -= len(found)
            if position is None:
                return

    def one(self, result_id: str) -> bytes:
        """The result as published, byte for byte. Raises Problem RESULT_NOT_FOUND."""
        row = self.limited.row("SELECT payload FROM results WHERE result_id = ?", (result_id,))
        if row is None:
            raise Problem("RESULT_NOT_FOUND", f"{result_id!r:.80}")
        return bytes(row[0])

    def of_trigger(self, station: str, trigger_id: str) -> bytes | None:
        """The result of a trigger, None while there is none."""
        with self.limited.connection(LIMIT_S) as db:
            sql = (
                "SELECT r.payload FROM triggers t JOIN results r ON r.id = t.id WHERE t.station = ?"
                " AND t.trigger_id = ?"
            )
            row = db.execute(sql, (station, trigger_id)).fetchone()
        return None if row is None else bytes(row[0])

    def active(self) -> dict[str, str]:
        """The program that each station remembers; stations that were never told one are
        missing."""
        with self.limited.connection(LIMIT_S) as db:
            return dict(
                db.execute(
                    "SELECT station, program FROM stations WHERE program IS NOT NULL"
                ).fetchall()
            )

    def beside(self, station: str, seq: int) -> tuple[str | None, str | None]:
        """The results of a station before and after a seq, None where there is none."""
        with self.limited.connection(LIMIT_S) as db:
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
        found = [""]
        with self.limited.connection(LIMIT_S) as db:
            while (code := db.execute(sql, (found[-1],)).fetchone()[0]) is not None:
                found.append(code)
        return found[1:]

    def after(self, station: str, seq: int, limit: int) -> list[tuple[int, bytes]]:
        """(seq, payload) of a station's results above a seq, in order: what a stream has missed."""
        with self.limited.connection(LIMIT_S) as db:
            sql = (
                "SELECT seq, payload FROM results WHERE station = ? AND seq > ? ORDER BY seq"
                " LIMIT ?"
            )
            return [(row[0], bytes(row[1])) for row in db.execute(sql, (station, seq, limit))]

    def newest(self, station: str, count: int) -> list[Part]:
        """The last parts of a station, the newest first."""
        with self.limited.connection(LIMIT_S) as db:
            rows = db.execute(
                "SELECT seq, verdict, finished_at FROM results"
                " WHERE station = ? ORDER BY seq DESC LIMIT ?",
                (station, count),
            ).fetchall()
        return [Part(seq, verdict, utc(at)) for seq, verdict, at in rows]

    def last_seq(self, station: str) -> int:
        """The greatest seq of a station, 0 if none."""
        with self.limited.connection(LIMIT_S) as db:
            row = db.execute(
                "SELECT coalesce(max(seq), 0) FROM results WHERE station = ?", (station,)
            ).fetchone()
        return int(row[0])


class _Walk:
    """One filter along its path, in one direction."""

    def __init__(self, filter: Filter, order: Order) -> None:
        self.path = along(filter)
        self.filter = filter
        self._tag = hashlib.blake2b(
            canonical([filter.model_dump(mode="json"), order]), digest_size=6
        ).hexdigest()
        self._less = "<" if order == "newest" else ">"
        direction = " DESC" if order == "newest" else ""
        self._order = ", ".join(column + direction for column in self.path.columns)
        terms, values = filter.range()
        fixed = filter.fixed()
        for column in self.path.answers:
            terms += f" AND {column} = ?"
            values.append(fixed.pop(column))
        if self.path is BY_VERDICT:
            # what the index is made for; the planner wants to see it
            terms += " AND verdict <> 'OK'"
        self._terms, self._values = terms, values
        self._rest = "".join(f" AND {column} = ?" for column in fixed)
        self._rest_values = list(fixed.values())

    def search(
        self, db: sqlite3.Connection, position: Position | None, limit: int, until: float
    ) -> tuple[list[int], Position | None, bool]:
        """Ids of up to `limit` results after `position`; where to go on, None at the end; whether
        it was searched enough."""
        found: list[int] = []
        tested = self._by_payload if self.filter.tool is not None else self._by_column
        while True:
            if not self._rest and self.filter.tool is None:
                hits = self._entries(db, position, None, "", [], limit + 1)
                more = len(hits) > limit
                return (
                    [row[0] for row in hits[:limit]],
                    _position(hits[limit - 1]) if more else None,
                    True,
                )
            hits, end = tested(db, position, limit - len(found))
            found += [row[0] for row in hits]
            if len(found) == limit:
                return found, _position(hits[-1]), True
            if end is None:
                return found, None, True
            position = end
            if time.monotonic() > until:
                return found, position, False

    def _by_column(
        self, db: sqlite3.Connection, position: Position | None, limit: int
    ) -> tuple[list[tuple[Any, ...]], Position | None]:
        """Hits in the next window by conditions on columns, and the window's end, None if it was
        the last."""
        after, values = self._after(position)
        row = db.execute(
            f"SELECT {', '.join(self.path.columns)} FROM results {self.path.clause} WHERE"
            f" {self._terms}{after} ORDER BY {self._order} LIMIT 1 OFFSET {WINDOW - 1}",
            [*self._values, *values],
        ).fetchone()
        end = None if row is None else tuple(row)
        return self._entries(db, position, end, self._rest, self._rest_values, limit), end

    def _by_payload(
        self, db: sqlite3.Connection, position: Position | None, limit: int
    ) -> tuple[list[tuple[Any, ...]], Position | None]:
        """The same by a condition on a tool, for a few rows."""
        if self._rest:
            window, end = self._by_column(db, position, PAYLOADS)
            if len(window) == PAYLOADS:
                end = _position(window[-1])
        else:
            window = self._entries(db, position, None, "", [], PAYLOADS)
            end = _position(window[-1]) if len(window) == PAYLOADS else None
        hits = []
        for row in window:
            payload = db.execute("SELECT payload FROM results WHERE id = ?", (row[0],)).fetchone()
            if payload is not None and self.filter.admits(payload[0]):
                hits.append(row)
                if len(hits) == limit:
                    break
        return hits, end

    def _entries(
        self,
        db: sqlite3.Connection,
        start: Position | None,
        end: Position | None,
        rest: str,
        rest_values: list[Any],
        limit: int,
    ) -> list[tuple[Any, ...]]:
        """(id, position...) of the entries after `start` up to and with `end` that fulfil
        `rest`."""
        after, values = self._after(start)
        up_to = ""
        if end is not None:
            up_to = (
                f" AND ({', '.join(self.path.columns)}) {'>=' if self._less == '<' else '<='}"
                f" ({_marks(end)})"
            )
            values = [*values, *end]
        return db.execute(
            f"SELECT id, {', '.join(self.path.columns)} FROM results {self.path.clause}"
            f" WHERE {self._terms}{after}{up_to}{rest} ORDER BY {self._order} LIMIT ?",
            [*self._values, *values, *rest_values, limit],
        ).fetchall()

    def _after(self, position: Position | None) -> tuple[str, list[Any]]:
        if position is None:
            return "", []
        return f" AND ({', '.join(self.path.columns)}) {self._less} ({_marks(position)})", list(
            position
        )

    def time_of(self, db: sqlite3.Connection, position: Position) -> str | None:
        """When the result at a position was stored; None if it has just been pruned."""
        if self.path.columns[0] == "finished_at":
            return utc(position[0])
        terms = " AND ".join(f"{column} = ?" for column in (*self.path.columns, *self.path.answers))
        fixed = self.filter.fixed()
        row = db.execute(
            f"SELECT finished_at FROM results WHERE {terms}",
            [*position, *(fixed[column] for column in self.path.answers)],
        ).fetchone()
        return None if row is None else utc(row[0])

    def write(self, position: Position) -> str:
        """A position as a cursor, which means something for this filter and order only."""
        return (
            base64.urlsafe_b64encode(json.dumps([self._tag, *position]).encode())
            .decode()
            .rstrip("=")
        )

    def read(self, cursor: str) -> Position:
        """The position in a cursor. Raises Problem VALIDATION_FAILED."""
        try:
            if len(cursor) > 200:
                raise ValueError
            data = base64.b64decode(
                cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True
            )
            tag, *values = json.loads(data)
        except (ValueError, binascii.Error, TypeError, RecursionError):
            raise Problem("VALIDATION_FAILED", "cursor: it is not one of ours") from None
        kinds = [float if column == "finished_at" else int for column in self.path.columns]
        if tag != self._tag:
            raise Problem("VALIDATION_FAILED", "cursor: it belongs to another filter or order")
        if [type(value) for value in values] != kinds or not all(
            abs(value) < 2**62 for value in values
        ):
            raise Problem("VALIDATION_FAILED", "cursor: it is not one of ours")
        return tuple(values)


def _position(row: tuple[Any, ...]) -> Position:
    return tuple(row[1:])


def _marks(position: Position) -> str:
    return ", ".join("?" * len(position))


def _row(values: tuple[Any, ...]) -> Row:
    reason = None if values[12] is None else why(bytes(values[12]))
    return Row(*values)._replace(finished_at=utc(values[9]), pictures=bool(values[11]), why=reason)
