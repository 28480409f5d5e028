"""Waiting for the ledger has a limit, what was refused never happens, and one operation's failure
is its own."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import Problem
from schemas.store.ledger import Duplicate, Ledger, LedgerEntry, OutboxRow, TriggerStored, engine
from tests.rooms.promise.ledgers import build, new
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def handed() -> list[OutboxRow]:
    return []


@pytest.fixture
def ledger(
    tmp_path: Path, handed: list[OutboxRow], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ledger]:
    monkeypatch.setattr(engine, "WAIT_S", 0.3)
    monkeypatch.setattr(engine, "BRIEF_S", 0.05)
    monkeypatch.setattr(engine, "HELD_S", 0.1)
    made = Ledger(tmp_path / "ledger.db", handed.extend)
    yield made
    made.close()


@pytest.fixture
def other(ledger: Ledger) -> Iterator[sqlite3.Connection]:
    """Another process's connection."""
    made = sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)
    yield made
    made.close()


def test_a_trigger_refused_while_a_commit_took_long_is_accepted_when_it_comes_again(
    ledger: Ledger,
) -> None:
    began, go = threading.Event(), threading.Event()

    def stall(db: sqlite3.Connection) -> None:
        began.set()
        assert go.wait(10)

    thread = threading.Thread(target=lambda: ledger.write(stall))
    thread.start()
    assert began.wait(10)
    with pytest.raises(Problem, match="STORE_FAILED"):
        ledger.accept(new("a"))
    go.set()
    thread.join()
    ledger.flush()
    assert ledger.waiting() == []
    assert isinstance(ledger.accept(new("a")), TriggerStored)


def test_a_trigger_that_was_refused_in_the_middle_of_its_own_commit_is_undone(
    ledger: Ledger, handed: list[OutboxRow]
) -> None:
    refused = threading.Event()

    def stall(db: sqlite3.Connection) -> None:
        assert db.execute("SELECT count(*) FROM waiting").fetchone() == (1,)
        assert refused.wait(10)

    def accept() -> None:
        with pytest.raises(Problem, match="the disk does not answer"):
            ledger.accept_all([LedgerEntry(new("a")), LedgerEntry(new("b"), build("b"))])
        refused.set()

    waits = threading.Thread(target=accept)
    with ledger._lock:  # the commit of both is made here, so that the caller can only wait
        waits.start()
        wait_for(lambda: len(ledger._line) == 1, 5, "the triggers to stand in line")
        ledger.post(stall, lambda value, error: None)
        assert ledger._commit(time.monotonic() + 5)
    waits.join()
    assert ledger.flush()
    assert ledger.waiting() == []
    assert isinstance(ledger.accept(new("a")), TriggerStored)
    known = ledger.accept(new("b"))  # it has its result, which went out
    assert isinstance(known, Duplicate)
    assert known.answered is not None
    assert [row.result_id for row in handed] == [known.answered.result_id]


def test_while_another_holds_the_ledger_callers_are_told_and_what_is_posted_keeps_its_place(
    ledger: Ledger, other: sqlite3.Connection, handed: list[OutboxRow]
) -> None:
    accepted = ledger.accept(new("a"))
    assert isinstance(accepted, TriggerStored)
    other.execute("BEGIN IMMEDIATE")
    settled: list[object] = []
    began = time.monotonic()
    ledger.answer_soon(
        accepted.id, "cam1", build("a"), lambda result, error: settled.append(result or error)
    )
    for number in range(5):
        with pytest.raises(Problem, match="another process holds the ledger"):
            ledger.accept(new(f"b{number}"))
    assert time.monotonic() - began < 10
    assert ledger.failing is not None
    assert (settled, handed) == ([], [])
    other.execute("ROLLBACK")
    assert ledger.flush()
    assert ledger.failing is None
    assert len(settled) == len(handed) == 1
    assert [row.trigger_id for row in ledger.waiting()] == []
    assert isinstance(ledger.accept(new("b0")), TriggerStored)


def test_that_the_ledger_is_free_again_is_noticed_although_nobody_writes(
    ledger: Ledger, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Problem, match="STORE_FAILED"):
        ledger.accept(new("a"))
    wait_for(lambda: ledger.failing, 10, "the trouble")
    ledger.checkpoint()
    assert ledger.failing is not None
    other.execute("ROLLBACK")
    ledger.checkpoint()
    assert ledger.failing is None


def test_a_trigger_accepted_after_the_lock_is_released_in_time_has_waited_its_turn(
    ledger: Ledger, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.1, lambda: other.execute("ROLLBACK"))
    release.start()
    assert isinstance(ledger.accept(new("a")), TriggerStored)
    release.join()
    assert ledger.accept(new("a")) == Duplicate(False)


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        sqlite3.DatabaseError("malformed"),
        sqlite3.OperationalError("x"),
        sqlite3.IntegrityError("y"),
    ],
)
def test_an_error_of_sqlite_is_a_coded_problem_alone_and_in_a_batch(
    ledger: Ledger, error: sqlite3.Error, alone: bool
) -> None:
    def bad(db: sqlite3.Connection) -> None:
        raise error

    told: list[BaseException | None] = []
    if not alone:
        ledger.post(lambda db: None, lambda value, error: told.append(error))
    with pytest.raises(Problem, match="STORE_FAILED"):
        ledger.write(bad)
    ledger.post(bad, lambda value, error: told.append(error))
    ledger.flush()
    *fine, last = told
    assert fine == [None] * len(fine)
    assert isinstance(last, Problem)


def test_what_does_not_fit_on_the_disk_takes_nothing_else_with_it(
    ledger: Ledger, handed: list[OutboxRow]
) -> None:
    accepted = ledger.accept(new("a"))
    assert isinstance(accepted, TriggerStored)
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count={pages + 2}")
    told: dict[str, object] = {}

    def large(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO stations (station, program) VALUES ('x', ?)", ("y" * 1_000_000,))

    ledger.post(large, lambda value, error: told.update(large=error))
    ledger.post(
        lambda db: ledger._answer(db, accepted.id, "cam1", build("a")),
        lambda value, error: told.update(answer=error),
    )
    ledger.flush()
    assert isinstance(told["large"], Problem)
    assert told["answer"] is None
    assert len(handed) == 1
    assert ledger.failing is None
    with pytest.raises(Problem, match="STORE_FAILED"):
        ledger.write(large)
    assert ledger.failing is not None


def test_when_the_disk_is_full_the_reserve_is_given_up_and_taken_again(ledger: Ledger) -> None:
    reserve = ledger.path.with_suffix(".reserve")
    ledger.keep()
    assert reserve.stat().st_blocks * 512 >= reserve.stat().st_size > 0
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count={pages}")
    tries: list[int] = []

    def large(db: sqlite3.Connection) -> None:
        tries.append(1)
        if len(tries) == 2:  # what the reserve gave is enough
            ledger._db.execute(f"PRAGMA max_page_count={pages + 1000}")
        db.execute("INSERT INTO stations (station, program) VALUES ('x', ?)", ("y" * 1_000_000,))

    ledger.write(large)
    assert ledger.failing is None
    assert not reserve.exists()
    told = ledger.damage()
    assert told is not None
    assert "the disk is full" in told
    ledger.keep()
    assert reserve.exists()
    assert ledger.damage() is None
