"""What is lost of a ledger is noticed and reported, and no seq is ever given twice.

One file: one ledger loses its end in many ways, and each must tell the same.
"""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from schemas import Problem
from schemas.store.ledger import Ledger, LedgerEntry, TriggerStored, opening
from schemas.store.ledger.stamp import SLOT, Stamp
from tests.rooms.promise.clocks import SetClock
from tests.rooms.promise.ledgers import build, new

CLOCK = SetClock()


def opened(path: Path, clock: SetClock = CLOCK) -> Ledger:
    return Ledger(path, clock=clock)


def fill(ledger: Ledger, first: int, last: int) -> None:
    for number in range(first, last + 1):
        ledger.accept_all([LedgerEntry(new(f"t{number}"), build(f"t{number}"))])


def killed(ledger: Ledger, to: Path) -> Path:
    """The files of a running ledger, as `kill -9` leaves them, in another folder."""
    to.mkdir()
    # copied by another process: this one's locks are SQLite's alone
    files = ledger.path.parent.glob("ledger.*")
    subprocess.run(["cp", *files, to], check=True)
    return to / ledger.path.name


def next_seq(ledger: Ledger) -> int:
    fresh = ledger.accept(new("fresh"))
    assert isinstance(fresh, TriggerStored)
    return ledger.answer(fresh.id, "cam1", build("fresh")).seq


def test_a_new_folder_and_a_restart_lose_nothing(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "ledger.db")
    assert (ledger.lost, ledger.quarantined, ledger.damage()) == (None, None, None)
    fill(ledger, 1, 3)
    again = opened(killed(ledger, tmp_path / "killed"))
    assert (again.lost, again.quarantined) == (None, None)
    assert next_seq(again) == 4
    ledger.close()
    again.close()


@pytest.mark.parametrize("how", ["removed", "cut", "garbled", "header"])
def test_a_log_that_is_cut_or_gone_is_noticed_and_seq_goes_on_above_what_was_given(
    tmp_path: Path, how: str
) -> None:
    ledger = opened(tmp_path / "ledger.db")
    fill(ledger, 1, 10)
    ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fill(ledger, 11, 30)
    path = killed(ledger, tmp_path / "killed")
    log = path.with_name("ledger.db-wal")
    data = bytearray(log.read_bytes())
    if how == "removed":
        log.unlink()
    else:
        at = {"cut": len(data) * 2 // 3, "garbled": len(data) // 2, "header": 0}[how]
        log.write_bytes(data[:at] if how == "cut" else data[:at] + os.urandom(64) + data[at + 64 :])
    path.with_name("ledger.db-shm").unlink()
    again = opened(path)
    assert again.lost is not None
    assert "results" in again.lost
    assert again.damage() == again.lost
    assert next_seq(again) == 31
    kept = [row[0] for row in again.read("SELECT seq FROM results WHERE seq <= 30 ORDER BY seq")]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= 10
    again.close()
    third = opened(path)
    assert third.lost is None  # nothing more
    assert third.damage() == again.lost  # but a person may not have seen it yet
    assert third.last_seq("cam1") == 31
    third.close()
    ledger.close()


def test_every_prefix_of_the_log_opens_with_the_commits_that_are_whole(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "ledger.db")
    ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fill(ledger, 1, 4)
    path = killed(ledger, tmp_path / "killed")
    log = path.with_name("ledger.db-wal").read_bytes()
    page = 4096 + 24
    counts = []
    for number, size in enumerate(
        [*range(0, len(log), page), *range(32 + 1000, len(log), 5 * page)]
    ):
        place = tmp_path / str(number)
        place.mkdir()
        shutil.copyfile(path, place / "ledger.db")
        (place / "ledger.db-wal").write_bytes(log[:size])
        again = opened(place / "ledger.db")  # without a stamp: it takes what is there
        assert again.lost is None
        counts.append((size, again.last_seq("cam1")))
        assert next_seq(again) == counts[-1][1] + 1
        again.close()
    found = [seq for _, seq in sorted(counts)]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2, 3}  # the whole log is none of its prefixes
    ledger.close()


