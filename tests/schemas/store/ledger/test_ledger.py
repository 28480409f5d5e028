"""The ledger: a trigger once, its result once, and an outbox that leaves nothing out.

One file: triggers, results and outbox are one ledger's, and are asked of one.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import Problem, Result
from schemas.store.ledger import (
    AlreadyAnswered,
    Answer,
    Duplicate,
    KeptReply,
    Ledger,
    LedgerEntry,
    OutboxRow,
    TriggerStored,
)
from tests.rooms.promise.clocks import SetClock
from tests.rooms.promise.ledgers import build, new
from tests.rooms.promise.promise import wait_for


@pytest.fixture
def handed() -> list[OutboxRow]:
    return []


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def ledger(tmp_path: Path, handed: list[OutboxRow], clock: SetClock) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.db", handed.extend, clock=clock)
    yield made
    made.close()


def answer(ledger: Ledger, trigger_id: str, station: str = "cam1") -> Result:
    accepted = ledger.accept(new(trigger_id, station=station))
    assert isinstance(accepted, TriggerStored)
    return ledger.answer(accepted.id, station, build(trigger_id, station))


def test_a_known_trigger_id_is_a_duplicate_and_a_differing_payload_is_noticed(
    ledger: Ledger,
) -> None:
    assert isinstance(ledger.accept(new("a", b"1")), TriggerStored)
    assert ledger.accept(new("a", b"1")) == Duplicate(differs=False)
    assert ledger.accept(new("a", b"2")) == Duplicate(differs=True)
    assert isinstance(ledger.accept(new("a", b"1", station="cam2")), TriggerStored)


def test_a_trigger_has_one_result_whatever_comes_later(ledger: Ledger) -> None:
    accepted = ledger.accept(new("a"))
    assert isinstance(accepted, TriggerStored)
    first = ledger.answer(accepted.id, "cam1", build("a"))
    with pytest.raises(AlreadyAnswered):
        ledger.answer(accepted.id, "cam1", build("a"))
    assert ledger.results("cam1", trigger_ids=["a"]) == [
        first.model_dump_json(by_alias=True).encode()
    ]
    assert ledger.waiting() == []


def test_seq_has_no_gaps_also_after_a_failed_operation(ledger: Ledger) -> None:
    assert answer(ledger, "a").seq == 1
    accepted = ledger.accept(new("b"))
    assert isinstance(accepted, TriggerStored)

    def broken(_: int) -> Result:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ledger.answer(accepted.id, "cam1", broken)
    assert [row.trigger_id for row in ledger.waiting()] == ["b"]
    assert ledger.answer(accepted.id, "cam1", build("b")).seq == 2
    assert answer(ledger, "c", "cam2").seq == 1


def test_seq_goes_on_after_a_restart(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "ledger.db")
    answer(first, "a")
    first.close()
    second = Ledger(tmp_path / "ledger.db")
    assert answer(second, "b").seq == 2
    assert [row.station for row in second.pending(0, 10)] == ["cam1", "cam1"]
    second.close()


def test_unconfirmed_results_can_be_read_of_one_station(ledger: Ledger) -> None:
    for number in range(4):
        answer(ledger, f"t-{number}", f"cam{number % 2 + 1}")
    assert [row.station for row in ledger.pending(0, 10, "cam2")] == ["cam2", "cam2"]
    assert sorted(ledger.pending_stations()) == ["cam1", "cam2"]
    ledger.confirmed(row.result_id for row in ledger.pending(0, 10, "cam2"))
    assert ledger.pending_stations() == ["cam1"]


def test_committed_results_are_handed_on_in_the_order_of_their_commits_from_many_threads(
    ledger: Ledger, handed: list[OutboxRow]
) -> None:
    def work(worker: int) -> None:
        for number in range(40):
            answer(ledger, f"{worker}-{number}", f"cam{worker % 2 + 1}")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    # a commit that takes its time: the others wait in line meanwhile, and share the next
    with ledger._lock:
        for thread in threads:
            thread.start()
        wait_for(lambda: len(ledger._line) == 6, 2, "the triggers to stand in line")
    for thread in threads:
        thread.join()
    assert [row.id for row in handed] == sorted(row.id for row in handed)
    assert len(handed) == 240
    assert handed == ledger.pending(0, 1000)
    assert ledger.commits <= 475  # the first six of the 480 operations shared one
    for station in ("cam1", "cam2"):
        rows = ledger.read("SELECT seq FROM results WHERE station = ? ORDER BY seq", (station,))
        assert [row[0] for row in rows] == list(range(1, 121))


def test_an_operation_that_fails_takes_no_other_of_its_batch_with_it(tmp_path: Path) -> None:
    handed: list[OutboxRow] = []
    told: dict[str, BaseException | None] = {}
    ledger = Ledger(tmp_path / "ledger.db", handed.extend, lambda: True)

    def broken(_: int) -> Result:
        raise ValueError("no")

    for accepted, name in zip(
        ledger.accept_all([LedgerEntry(new(name)) for name in "abc"]), "abc", strict=True
    ):
        assert isinstance(accepted, TriggerStored)
        make = broken if name == "b" else build(name)
        ledger.answer_soon(
            accepted.id, "cam1", make, lambda _, error, name=name: told.update({name: error})
        )  # type: ignore[misc]
    commits = ledger.commits
    assert ledger.flush()
    assert ledger.commits == commits + 1
    assert {name: type(error).__name__ for name, error in told.items()} == {
        "a": "NoneType",
        "b": "ValueError",
        "c": "NoneType",
    }
    assert [row.trigger_id for row in ledger.waiting()] == ["b"]
    assert [row[0] for row in ledger.read("SELECT seq FROM results ORDER BY seq")] == [1, 2]
    assert len(handed) == 2
    ledger.close()


def test_a_full_disk_is_a_coded_problem_and_nothing_is_half_written(ledger: Ledger) -> None:
    answer(ledger, "a")
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count={pages}")

    def fill() -> None:
        for number in range(1000):
            ledger.accept(new(f"b{number}", b"x"))

    with pytest.raises(Problem, match="STORE_FAILED"):
        fill()
    ledger._db.execute("PRAGMA max_page_count=1000000")
    known = {row.trigger_id for row in ledger.waiting()}
    failed = f"b{len(known)}"
    assert isinstance(ledger.accept(new(failed)), TriggerStored)
    assert answer(ledger, "c").seq == 2


def test_confirmed_results_leave_the_outbox(ledger: Ledger) -> None:
    first, second = answer(ledger, "a"), answer(ledger, "b")
    ledger.confirmed([first.result_id, "unknown"])
    assert [row.result_id for row in ledger.pending(0, 10)] == [second.result_id]
    assert ledger.outbox_depth()[0] == 1
    assert ledger.outbox_last() == 2


def test_triggers_come_in_batches_of_one_commit_and_those_answered_at_once_have_their_result(
    ledger: Ledger, handed: list[OutboxRow]
) -> None:
    answer(ledger, "known")
    commits = ledger.commits
    entries = [
        LedgerEntry(new("a")),
        LedgerEntry(new("b"), build("b")),
        LedgerEntry(new("known")),
        LedgerEntry(new("b")),
        LedgerEntry(new("a", b"other")),
    ]
    first, second, known, again, other = ledger.accept_all(entries)
    assert ledger.commits == commits + 1
    assert isinstance(first, TriggerStored)
    assert isinstance(second, TriggerStored)
    assert isinstance(known, Duplicate)
    assert known.answered == Answer(handed[0].result_id, 1, "ERROR")
    assert again == Duplicate(False, Answer(handed[1].result_id, 2, "ERROR"))
    assert other == Duplicate(True, None)
    assert [row.trigger_id for row in ledger.waiting()] == ["a"]


def test_a_batch_of_triggers_is_accepted_whole_or_not_at_all(ledger: Ledger) -> None:
    def broken(_: int) -> Result:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ledger.accept_all(
            [
                LedgerEntry(new("a")),
                LedgerEntry(new("b"), build("b")),
                LedgerEntry(new("c"), broken),
            ]
        )
    assert ledger.waiting() == []
    assert isinstance(ledger.accept(new("b")), TriggerStored)
    assert answer(ledger, "d").seq == 1


def test_an_outbox_that_is_too_long_loses_its_oldest_but_the_ledger_does_not(
    ledger: Ledger,
) -> None:
    results = [answer(ledger, f"t{number}") for number in range(5)]
    ledger.shorten_outbox(5)
    assert ledger.unpublished == 0
    ledger.shorten_outbox(3)
    assert ledger.unpublished == 2
    assert [row.result_id for row in ledger.pending(0, 10)] == [
        result.result_id for result in results[2:]
    ]
    assert len(ledger.results("cam1", seqs=(1, 5))) == 5


def test_retention_keeps_what_is_unsent_the_newest_seq_and_young_trigger_ids(
    ledger: Ledger, clock: SetClock
) -> None:
    results = [answer(ledger, f"t{number}") for number in range(6)]
    ledger.confirmed([result.result_id for result in results[1:]])
    assert ledger.prune(max_count=1, max_age_s=1e9, dedupe_s=60.0) == 4
    assert [row[0] for row in ledger.read("SELECT seq FROM results ORDER BY seq")] == [1, 6]
    clock.go(59.0)
    ledger.prune(max_count=1, max_age_s=1e9, dedupe_s=60.0)
    assert ledger.accept(new("t3")) == Duplicate(False, Answer(results[3].result_id, 4, "ERROR"))
    clock.go(2.0)
    ledger.prune(max_count=1, max_age_s=1e9, dedupe_s=60.0)
    assert isinstance(ledger.accept(new("t3")), TriggerStored)
    assert answer(ledger, "next").seq == 7


def test_a_damaged_ledger_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database at all" * 1000)
    made = Ledger(path)
    assert made.quarantined is not None
    assert made.quarantined.read_bytes().startswith(b"this is no database")
    assert answer(made, "a").seq == 1
    made.close()


def test_a_truncated_ledger_is_found_out_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    made = Ledger(path)
    for number in range(200):
        answer(made, f"t{number}")
    made.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = Ledger(path)
    assert again.quarantined is not None
    again.close()


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.db").close()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(Problem, match="STORE_NEWER"):
        Ledger(tmp_path / "ledger.db")


def test_a_writer_waits_for_a_backup_that_holds_the_database(
    ledger: Ledger, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    assert isinstance(ledger.accept(new("a")), TriggerStored)
    release.join()
    other.close()


def test_commits_survive_a_checkpoint_and_are_read_from_other_threads(ledger: Ledger) -> None:
    answer(ledger, "a")
    ledger.checkpoint()
    answer(ledger, "b")
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(len(ledger.pending(0, 10))))
    thread.start()
    thread.join()
    assert seen == [2]


def test_what_a_station_and_a_request_remember_is_read_back(ledger: Ledger) -> None:
    assert ledger.station("cam1") == (None, 0.0, 0, False)
    ledger.remember("cam1", program="cap", paused=1)
    ledger.remember("cam1", program="lid")
    assert ledger.station("cam1") == ("lid", 0.0, 0, True)
    ledger.keep_reply("r-1", "ping", b"digest", b"{}")
    assert ledger.reply("r-1") == KeptReply("ping", b"digest", b"{}")
    assert ledger.reply("r-2") is None


def test_a_ledger_that_is_closed_leaves_no_file_open_whoever_read_it(tmp_path: Path) -> None:
    def once() -> None:
        ledger = Ledger(tmp_path / "ledger.db")
        answer(ledger, f"t{ledger.last_seq('cam1')}")
        stays, go = threading.Event(), threading.Event()

        def read() -> None:
            ledger.waiting()
            stays.set()
            go.wait(10)

        thread = threading.Thread(target=read)
        thread.start()
        assert stays.wait(10)
        ledger.checkpoint()
        ledger.keep()
        ledger.close()
        for path in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                assert not str(path.readlink()).startswith(str(tmp_path))
        go.set()
        thread.join()

    for _ in range(3):
        once()
