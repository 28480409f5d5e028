"""Triggers and their results: each id once, each with one answer that never changes, seq without
gaps."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Sequence

from schemas.result import Result
from schemas.store.ledger.engine import Engine
from schemas.store.ledger.shapes import (
    AlreadyAnswered,
    Answer,
    Duplicate,
    LedgerEntry,
    NewTrigger,
    OutboxRow,
    Settled,
    TriggerStored,
    WaitingTrigger,
)

NEWEST = 20_000  # triggers that may still come again over a new connection


class Triggers(Engine):
    """See the head of this file."""

    def accept(self, new: NewTrigger) -> TriggerStored | Duplicate:
        """Commit a trigger, unless its id is known at this station. Raises Problem STORE_FAILED: it
        is not in the ledger."""
        return self.accept_all([LedgerEntry(new)])[0]

    def accept_answered(
        self, new: NewTrigger, build: Callable[[int], Result]
    ) -> TriggerStored | Duplicate:
        """Commit a trigger that is answered at once (stale, overrun, not a trigger) together with
        its result."""
        return self.accept_all([LedgerEntry(new, build)])[0]

    def accept_all(self, entries: Sequence[LedgerEntry]) -> list[TriggerStored | Duplicate]:
        """Commit triggers in one transaction, in their order, all or none; what became of each.

        Raises Problem STORE_FAILED or what a `build` raised: none of them is in the ledger.
        """

        def operation(db: sqlite3.Connection) -> list[TriggerStored | Duplicate]:
            answers: list[TriggerStored | Duplicate] = []
            for new, build in entries:
                accepted = self._accept(db, new, waits=build is None)
                if build is not None and isinstance(accepted, TriggerStored):
                    self._store(db, accepted.id, new.station, build)
                answers.append(accepted)
            return answers

        def undo(db: sqlite3.Connection, answers: list[TriggerStored | Duplicate]) -> None:
            for each in answers:  # what was answered in the same commit has gone out and stays
                if (
                    isinstance(each, TriggerStored)
                    and db.execute("DELETE FROM waiting WHERE id = ?", (each.id,)).rowcount
                ):
                    db.execute("DELETE FROM triggers WHERE id = ?", (each.id,))

        return self.write(operation, undo=undo)

    def answer(self, trigger: int, station: str, build: Callable[[int], Result]) -> Result:
        """Commit the result of a waiting trigger; `build` gets its seq. Raises AlreadyAnswered,
        Problem STORE_FAILED."""
        return self.write(lambda db: self._answer(db, trigger, station, build))

    def answer_soon(
        self, trigger: int, station: str, build: Callable[[int], Result], settled: Settled
    ) -> None:
        """Like answer, but with the next commit: settled(result, error) tells. At once if nobody
        else is there to commit.

        Never raises: while another process holds the ledger the result keeps its place in the line;
        error is Problem STORE_FAILED if it could not be written (the caller may post it again),
        AlreadyAnswered if it has one, or what `build` raised.
        """
        self.post(lambda db: self._answer(db, trigger, station, build), settled)
        if not self._flush_soon():
            self.flush()

    def assigned(self, new: NewTrigger) -> str | None:
        """The id that was assigned to the newest trigger with this content, None if there is none
        among the last ones."""
        rows = self.read(
            "SELECT trigger_id FROM triggers WHERE id > (SELECT max(id) FROM triggers) - ? AND"
            " station = ? AND assigned AND digest = ? AND source = ? ORDER BY id DESC LIMIT 1",
            (NEWEST, new.station, _digest(new), new.source),
        )
        return rows[0][0] if rows else None

    def waiting(self) -> list[WaitingTrigger]:
        """Every trigger without a result, oldest first."""
        rows = self.read(
            "SELECT t.id, t.station, t.trigger_id, t.body, t.assigned, t.source, t.received_at,"
            " t.received_ns, t.boot = ?, w.older_ms FROM waiting w JOIN triggers t ON t.id = w.id"
            " ORDER BY t.id",
            (self.boot,),
        )
        return [
            WaitingTrigger._make((*row[:4], bool(row[4]), *row[5:8], bool(row[8]), row[9]))
            for row in rows
        ]

    def _accept(
        self, db: sqlite3.Connection, new: NewTrigger, *, waits: bool
    ) -> TriggerStored | Duplicate:
        digest = _digest(new)
        row = db.execute(
            "INSERT INTO triggers (station, trigger_id, digest, body, assigned, source,"
            " received_at, received_ns, boot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO"
            " NOTHING RETURNING id",
            (
                new.station,
                new.trigger_id,
                digest,
                new.body,
                new.assigned,
                new.source,
                new.received_at,
                new.received_ns,
                self.boot,
            ),
        ).fetchone()
        if row is None:
            return self._duplicate(db, new, digest)
        if waits:
            db.execute("INSERT INTO waiting (id, older_ms) VALUES (?, ?)", (row[0], new.older_ms))
        assert self._job is not None
        self._job.trigger = row[0]
        return TriggerStored(row[0])

    def _duplicate(self, db: sqlite3.Connection, new: NewTrigger, digest: bytes) -> Duplicate:
        known = db.execute(
            "SELECT t.digest, coalesce(r.result_id, a.result_id), coalesce(r.seq, a.seq),"
            " coalesce(r.verdict, a.verdict) FROM triggers t LEFT JOIN results r ON r.id = t.id"
            " LEFT JOIN answered a ON a.id = t.id WHERE t.station = ? AND t.trigger_id = ?",
            (new.station, new.trigger_id),
        ).fetchone()
        return Duplicate(known[0] != digest, Answer(*known[1:]) if known[1] is not None else None)

    def _answer(
        self, db: sqlite3.Connection, trigger: int, station: str, build: Callable[[int], Result]
    ) -> Result:
        if not db.execute("DELETE FROM waiting WHERE id = ?", (trigger,)).rowcount:
            raise AlreadyAnswered
        return self._store(db, trigger, station, build)

    def _store(
        self, db: sqlite3.Connection, trigger: int, station: str, build: Callable[[int], Result]
    ) -> Result:
        seq = self._seq.get(station)
        if seq is None:
            newest = db.execute(
                "SELECT coalesce(max(seq), 0) FROM results WHERE station = ?", (station,)
            ).fetchone()[0]
            seq = max(newest, self._floor.get(station, 0))
        seq += 1
        result = build(seq)
        payload = result.model_dump_json(by_alias=True).encode()
        db.execute(
            "INSERT INTO results (id, result_id, station, seq, verdict, code, program,"
            " program_version, part_id, finished_at, duration_ms, pictures, payload) VALUES (?, ?,"
            " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                trigger,
                result.result_id,
                station,
                seq,
                result.verdict,
                result.error.code if result.error else None,
                result.program,
                result.program_version,
                result.part_id,
                time.time(),
                result.duration_ms,
                result.images.raw is not None,
                payload,
            ),
        )
        sql = "INSERT INTO outbox (result, lived_s) VALUES (?, ?) RETURNING id"
        row = db.execute(sql, (trigger, self.lived())).fetchone()
        self._seq[station] = seq
        assert self._job is not None
        self._job.seq[station] = seq
        self._job.outbox.append(OutboxRow(row[0], result.result_id, station, payload))
        return result


def _digest(new: NewTrigger) -> bytes:
    return hashlib.blake2b(new.payload, digest_size=16).digest()
