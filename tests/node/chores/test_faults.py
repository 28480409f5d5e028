"""A chore that fails in a way that nobody foresaw is an alarm, and holds up none of the others."""

import logging
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from broker.outbox import Outbox
from broker.topics import Names
from node.alarms import Alarms
from node.chores import faults
from node.chores.faults import Faults
from node.chores.keeping import Keeping
from node.chores.rounds import Chore, Chores
from schemas import Problem
from schemas.settings import HistorySettings
from schemas.store.ledger import Ledger
from tests.rooms.promise.promise import wait_for


@pytest.fixture(name="alarms")
def made_alarms() -> Alarms:
    """Those of a node without stations."""
    return Alarms((), Outbox(Names("inspection/v1", "node-01")))


def told(alarms: Alarms) -> str:
    """What the alarm FAULT says; nothing while it is not raised."""
    alarm = alarms.active.get("FAULT")
    return "" if alarm is None else alarm.message


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("its list is empty", id="plain"),
        pytest.param("\udce4 no text", id="no-unicode"),
        pytest.param("x" * 5000, id="long"),
    ],
)
def test_a_chore_with_an_unforeseen_fault_is_an_alarm_and_the_others_go_on(
    alarms: Alarms, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    # what is logged goes with the report of a test, and no lone surrogate goes between processes
    caplog.set_level(logging.CRITICAL, faults.__name__)
    done: list[int] = []

    def broken() -> None:
        raise ZeroDivisionError(words)

    failed: dict[str, Problem] = {}
    chores = Chores(
        failed, Faults(alarms), (Chore("a", broken), Chore("b", lambda: done.append(1)))
    )
    chores.start()
    wait_for(lambda: len(done) > 1, 10, "the other chore, twice")
    chores.stop()
    assert told(alarms).startswith("chore a: ZeroDivisionError: ")
    assert not failed, "what was foreseen is told by the alarm STORE"


def test_a_problem_that_was_foreseen_is_no_fault_of_ours(alarms: Alarms) -> None:
    def full() -> None:
        raise Problem("STORE_FAILED", "disk full")

    failed: dict[str, Problem] = {}
    chores = Chores(failed, Faults(alarms), (Chore("a", full),))
    chores.start()
    wait_for(lambda: "a" in failed, 10, "the problem")
    chores.stop()
    assert not told(alarms)


@pytest.mark.parametrize("care", ["keep", "checkpoint", "shorten_outbox"])
def test_so_is_the_care_of_the_ledger(
    alarms: Alarms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, care: str
) -> None:
    def broken(*_: Any) -> None:
        raise AttributeError("nobody foresaw this")

    broken.__name__ = care
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        monkeypatch.setattr(ledger, care, broken)
        history = HistorySettings(outbox_full="drop")
        keeper = Keeping(ledger, history, alarms, Faults(alarms))
        keeper.start()
        try:
            wait_for(lambda: "nobody foresaw this" in told(alarms), 10, "the alarm")
        finally:
            keeper.stop()
    assert "care of the ledger, " in told(alarms)


def test_the_alarm_names_each_and_ends_a_while_after_the_last_of_them(
    alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Faults(alarms)
    ours.happened("chore a", KeyError("cam1"))
    ours.happened("chore b", ValueError("no number"))
    assert told(alarms) == "chore a: KeyError: 'cam1'; chore b: ValueError: no number"
    ours.tell()
    assert "chore a" in told(alarms)
    monkeypatch.setattr(faults, "TOLD_S", 0.0)
    ours.tell()
    assert not told(alarms)