def test_a_power_cut_in_a_log_that_is_overwritten_leaves_the_commits_that_are_whole(
    tmp_path: Path,
) -> None:
    """What the log had before is still behind what is new, and in any of the blocks that the disk
    had not written yet: none of it is taken for a commit."""
    ledger = opened(tmp_path / "ledger.db")
    fill(ledger, 1, 40)
    ledger._db.execute("PRAGMA wal_checkpoint(RESTART)")
    old = killed(ledger, tmp_path / "old").with_name("ledger.db-wal").read_bytes()
    fill(ledger, 41, 44)
    path = killed(ledger, tmp_path / "killed")
    log = path.with_name("ledger.db-wal").read_bytes()
    assert len(log) == len(old)
    page = 4096 + 24
    new = next(at for at in range(len(log), 0, -1) if log[at - 1] != old[at - 1])
    assert new < len(log) // 2
    number = 0

    def reopened(torn: bytes) -> int:
        nonlocal number
        number += 1
        place = tmp_path / f"torn {number}"
        place.mkdir()
        shutil.copyfile(path, place / "ledger.db")
        (place / "ledger.db-wal").write_bytes(torn)
        again = opened(place / "ledger.db")  # without a stamp: it takes what is there
        assert (again.lost, again.quarantined) == (None, None)
        assert again.read("PRAGMA integrity_check") == [("ok",)]
        seqs = [row[0] for row in again.read("SELECT seq FROM results ORDER BY seq")]
        assert seqs == list(range(1, len(seqs) + 1))
        assert next_seq(again) == len(seqs) + 1
        again.close()
        return len(seqs)

    # the disk wrote so much of it, in order, the last of it within a page
    ends = [0, *range(32, new, page), *range(32 + 1000, new, 3 * page), new]
    found = {end: reopened(log[:end] + old[end:]) for end in ends}
    assert [found[end] for end in sorted(found)] == sorted(found.values())
    assert set(found.values()) == {40, 41, 42, 43, 44}
    # or it wrote all but one page: everything before that page is there, and nothing after it
    for at in range(32, new, page):
        torn = log[:at] + old[at : at + page] + log[at + page :]
        assert reopened(torn) == found[max(end for end in ends if end <= at)]
    ledger.close()


@pytest.mark.parametrize("how", ["emptied", "removed", "removed with its log"])
def test_a_ledger_that_is_gone_is_told_and_seq_goes_on(tmp_path: Path, how: str) -> None:
    path = tmp_path / "ledger.db"
    ledger = opened(path)
    fill(ledger, 1, 7)
    ledger.close()
    if how == "emptied":
        path.write_bytes(b"")
    else:
        path.unlink()
        if how == "removed":
            path.with_name("ledger.db-wal").write_bytes(b"rest")
    again = opened(path)
    assert again.lost is not None
    assert "gone or empty" in again.lost
    assert "7 results" in again.lost
    assert next_seq(again) == 8
    again.close()


def test_after_another_start_of_the_machine_seq_goes_on_well_above_since_the_last_second_is_unsure(
    tmp_path: Path,
) -> None:
    clock = SetClock()
    path = tmp_path / "ledger.db"
    ledger = opened(path, clock)
    fill(ledger, 1, 7)
    ledger.close()
    path.unlink()
    clock.off(60)
    again = opened(path, clock)
    assert next_seq(again) == 7 + opening.UNSURE + 1
    again.close()


@pytest.mark.parametrize("table", ["results", "waiting", "outbox", "counters"])
def test_a_ledger_without_a_table_is_set_aside_as_any_damaged_one(
    tmp_path: Path, table: str
) -> None:
    path = tmp_path / "ledger.db"
    ledger = opened(path)
    fill(ledger, 1, 5)
    ledger.close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER results_counted")
        db.execute(f"DROP TABLE {table}")
    again = opened(path)
    assert again.quarantined is not None
    assert again.lost is not None
    assert table in again.lost
    assert next_seq(again) == 6
    again.close()


def test_what_was_set_aside_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "utc", lambda: "1970-01-01T00:00:05.000Z")
    path = tmp_path / "ledger.db"
    for number in range(3):
        path.write_bytes(f"no database {number}".encode() * 1000)
        ledger = opened(path)
        assert ledger.quarantined is not None
        ledger.close()
    kept = {path.read_bytes()[:13] for path in tmp_path.glob("ledger.db.corrupt-*")}
    assert kept == {b"no database 0", b"no database 1", b"no database 2"}


