"""The keeper of the ledger: alarms about the clock and the ledger's files, and their end."""

import threading
from pathlib import Path

import pytest

from broker.outbox import Outbox
from broker.topics import Names
from node.alarms import Alarms
from node.chores import keeping
from node.chores.faults import Faults
from node.chores.keeping import Jumps, Keeping
from node.limits import BEAT_S
from schemas.settings import HistorySettings
from schemas.store.ledger import Ledger, LedgerEntry, LogHeld, log
from tests.rooms.installation.nodes import still
from tests.rooms.promise.clocks import SetClock
from tests.rooms.promise.ledgers import build, new
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

DAY = 86400.0


def test_a_clock_that_goes_as_it_should_is_no_alarm() -> None:
    clock = SetClock()
    jumps = Jumps(clock)
    for _ in range(100):
        clock.go(1.0)
        clock.at += 0.01  # a time server that slews
        assert jumps.look() is None


@pytest.mark.parametrize(
    ("jump", "words"), [(400 * DAY, "ahead by 400 days"), (-3600.0, "back by 60 minutes")]
)
def test_a_clock_that_is_set_is_told_for_a_minute_and_so_is_its_way_back(
    jump: float, words: str
) -> None:
    clock = SetClock()
    jumps = Jumps(clock)
    clock.at += jump
    for _ in range(60):
        told = jumps.look()
        assert told is not None
        assert words in told
        clock.go(1.0)
    assert jumps.look() is None
    clock.at -= jump
    assert jumps.look() is not None


def test_a_clock_that_was_never_set_is_told_until_it_is() -> None:
    clock = SetClock(90_000.0)
    jumps = Jumps(clock)
    clock.go(10_000)
    told = jumps.look()
    assert told is not None
    assert "never set: it says 1970-01-02" in told
    clock.at = 1_795_000_000.0
    told = jumps.look()
    assert told is not None
    assert "ahead" in told
    clock.go(61)
    assert jumps.look() is None


def test_what_a_ledger_lost_and_a_log_that_is_held_are_alarms_that_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "ALARM_S", 0.0)
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    path.unlink()
    ledger = Ledger(path)
    alarms = Alarms(("cam1",), Outbox(Names("inspection/v1", "node-01")))
    held: list[LogHeld] = []
    monkeypatch.setattr(ledger, "log_held", lambda: held[0] if held else None)
    keeper = Keeping(ledger, HistorySettings(), alarms, Faults(alarms), clock=SetClock())
    keeper.start()
    assert "gone or empty" in alarms.active["LEDGER"].message
    assert "log is" not in alarms.active["LEDGER"].message
    held.append(LogHeld(40_000_000, 77.0))
    wait_for(
        lambda: "log is 40 MB and cannot be shortened for 77 s" in alarms.active["LEDGER"].message,
        10,
        "the log",
    )
    held.clear()
    wait_for(lambda: "log is" not in alarms.active["LEDGER"].message, 10, "the end of it")
    assert "gone or empty" in alarms.active["LEDGER"].message
    assert "CLOCK" not in alarms.active
    keeper.stop()
    ledger.close()


def test_moving_a_log_that_takes_as_long_as_the_disk_needs_holds_up_nobody_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "ALARM_S", 0.0)
    monkeypatch.setattr(log, "HELD_S", 0.0)
    with still(tmp_path) as node:
        service, disk = node.service, threading.Event()
        service.ledger.accept_all([LedgerEntry(new("t1"), build("t1"))])
        monkeypatch.setattr(Ledger, "_move", lambda *_, **__: disk.wait())
        assert service._beats()["moving"][1] == BEAT_S
        service.keeping.start()
        wait_for(
            lambda: "is being moved for" in str(service.alarms.active.get("LEDGER")),
            10,
            "the alarm",
        )
        assert "moving" not in service._beats()
        before = service.keeping.beat_ns
        wait_for(lambda: service.keeping.beat_ns > before, 10, "a sign of life")
        assert service.ledger.accept_all([LedgerEntry(new("t2"), build("t2"))])
        disk.set()
        wait_for(lambda: "LEDGER" not in service.alarms.active, 10, "the end of the alarm")
        wait_for(lambda: "moving" in service._beats(), 10, "its heartbeat")
        service.keeping.stop()


def test_a_station_that_goes_by_sent_at_with_a_clock_that_nobody_keeps_is_told_until_somebody_does(
    tmp_path: Path,
) -> None:
    clock = SetClock()
    ledger = Ledger(tmp_path / "ledger.db", clock=clock)
    alarms = Alarms(("cam1",), Outbox(Names("inspection/v1", "node-01")))
    keeper = Keeping(ledger, HistorySettings(), alarms, Faults(alarms), ("cam1",), clock)
    keeper._tell()
    assert "cam1 judges sent_at" in alarms.active["CLOCK"].message
    clock.kept = True
    keeper._tell()
    assert "CLOCK" not in alarms.active
    Keeping(ledger, HistorySettings(), alarms, Faults(alarms), (), SetClock())._tell()
    assert "CLOCK" not in alarms.active
    ledger.close()


def test_it_removes_what_is_too_old_and_keeps_the_stamp_and_the_reserve(tmp_path: Path) -> None:
    clock = SetClock()
    ledger = Ledger(tmp_path / "ledger.db", clock=clock)
    for number in range(3):
        ledger.accept_all([LedgerEntry(new(f"t{number}"), build(f"t{number}"))])
    ledger.confirmed([row.result_id for row in ledger.pending(0, 10)])
    alarms = Alarms((), Outbox(Names("inspection/v1", "node-01")))
    keeper = Keeping(
        ledger,
        HistorySettings(max_days=1.0),
        alarms,
        Faults(alarms),
        clock=clock,
    )
    keeper._prune()
    clock.go(2 * DAY)
    keeper._prune_at = 0.0
    keeper._prune()
    assert ledger.counts("cam1") == {"ERROR": 3}  # what was counted stays counted
    assert [row[0] for row in ledger.read("SELECT seq FROM results")] == [3]
    keeper.start()
    wait_for(lambda: (tmp_path / "ledger.reserve").exists(), 10, "the reserve")
    keeper.stop()
    ledger.close()
