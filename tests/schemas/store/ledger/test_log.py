"""The write-ahead log stays small whatever reads it, and what holds it up is reported."""

import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas.store.ledger import Ledger, LedgerEntry, log
from tests.rooms.promise.ledgers import build, new

pytestmark = pytest.mark.slow

PAD = b"x" * 500


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.db")
    made._db.execute("PRAGMA synchronous=OFF")  # how fast the disk is does not matter here
    yield made
    made.close()


def load(ledger: Ledger, first: int, bytes_at_least: int = 0, rows: int = 100) -> int:
    """Commits until the log has grown to that size, at least one; the next number."""
    while True:
        ledger.accept_all(
            [
                LedgerEntry(new(f"t{first}", PAD), build(f"t{first}"))
                for first in range(first, first + rows)
            ]
        )
        first += rows
        if ledger.log_bytes() >= bytes_at_least:
            return first


def times_begun(ledger: Ledger) -> int:
    """How often the log was begun, by its header: a number that SQLite counts up."""
    header = ledger.path.with_name("ledger.db-wal").read_bytes()[:16]
    return int.from_bytes(header[12:16], "big")


def test_under_load_the_log_begins_anew_again_and_again_and_is_small_when_idle(
    ledger: Ledger,
) -> None:
    number, sizes, begun = 0, [], []
    for _ in range(60):
        number = load(ledger, number)
        sizes.append(ledger.log_bytes())
        begun.append(times_begun(ledger))
        ledger.checkpoint()
    assert max(sizes) < 32_000_000
    assert begun[-1] > begun[0] + 1
    assert ledger.path.stat().st_size > max(sizes)
    for _ in range(3):
        ledger.checkpoint()
    assert ledger.log_bytes() <= 4 * 1024 * 1024
    assert ledger.log_held() is None


def test_a_log_that_begins_anew_is_overwritten_and_does_not_grow(ledger: Ledger) -> None:
    number = 0
    for _ in range(2):  # its file has the blocks that this load needs
        for _ in range(log.MANY + 10):
            number = load(ledger, number, rows=1)
        ledger.checkpoint()
    size, begun = ledger.log_bytes(), times_begun(ledger)
    assert size > log.LITTLE_BYTES
    for _ in range(10):
        for _ in range(log.MANY):
            number = load(ledger, number, rows=1)
            assert ledger.log_bytes() == size
        ledger.checkpoint()
    assert times_begun(ledger) >= begun + 9


def test_what_a_load_has_left_is_given_back_when_nobody_writes(ledger: Ledger) -> None:
    number = load(ledger, 0, 6_000_000)
    ledger.checkpoint()  # all is moved, the file stays as it is
    assert ledger.log_bytes() >= 6_000_000
    ledger.checkpoint()
    assert ledger.log_bytes() == 4 * 1024 * 1024
    before = ledger.path.stat().st_mtime_ns
    for _ in range(5):  # and that is all: a ledger at rest writes nothing
        ledger.checkpoint()
    assert (ledger.log_bytes(), ledger.path.stat().st_mtime_ns) == (4 * 1024 * 1024, before)
    assert ledger.last_seq("cam1") == number


def test_a_log_that_cannot_be_shortened_since_another_process_writes_is_shortened_afterwards(
    ledger: Ledger,
) -> None:
    load(ledger, 0, 6_000_000)
    ledger.checkpoint()
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ledger.checkpoint()
    assert ledger.log_bytes() >= 6_000_000
    other.execute("ROLLBACK")
    other.close()
    ledger.checkpoint()
    assert ledger.log_bytes() == 4 * 1024 * 1024


def test_who_reads_and_does_not_end_stops_nobody_is_told_and_afterwards_the_log_is_small(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = load(ledger, 0)
    reader = sqlite3.connect(f"file:{ledger.path}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    seen = reader.execute("SELECT count(*) FROM results").fetchone()[0]
    number = load(ledger, number, 9_000_000)
    ledger.checkpoint()
    assert ledger.log_held() is None  # a short reader concerns nobody
    monkeypatch.setattr(log, "HELD_S", 0.0)
    number = load(ledger, number)
    ledger.checkpoint()
    held = ledger.log_held()
    assert held is not None
    assert held.bytes >= 9_000_000
    assert reader.execute("SELECT count(*) FROM results").fetchone()[0] == seen
    reader.execute("COMMIT")
    reader.close()
    ledger.checkpoint()
    assert ledger.log_bytes() <= 4 * 1024 * 1024
    assert ledger.log_held() is None
    assert ledger.last_seq("cam1") == number


def test_a_small_log_is_moved_after_a_while_so_that_whoever_takes_it_away_takes_little(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SMALL_S", 0.0)
    ledger.accept_all([LedgerEntry(new("a"), build("a"))])
    ledger.checkpoint()
    copy = ledger.path.with_name("copy.db")
    subprocess.run(["cp", ledger.path, copy], check=True)  # without its log
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT count(*) FROM results").fetchone() == (1,)


def test_a_foreign_write_lock_stops_neither_the_care_of_the_log_nor_its_end(ledger: Ledger) -> None:
    load(ledger, 0, 9_000_000)
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ledger.checkpoint()
    other.execute("ROLLBACK")
    other.close()
    ledger.checkpoint()
    assert ledger.log_bytes() <= 4 * 1024 * 1024


def test_commits_and_checkpoints_at_the_same_time_lose_nothing(ledger: Ledger) -> None:
    done = threading.Event()

    def care() -> None:
        while not done.is_set():
            ledger.checkpoint()

    thread = threading.Thread(target=care)
    thread.start()
    number = 0
    while number < 6000:
        number = load(ledger, number)
    done.set()
    thread.join()
    assert ledger.counts("cam1") == {"ERROR": number}
    assert ledger.read("SELECT count(*) FROM results") == [(number,)]
    assert ledger.read("PRAGMA integrity_check") == [("ok",)]
