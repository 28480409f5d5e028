"""Age in the ledger is time that passed: results, ids, answers and replies go when they are old,
not by a calendar."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from schemas import Result
from schemas.store.ledger import Answer, Duplicate, Ledger, TriggerStored, care
from tests.rooms.promise.clocks import SetClock
from tests.rooms.promise.ledgers import build, new

HOUR = 3600.0
DAY = 24 * HOUR
LIMITS = {"max_count": 1_000_000, "max_age_s": 30 * DAY, "dedupe_s": 2 * DAY}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: SetClock) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.db", clock=clock)
    yield made
    made.close()


def answered(ledger: Ledger, trigger_id: str) -> Result:
    accepted = ledger.accept(new(trigger_id))
    assert isinstance(accepted, TriggerStored)
    result = ledger.answer(accepted.id, "cam1", build(trigger_id))
    ledger.confirmed([result.result_id])
    return result


def tended(ledger: Ledger, **limits: float) -> None:
    while ledger.prune(**{**LIMITS, **limits}):  # type: ignore[arg-type]
        pass


def test_results_ids_and_replies_go_when_they_are_old_and_not_before(
    ledger: Ledger, clock: SetClock
) -> None:
    first = answered(ledger, "a")
    ledger.keep_reply("r", "pause", b"", b"{}")
    tended(ledger)
    clock.go(29 * DAY)
    answered(ledger, "b")
    tended(ledger)
    assert ledger.results("cam1", trigger_ids=["a"]) != []
    assert ledger.reply("r") is None
    clock.go(1.1 * DAY)
    answered(ledger, "c")
    tended(ledger)
    assert ledger.results("cam1", trigger_ids=["a"]) == []
    assert isinstance(
        ledger.accept(new("a")), TriggerStored
    )  # its own two days have long been over
    assert ledger.accept(new("b")) == Duplicate(False, Answer(*_of(ledger, "b")))
    assert first.seq == 1


def _of(ledger: Ledger, trigger_id: str) -> tuple[str, int, str]:
    sql = (
        "SELECT r.result_id, r.seq, r.verdict FROM results r JOIN triggers t ON t.id = r.id WHERE"
        " t.trigger_id = ?"
    )
    return ledger.read(sql, (trigger_id,))[0]  # type: ignore[no-any-return]


def test_an_id_is_known_with_its_answer_as_long_as_the_window_says_though_its_result_is_gone(
    ledger: Ledger, clock: SetClock
) -> None:
    result = answered(ledger, "a")
    answered(ledger, "b")
    tended(ledger, max_count=0)
    assert ledger.results("cam1", trigger_ids=["a"]) == []
    clock.go(2 * DAY - 60)
    tended(ledger)
    assert ledger.accept(new("a")) == Duplicate(False, Answer(result.result_id, 1, "ERROR"))
    clock.go(120)
    tended(ledger)
    assert isinstance(ledger.accept(new("a")), TriggerStored)


@pytest.mark.parametrize("first", [90_000.0, 1_795_000_000.0])
@pytest.mark.parametrize("then", [1_795_000_000.0, 1_795_000_000.0 + 400 * DAY, 90_000.0])
@pytest.mark.parametrize("restart", [True, False])
def test_a_clock_that_is_set_makes_nothing_old(
    tmp_path: Path, first: float, then: float, restart: bool
) -> None:
    clock = SetClock(first)
    ledger = Ledger(tmp_path / "ledger.db", clock=clock)
    for number in range(6):
        answered(ledger, f"a{number}")
    ledger.keep_reply("r", "pause", b"", b"{}")
    for at in (then, first, then):
        tended(ledger)
        if restart:
            ledger.close()
        clock.at = at
        if restart:
            ledger = Ledger(tmp_path / "ledger.db", clock=clock)
        tended(ledger)
        clock.go(600)
        tended(ledger)
    assert ledger.lost is None
    assert [ledger.accept(new(f"a{number}")).answered.seq for number in range(6)] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]  # type: ignore[union-attr]
    assert len(ledger.results("cam1", seqs=(1, 100))) == 6
    assert ledger.reply("r") is not None
    assert answered(ledger, "next").seq == 7
    ledger.close()


def test_the_age_of_the_outbox_is_time_that_passed(ledger: Ledger, clock: SetClock) -> None:
    accepted = ledger.accept(new("a"))
    assert isinstance(accepted, TriggerStored)
    ledger.answer(accepted.id, "cam1", build("a"))
    clock.go(30)
    clock.at += 400 * DAY
    assert ledger.outbox_depth() == (1, 30.0)


def test_pictures_of_a_result_are_missed_only_after_an_hour_that_passed(
    ledger: Ledger, clock: SetClock
) -> None:
    answered(ledger, "a")
    ledger.write(lambda db: db.execute("UPDATE results SET pictures = 1"))
    tended(ledger)
    clock.at += 400 * DAY
    assert ledger.with_pictures(0, 10) == []
    clock.go(3601)
    assert [row for row, _ in ledger.with_pictures(0, 10)] == [1]


def test_moments_are_few_and_age_is_known_to_ten_minutes(ledger: Ledger, clock: SetClock) -> None:
    hours = 5
    for number in range(hours * 720):
        if number % 60 == 0:
            ledger.accept(new(f"t{number}"))
        else:
            ledger.write(
                lambda db: db.execute("UPDATE triggers SET received_at = 0 WHERE id = 0"),
                durable=False,
            )
        ledger.write(lambda db: care._note(db, ledger.lived(), ledger.commits), durable=False)
        clock.go(5)
    moments = ledger.read("SELECT lived_s FROM moments ORDER BY lived_s")
    assert len(moments) < care.FINE + care.COARSE + 6 * hours
    gaps = [after[0] - before[0] for before, after in pairwise(moments)]
    assert max(gaps) <= 600


def test_ids_of_rows_never_start_over_when_everything_is_old(
    ledger: Ledger, clock: SetClock
) -> None:
    for number in range(5):
        answered(ledger, f"t{number}")
    tended(ledger)
    clock.go(400 * DAY)
    tended(ledger)
    accepted = ledger.accept(new("after"))
    assert accepted == TriggerStored(6)
    tended(ledger)
    assert ledger.accept(new("after")) == Duplicate(False)
