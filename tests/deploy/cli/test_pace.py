"""Work beside a line: a share of one processor, when nothing else wants it."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.cli import pace
from schemas.store import copies
from tests.rooms.promise.ledgers import fill


def test_beside_a_node_it_pauses_and_comes_last_and_afterwards_it_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(pace, "SLICE_S", 0.0)
    monkeypatch.setattr(time, "sleep", slept.append)
    (tmp_path / "lock").write_text(f"{os.getpid()}\n")
    before = os.sched_getscheduler(0)
    with pace.beside(tmp_path) as pause:
        assert os.sched_getscheduler(0) == os.SCHED_IDLE
        began = time.thread_time()
        while time.thread_time() - began < 0.01:
            pass
        pause()
    assert os.sched_getscheduler(0) == before
    assert sum(slept) >= 0.01 * (1 / pace.SHARE - 1)


def test_who_was_ahead_of_all_others_is_so_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "sched_getscheduler", lambda _: os.SCHED_FIFO)
    monkeypatch.setattr(os, "sched_getparam", lambda _: os.sched_param(5))
    monkeypatch.setattr(
        os, "sched_setscheduler", lambda _, how, of: told.append((how, of.sched_priority))
    )
    (tmp_path / "lock").write_text(f"{os.getpid()}\n")
    with pace.beside(tmp_path):
        assert told == [(os.SCHED_IDLE, 0)]
    assert told[1:] == [(os.SCHED_FIFO, 5)]


@pytest.mark.parametrize("lock", [None, "", "not a number", "-5", "9" * 40])
def test_where_no_node_works_it_takes_what_it_can_get(tmp_path: Path, lock: str | None) -> None:
    if lock is not None:
        (tmp_path / "lock").write_text(lock)
    with pace.beside(tmp_path) as pause:
        assert not isinstance(pause, pace.Pace)
        assert os.sched_getscheduler(0) != os.SCHED_IDLE


def test_a_lock_that_a_node_left_behind_is_no_node(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(30)
    (tmp_path / "lock").write_text(str(ended.pid))
    assert not pace.works(tmp_path)


def test_a_copy_pauses_every_few_pages_and_is_one_moment_whatever_is_written_meanwhile(
    tmp_path: Path,
) -> None:
    fill(tmp_path / "ledger.db", 1000)
    counts: list[int] = []
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        before = db.execute("SELECT count(*) FROM results").fetchone()[0]

        def meanwhile() -> None:
            db.execute("DELETE FROM results WHERE id IN (SELECT max(id) FROM results)")
            db.commit()
            counts.append(1)

        copies.copy(tmp_path / "ledger.db", tmp_path / "taken.db", meanwhile)
        assert db.execute("SELECT count(*) FROM results").fetchone()[0] == before - len(counts)
    pages = (tmp_path / "taken.db").stat().st_size // 4096
    assert len(counts) >= pages // copies.PAGES, "each step once, none begun anew"
    assert len(counts) <= pages // copies.PAGES + 2
    copies.version(tmp_path / "taken.db", lambda: counts.append(0))
    assert 0 in counts, "it pauses while it looks at every page, too"
    with sqlite3.connect(tmp_path / "taken.db") as db:
        assert db.execute("SELECT count(*) FROM results").fetchone()[0] == before
