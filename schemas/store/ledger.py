"""The ledger: triggers, results and the outbox in SQLite (WAL, synchronous FULL), one writer with group commit.

Group commit without a writer thread: a caller puts its operation into the line and takes the lock; whoever holds the lock
commits all that stand in line in one transaction, the others find theirs done (flat combining: Hendler et al., SPAA 2010).
So a lone commit costs no hand-over between threads, and many at a time cost one fsync. What need not be waited for is
posted: it goes with the next commit, or with a flush by the thread that is asked for one. Committed results are handed
to `committed` in the order of their commits, before the next commit can begin.
"""

import contextlib
import hashlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from schemas.base import utc
from schemas.errors import Problem
from schemas.result import Result, Source
from schemas.store.disk import failed, new_database

log = logging.getLogger(__name__)
T = TypeVar("T")
MIGRATIONS = ("ledger.sql", "ledger-2.sql")
BUSY_S = 10.0
BATCH_LIMIT = 256
QUICK_CHECK_BYTES = 16 * 1024 * 1024
PRUNE_ROWS = 500


class NewTrigger(NamedTuple):
    """One trigger on its way into the ledger."""

    station: str
    trigger_id: str
    payload: bytes
    body: str
    assigned: bool
    source: Source
    received_at: float
    received_ns: int


class WaitingTrigger(NamedTuple):
    """A trigger without a result; `this_boot` tells whether received_ns can be compared with now."""

    id: int
    station: str
    trigger_id: str
    body: str
    assigned: bool
    source: Source
    received_at: float
    received_ns: int
    this_boot: bool


class Accepted(NamedTuple):
    """The trigger is new and now in the ledger."""

    id: int


class Duplicate(NamedTuple):
    """The id was known; `differs` if its payload was another."""

    differs: bool


class OutboxRow(NamedTuple):
    """A committed result that the broker has not confirmed."""

    id: int
    result_id: str
    station: str
    payload: bytes


class AlreadyAnswered(Exception):
    """The trigger has its result; it never changes. Not an error of the store."""


Settled = Callable[[Any, BaseException | None], None]


class _Job:
    __slots__ = ("done", "durable", "error", "operation", "outbox", "settled", "value")

    def __init__(self, operation: Callable[["sqlite3.Connection"], Any], durable: bool, settled: Settled | None = None) -> None:
        self.operation = operation
        self.durable = durable
        self.settled = settled
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.outbox: list[OutboxRow] = []


