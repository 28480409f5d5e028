"""What stations and commands remember over a restart."""

import sqlite3
import time
from typing import Any

from schemas.store.ledger.engine import Engine
from schemas.store.ledger.shapes import KeptReply, TakenCommand


class Replies(Engine):
    """See the head of this file."""

    def station(self, station: str) -> tuple[str | None, float, int, int]:
        """What a station remembers: program, reset_at, reset_seq, paused (0: it is not)."""
        rows = self.read(
            "SELECT program, reset_at, reset_seq, paused FROM stations WHERE station = ?",
            (station,),
        )
        return (rows[0][0], rows[0][1], rows[0][2], rows[0][3]) if rows else (None, 0.0, 0, 0)

    def remember(self, station: str, **values: Any) -> None:
        """Keep program or paused of a station."""
        self.write(lambda db: _remember(db, station, values))

    def reset_counters(self, station: str) -> tuple[float, int]:
        """Count a station's results from zero again; returns when that was (seconds since 1970),
        and its newest seq then."""

        def operation(db: sqlite3.Connection) -> tuple[float, int]:
            newest = db.execute(
                "SELECT coalesce(max(seq), 0) FROM results WHERE station = ?", (station,)
            ).fetchone()[0]
            at = time.time()
            _remember(db, station, {"reset_at": at, "reset_seq": newest})
            db.execute("DELETE FROM counters WHERE station = ?", (station,))
            return at, newest

        return self.write(operation)

    def reply(self, request_id: str) -> KeptReply | None:
        """The reply to a request that was answered before."""
        rows = self.read(
            "SELECT name, digest, payload FROM replies WHERE request_id = ?", (request_id,)
        )
        return KeptReply(*rows[0]) if rows else None

    def keep_reply(self, request_id: str, name: str, digest: bytes, payload: bytes) -> None:
        """Keep the reply of a request; digest is over the content of its command."""
        row = (request_id, name, payload, time.time(), digest, self.lived())
        sql = (
            "INSERT OR IGNORE INTO replies (request_id, name, payload, at, digest, lived_s) VALUES"
            " (?, ?, ?, ?, ?, ?)"
        )
        self.write(lambda db: db.execute(sql, row))

    def take_command(self, command: TakenCommand, *, durable: bool) -> int:
        """Commit a command that is to be answered; returns its row. Raises Problem STORE_FAILED: it
        is not in the ledger."""
        sql = f"INSERT INTO commands ({COLUMNS}, lived_s) VALUES (?, ?, ?, ?, ?, ?) RETURNING id"
        values = (*command, self.lived())

        def undo(db: sqlite3.Connection, row: int) -> None:
            db.execute(ANSWERED, (row,))

        return self.write(
            lambda db: int(db.execute(sql, values).fetchone()[0]), durable=durable, undo=undo
        )

    def read_command(self, row: int, request_id: str, digest: bytes) -> None:
        """A command that was taken before it was read is this one. Raises Problem STORE_FAILED."""
        sql = "UPDATE commands SET request_id = ?, digest = ? WHERE id = ?"
        self.write(lambda db: db.execute(sql, (request_id, digest, row)), durable=False)

    def commands(self) -> list[tuple[int, TakenCommand]]:
        """Commands whose reply the broker may not have, each with its row, oldest first."""
        rows = self.read(f"SELECT id, {COLUMNS} FROM commands ORDER BY id")
        return [(row[0], TakenCommand(*row[1:])) for row in rows]

    def command_answered(self, row: int) -> None:
        """The broker has the reply: the command's row goes with the next commit. Never raises, as
        answer_soon."""
        self.post(lambda db: db.execute(ANSWERED, (row,)), lambda *_: None, durable=False)
        if not self._flush_soon():
            self.flush()

    def probe(self) -> None:
        """Store as much as some results take, and remove it again. Raises Problem STORE_FAILED:
        there is no room for them."""
        sql = "INSERT OR REPLACE INTO replies (request_id, name, payload, at) VALUES (?, ?, ?, 0)"
        self.write(lambda db: db.execute(sql, PROBE))
        self.write(
            lambda db: db.execute(
                "DELETE FROM replies WHERE request_id = ? AND name = ?", PROBE[:2]
            ),
            durable=False,
        )


COLUMNS = "request_id, name, digest, response_topic, correlation"
ANSWERED = "DELETE FROM commands WHERE id = ?"
PROBE = ("probe", "", bytes(64 * 1024))


def _remember(db: sqlite3.Connection, station: str, values: dict[str, Any]) -> None:
    columns = ", ".join(f"{name} = excluded.{name}" for name in values)
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(
        f"INSERT INTO stations (station, {names}) VALUES (?, {marks}) ON CONFLICT DO UPDATE SET"
        f" {columns}",
        (station, *values.values()),
    )
