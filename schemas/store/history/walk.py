"""A filter along an index of the ledger, from a cursor.

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
from typing import Any, Literal, NamedTuple

from schemas.base import canonical, utc
from schemas.errors import Problem
from schemas.store.history.filter import Filter

WINDOW = 20_000  # entries of an index
PAYLOADS = 250  # rows whose payloads are read at a time


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
Position = tuple[float, ...]
Order = Literal["newest", "oldest"]


def along(wanted: Filter) -> Along:
    """The index that leaves the least to be tested."""
    if wanted.part_id is not None:
        return BY_PART
    if wanted.code is not None:
        return BY_CODE
    if wanted.verdict in ("NG", "ERROR"):
        return BY_VERDICT
    if wanted.since is None and wanted.until is None:
        if wanted.fixed() == {}:
            return BY_ID
        if list(wanted.fixed()) == ["station"]:
            return BY_SEQ
    return BY_TIME


class Walk:
    """One filter along its path, in one direction."""

    def __init__(self, wanted: Filter, order: Order) -> None:
        self.path = along(wanted)
        self.filter = wanted
        self._tag = hashlib.blake2b(
            canonical([wanted.model_dump(mode="json"), order]), digest_size=6
        ).hexdigest()
        self._less = "<" if order == "newest" else ">"
        direction = " DESC" if order == "newest" else ""
        self._order = ", ".join(column + direction for column in self.path.columns)
        terms, values = wanted.range()
        fixed = wanted.fixed()
        for column in self.path.answers:
            terms += f" AND {column} = ?"
            values.append(fixed.pop(column))
        if self.path is BY_VERDICT:
            # what the index is made for; the planner needs to see it
            terms += " AND verdict <> 'OK'"
        self._terms, self._values = terms, values
        self._rest = "".join(f" AND {column} = ?" for column in fixed)
        self._rest_values = list(fixed.values())

    def search(
        self, db: sqlite3.Connection, position: Position | None, limit: int, until: float
    ) -> tuple[list[int], Position | None, bool]:
        """Ids of up to `limit` results after `position`; where to go on, None at the end; and
        whether the search was complete, not cut short by `until`."""
        numbers: list[int] = []
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
            hits, end = tested(db, position, limit - len(numbers))
            numbers += [row[0] for row in hits]
            if len(numbers) == limit:
                return numbers, _position(hits[-1]), True
            if end is None:
                return numbers, None, True
            position = end
            if time.monotonic() > until:
                return numbers, position, False

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
        """(id, position...) of the entries after `start` up to `end`, that one included, that
        fulfil `rest`."""
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