@pytest.mark.parametrize("how", ["written", "read"])
def test_damage_that_is_met_in_the_run_is_told_and_looked_for_closely_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    # as a ledger that is too large to look through at each start
    monkeypatch.setattr(opening, "QUICK_CHECK_BYTES", 0)
    path = tmp_path / "ledger.db"
    ledger = opened(path)
    fill(ledger, 1, 200)
    ledger.close()
    with path.open("r+b") as file:  # a page in the middle
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(os.urandom(4096))
    again = opened(path)
    assert again.lost is None
    assert again.damage() is None
    sql = "SELECT sum(length(payload)) FROM results NOT INDEXED"
    ask = {
        "written": lambda: again.write(lambda db: db.execute(sql).fetchall()),
        "read": lambda: again.read(sql),
    }[how]
    with pytest.raises(Problem, match="STORE_FAILED"):
        ask()
    told = again.damage()
    assert told is not None
    assert "is damaged" in told
    again.close()
    third = opened(path)
    assert third.quarantined is not None
    assert next_seq(third) == 201
    third.close()


def test_what_was_lost_is_told_for_a_day(tmp_path: Path) -> None:
    clock = SetClock()
    path = tmp_path / "ledger.db"
    opened(path, clock).close()
    path.unlink()
    lost = opened(path, clock)
    assert lost.lost is not None
    lost.close()
    clock.go(80_000)
    later = opened(path, clock)
    assert later.damage() == lost.lost
    clock.go(10_000)
    assert later.damage() is None
    later.close()


def test_a_ledger_that_is_removed_while_it_runs_is_told(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "ledger.db")
    assert ledger.damage() is None
    ledger.path.unlink()
    told = ledger.damage()
    assert told is not None
    assert "removed or replaced" in told
    ledger.close()


def test_a_stamp_is_read_back_whatever_happens_to_one_of_its_places(tmp_path: Path) -> None:
    path = tmp_path / "x.stamp"
    stamp = Stamp(path)
    assert not stamp.found
    for number in range(1, 4):
        stamp.mark({"cam1": number, "cam2": 10}, number)
    stamp.close()
    data = path.read_bytes()
    assert (Stamp(path).seq, Stamp(path).trigger) == ({"cam1": 3, "cam2": 10}, 3)
    for slot, seq in ((0, 3), (1, 2)):  # the third write went to the second place
        path.write_bytes(data[: slot * SLOT + 20] + b"?" + data[slot * SLOT + 21 :])
        torn = Stamp(path)
        assert (torn.found, torn.seq["cam1"]) == (True, seq)
    path.write_bytes(b"")
    assert (Stamp(path).found, Stamp(path).seq) == (True, {})


def test_a_ledger_of_version_2_is_brought_up_to_date_with_its_counts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path, isolation_level=None) as db:
        for script in opening.scripts()[:2]:
            db.executescript(script)
        db.execute("PRAGMA user_version=2")
        for number in range(1, 6):
            db.execute(
                "INSERT INTO triggers VALUES (?, 'cam1', ?, x'00', '{}', 0, 'mqtt', 0, 0, 'b')",
                (number, f"t{number}"),
            )
            verdict = "NG" if number == 5 else "OK"
            db.execute(
                "INSERT INTO results VALUES (?, ?, 'cam1', ?, ?, NULL, NULL, NULL, NULL, 0, 1, 0,"
                " x'')",
                (number, f"r{number}", number, verdict),
            )
        db.execute("INSERT INTO stations VALUES ('cam1', NULL, 1.0, 2, 0)")
        db.execute("INSERT INTO replies VALUES ('q', 'pause', x'7b7d', 0)")
    ledger = opened(path)
    assert ledger.lost is None
    assert ledger.counts("cam1", 2) == {"OK": 2, "NG": 1}
    reply = ledger.reply("q")
    assert reply is not None
    assert (reply.name, reply.digest) == ("pause", b"")
    assert next_seq(ledger) == 6
    assert ledger.counts("cam1", 2) == {"OK": 2, "NG": 1, "ERROR": 1}
    assert ledger.prune(max_count=1000, max_age_s=1.0, dedupe_s=1.0) == 0
    assert path.with_name("ledger.db.before-3").exists()
    ledger.close()