class Ledger:
    """The ledger of one node. All methods may be called from any thread.

    committed(rows) hears of results in the order of their commits; flush_soon() asks another thread to flush, and is False if
    there is none.
    """

    def __init__(
        self,
        path: Path,
        committed: Callable[[list[OutboxRow]], None] = lambda _: None,
        flush_soon: Callable[[], bool] = lambda: False,
    ) -> None:
        self.path = path
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._committed = committed
        self._flush_soon = flush_soon
        self.commits = 0
        self.quarantined: Path | None = None
        self._line: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._seq: dict[str, int] = {}
        self._readers = threading.local()
        self._job: _Job | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = self._open()

    # Opening

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise Problem("STORE_FAILED", f"{self.path}: {error}") from error
            self.quarantined = self.path.with_name(f"{self.path.name}.corrupt-{utc().replace(':', '')}")
            for suffix in ("", "-wal", "-shm"):
                part = Path(f"{self.path}{suffix}")
                if part.exists():
                    part.rename(f"{self.quarantined}{suffix}")
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        try:
            new_database(self.path)
        except OSError as error:
            raise failed(self.path.name, error) from error
        db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA wal_autocheckpoint=0")  # checkpoint() does it, outside the inspection path
            db.execute("PRAGMA cache_size=-2048")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise Problem("STORE_NEWER", f"{self.path} has version {version}, this node knows {len(MIGRATIONS)}")
            if version and self.path.stat().st_size <= QUICK_CHECK_BYTES:
                answer = db.execute("PRAGMA quick_check(1)").fetchone()[0]
                if answer != "ok":
                    raise sqlite3.DatabaseError(f"malformed: {answer}")
            self._migrate(db, version)
        except BaseException:
            db.close()
            raise
        return db

    def _migrate(self, db: sqlite3.Connection, version: int) -> None:
        if 0 < version < len(MIGRATIONS):
            with sqlite3.connect(self.path.with_name(f"{self.path.name}.before-{version + 1}")) as copy:
                db.backup(copy)
        for number, name in enumerate(MIGRATIONS[version:], version + 1):
            script = files("schemas.store").joinpath(name).read_text()
            db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={number};\nCOMMIT;")

    def close(self) -> None:
        """Checkpoint and close; nothing may be written afterwards."""
        with self._lock:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()

    # Writing

    def write(self, operation: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Run `operation` in a transaction that is committed when this returns.

        durable=False spares the fsync: the commit survives the end of the process, but not a power cut.
        Raises what the operation raised (nothing of it is kept), or Problem STORE_FAILED.
        """
        job = _Job(operation, durable)
        self._line.append(job)
        self.flush()
        if job.error is not None:
            raise job.error
        return job.value  # type: ignore[no-any-return]

    def post(self, operation: Callable[[sqlite3.Connection], Any], settled: Settled, *, durable: bool = True) -> None:
        """Put an operation into the line of the next commit, whoever makes it, and go on.

        settled(value, error) is called after that commit, by the thread that made it; it must be quick.
        """
        self._line.append(_Job(operation, durable, settled))

    def flush(self) -> None:
        """Commit what stands in line, or wait for who is just doing that.

        Raises Problem STORE_FAILED if another thread holds the ledger too long.
        """
        if not self._lock.acquire(timeout=3 * BUSY_S):
            raise Problem("STORE_FAILED", "the ledger is held too long by another thread")
        try:
            while self._line:
                self._commit([self._line.popleft() for _ in range(min(len(self._line), BATCH_LIMIT))])
        finally:
            self._lock.release()

    def _commit(self, jobs: list[_Job]) -> None:
        durable = any(job.durable for job in jobs)
        try:
            if not durable:
                self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._run(job, alone=len(jobs) == 1)
            self._db.execute("COMMIT")
            self.commits += 1
        except BaseException as error:
            self._seq.clear()
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            failed = Problem("STORE_FAILED", str(error)) if isinstance(error, sqlite3.Error) else error
            for job in jobs:
                job.error = job.error or failed
                job.outbox.clear()
            if not isinstance(error, Exception):
                raise
        finally:
            if not durable:
                self._db.execute("PRAGMA synchronous=FULL")
            for job in jobs:
                job.done = True
        rows = [row for job in jobs for row in job.outbox]
        if rows:
            self._committed(rows)
        for job in jobs:
            if job.settled is not None:
                try:
                    job.settled(job.value, job.error)
                except Exception:  # the commit stands, whatever its owner makes of it
                    log.exception("after a commit")

    def _run(self, job: _Job, *, alone: bool) -> None:
        self._job = job
        if alone:
            job.value = job.operation(self._db)
            return
        self._db.execute("SAVEPOINT job")
        try:
            job.value = job.operation(self._db)
        except sqlite3.OperationalError:
            raise  # disk full, I/O error: the whole batch fails
        except Exception as error:
            job.error = error
            job.outbox.clear()
            self._seq.clear()
            self._db.execute("ROLLBACK TO job")
        self._db.execute("RELEASE job")

    # Triggers and results

    def accept(self, new: NewTrigger) -> Accepted | Duplicate:
        """Commit a trigger, unless its id is known at this station. Raises Problem STORE_FAILED."""
        return self.write(lambda db: self._accept(db, new))

    def accept_answered(self, new: NewTrigger, build: Callable[[int], Result]) -> Accepted | Duplicate:
        """Commit a trigger that is answered at once (stale, overrun, not a trigger) together with its result."""

        def operation(db: sqlite3.Connection) -> Accepted | Duplicate:
            answer = self._accept(db, new)
            if isinstance(answer, Accepted):
                self._answer(db, answer.id, new.station, build)
            return answer

        return self.write(operation)

    def answer(self, trigger: int, station: str, build: Callable[[int], Result]) -> Result:
        """Commit the result of a waiting trigger; `build` gets its seq. Raises AlreadyAnswered, Problem STORE_FAILED."""
        return self.write(lambda db: self._answer(db, trigger, station, build))

    def answer_soon(self, trigger: int, station: str, build: Callable[[int], Result], settled: Settled) -> None:
        """Like answer, but with the next commit: settled(result, error) tells. At once if nobody else is there to commit."""
        self.post(lambda db: self._answer(db, trigger, station, build), settled)
        if not self._flush_soon():
            self.flush()

    def _accept(self, db: sqlite3.Connection, new: NewTrigger) -> Accepted | Duplicate:
        digest = hashlib.blake2b(new.payload, digest_size=16).digest()
        row = db.execute(
            "INSERT INTO triggers (station, trigger_id, digest, body, assigned, source, received_at, received_ns, boot)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
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
            known = db.execute(
                "SELECT digest FROM triggers WHERE station = ? AND trigger_id = ?", (new.station, new.trigger_id)
            ).fetchone()
            return Duplicate(known[0] != digest)
        db.execute("INSERT INTO waiting (id) VALUES (?)", row)
        return Accepted(row[0])

    def _answer(self, db: sqlite3.Connection, trigger: int, station: str, build: Callable[[int], Result]) -> Result:
        if not db.execute("DELETE FROM waiting WHERE id = ?", (trigger,)).rowcount:
            raise AlreadyAnswered
        seq = self._seq.get(station)
        if seq is None:
            seq = db.execute("SELECT coalesce(max(seq), 0) FROM results WHERE station = ?", (station,)).fetchone()[0]
        seq += 1
        result = build(seq)
        payload = result.model_dump_json(by_alias=True).encode()
        db.execute(
            "INSERT INTO results (id, result_id, station, seq, verdict, code, program, program_version, part_id,"
            " finished_at, duration_ms, pictures, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        row = db.execute("INSERT INTO outbox (result) VALUES (?) RETURNING id", (trigger,)).fetchone()
        self._seq[station] = seq
        assert self._job is not None
        self._job.outbox.append(OutboxRow(row[0], result.result_id, station, payload))
        return result

    def waiting(self) -> list[WaitingTrigger]:
        """Every trigger without a result, oldest first."""
        rows = self.read(
            "SELECT t.id, t.station, t.trigger_id, t.body, t.assigned, t.source, t.received_at, t.received_ns,"
            " t.boot = ? FROM waiting w JOIN triggers t ON t.id = w.id ORDER BY t.id",
            (self.boot,),
        )
        return [WaitingTrigger._make((*row[:4], bool(row[4]), *row[5:8], bool(row[8]))) for row in rows]

    # Outbox

    def pending(self, after: int, limit: int, station: str | None = None) -> list[OutboxRow]:
        """Unconfirmed results (of one station) with an outbox id above `after`, oldest first."""
        rows = self.read(
            "SELECT o.id, r.result_id, r.station, r.payload FROM outbox o JOIN results r ON r.id = o.result"
            " WHERE o.id > ? AND (? IS NULL OR r.station = ?) ORDER BY o.id LIMIT ?",
            (after, station, station, limit),
        )
        return [OutboxRow(*row) for row in rows]

    def pending_stations(self) -> list[str]:
        """Stations that have unconfirmed results."""
        return [row[0] for row in self.read("SELECT DISTINCT r.station FROM outbox o JOIN results r ON r.id = o.result")]

    def confirmed(self, result_ids: Iterable[str]) -> None:
        """The broker has them: they leave the outbox. Survives `kill -9`, not a power cut (see `attempt`)."""
        ids = [(result_id,) for result_id in result_ids]
        sql = "DELETE FROM outbox WHERE result = (SELECT id FROM results WHERE result_id = ?)"
        self.write(lambda db: db.executemany(sql, ids), durable=False)

    def confirm_soon(self, result_id: str, settled: Callable[[], None]) -> None:
        """Like confirmed, with the next commit; settled() is called if that was made."""
        sql = "DELETE FROM outbox WHERE result = (SELECT id FROM results WHERE result_id = ?)"
        self.post(
            lambda db: db.execute(sql, (result_id,)), lambda _, error: settled() if error is None else None, durable=False
        )

    def outbox_depth(self) -> tuple[int, float]:
        """How many results wait for the broker, and the age of the oldest in seconds."""
        count, oldest = self.read(
            "SELECT (SELECT count(*) FROM outbox), (SELECT r.finished_at FROM outbox o JOIN results r ON r.id = o.result"
            " ORDER BY o.id LIMIT 1)"
        )[0]
        return count, max(0.0, time.time() - oldest) if oldest else 0.0

    def outbox_last(self) -> int:
        """The greatest outbox id ever given, 0 if none."""
        rows = self.read("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
        return int(rows[0][0]) if rows else 0

    # Stations and replies

    def station(self, station: str) -> tuple[str | None, float, int, bool]:
        """What a station remembers: program, reset_at, reset_seq, paused."""
        rows = self.read("SELECT program, reset_at, reset_seq, paused FROM stations WHERE station = ?", (station,))
        return (rows[0][0], rows[0][1], rows[0][2], bool(rows[0][3])) if rows else (None, 0.0, 0, False)

    def remember(self, station: str, **values: Any) -> None:
        """Keep program, reset_at, reset_seq or paused of a station."""
        columns = ", ".join(f"{name} = excluded.{name}" for name in values)
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.write(
            lambda db: db.execute(
                f"INSERT INTO stations (station, {names}) VALUES (?, {marks}) ON CONFLICT DO UPDATE SET {columns}",
                (station, *values.values()),
            )
        )

    def reply(self, request_id: str) -> tuple[str, bytes] | None:
        """The command name and reply of a request that was answered before."""
        rows = self.read("SELECT name, payload FROM replies WHERE request_id = ?", (request_id,))
        return (rows[0][0], rows[0][1]) if rows else None

    def keep_reply(self, request_id: str, name: str, payload: bytes) -> None:
        """Keep the reply of a request."""
        row = (request_id, name, payload, time.time())
        self.write(lambda db: db.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)", row))

    # History

    def counts(self, station: str, after_seq: int = 0) -> dict[str, int]:
        """Results by verdict with a seq above `after_seq`."""
        return dict(
            self.read(
                "SELECT verdict, count(*) FROM results WHERE station = ? AND seq > ? GROUP BY verdict", (station, after_seq)
            )
        )

    def last_seq(self, station: str) -> int:
        """The greatest seq of a station, 0 if none."""
        return int(self.read("SELECT coalesce(max(seq), 0) FROM results WHERE station = ?", (station,))[0][0])

    def results(
        self,
        station: str,
        result_ids: Iterable[str] = (),
        trigger_ids: Iterable[str] = (),
        seqs: tuple[int, int] | None = None,
    ) -> list[bytes]:
        """Stored payloads of a station by result id, trigger id or range of seq, in the order of seq."""
        found: dict[int, bytes] = {}
        for trigger_id in trigger_ids:
            found.update(
                self.read(
                    "SELECT r.seq, r.payload FROM triggers t JOIN results r ON r.id = t.id"
                    " WHERE t.station = ? AND t.trigger_id = ?",
                    (station, trigger_id),
                )
            )
        wanted = list(result_ids)
        if wanted:
            marks = ", ".join("?" * len(wanted))
            found.update(
                self.read(f"SELECT seq, payload FROM results WHERE station = ? AND result_id IN ({marks})", (station, *wanted))
            )
        if seqs:
            found.update(
                self.read("SELECT seq, payload FROM results WHERE station = ? AND seq BETWEEN ? AND ?", (station, *seqs))
            )
        return [payload for _, payload in sorted(found.items())]

    def pictured(self, result_ids: Iterable[str]) -> set[str]:
        """Which of these results exist."""
        wanted = list(result_ids)
        marks = ", ".join("?" * len(wanted))
        return {row[0] for row in self.read(f"SELECT result_id FROM results WHERE result_id IN ({marks})", tuple(wanted))}

    def with_pictures(self, after: int, limit: int) -> list[tuple[int, str]]:
        """(id, result id) of results that say they have pictures, from id `after` on."""
        return self.read("SELECT id, result_id FROM results WHERE id > ? AND pictures ORDER BY id LIMIT ?", (after, limit))

    def without_pictures(self, ids: Iterable[int]) -> None:
        """The pictures of these results are gone."""
        rows = [(row,) for row in ids]
        self.write(lambda db: db.executemany("UPDATE results SET pictures = 0 WHERE id = ?", rows), durable=False)

    # Care

    def prune(self, *, max_count: int, max_age_s: float, dedupe_s: float, reply_s: float = 86400.0) -> int:
        """Remove some of the results, triggers and replies that are past their limits; how many results went.

        Never what waits in the outbox, never the newest result of a station (its seq must go on), and never a trigger
        id within the dedupe window. Call again while the answer is not 0.
        """
        now = time.time()

        def operation(db: sqlite3.Connection) -> int:
            newest = db.execute("SELECT coalesce(max(id), 0) FROM results").fetchone()[0]
            gone = [
                row[0]
                for row in db.execute(
                    "SELECT r.id FROM (SELECT * FROM results ORDER BY id LIMIT ?) r"
                    " WHERE (r.id <= ? OR r.finished_at < ?) AND r.id NOT IN (SELECT result FROM outbox)"
                    " AND r.seq < (SELECT max(seq) FROM results WHERE station = r.station)",
                    (PRUNE_ROWS, newest - max_count, now - max_age_s),
                )
            ]
            db.executemany("DELETE FROM results WHERE id = ?", [(row,) for row in gone])
            db.execute(
                "DELETE FROM triggers WHERE id IN (SELECT t.id FROM (SELECT * FROM triggers ORDER BY id LIMIT ?) t"
                " WHERE t.received_at < ? AND t.id NOT IN (SELECT id FROM results) AND t.id NOT IN (SELECT id FROM waiting))",
                (PRUNE_ROWS, now - dedupe_s),
            )
            db.execute("DELETE FROM replies WHERE at < ?", (now - reply_s,))
            return len(gone)

        return self.write(operation)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database, on a connection of its own, without stopping the writer."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=0.1, isolation_level=None)) as db:
            busy, pages, moved = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not busy and pages > 16384 and moved < pages:  # 64 MB behind: hold the writer for once
            with self._lock, contextlib.suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA wal_checkpoint(RESTART)")

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Rows of a query on this thread's own read-only connection. Raises Problem STORE_FAILED."""
        db: sqlite3.Connection | None = getattr(self._readers, "db", None)
        try:
            if db is None:
                db = self._readers.db = sqlite3.connect(
                    f"file:{self.path}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
                )
            return db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise Problem("STORE_FAILED", str(error)) from error

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[Any]:
        """Like read, one row after the other."""
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=BUSY_S)) as db:
            yield from db.execute(sql, values)
