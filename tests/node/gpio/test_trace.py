"""The trace of the lines: a client that asks now and then misses no change, or what it missed is
counted."""

import threading

import pytest

from node.gpio.driver import LineDriver
from node.gpio.memory import MemoryBank
from node.gpio.trace import LineTrace
from schemas import MemoryLines
from tests.rooms.promise.promise import wait_for

MS = 1_000_000
OFF = {"ok": False, "ng": False}


def test_a_pulse_between_two_questions_is_told_with_its_length() -> None:
    trace = LineTrace()
    first = trace.told(None, None, 0)
    assert (first["number"], first["changes"], first["last"]) == (0, [], {})
    trace.changed(OFF, {"ok": True, "ng": False}, 1000 * MS)
    trace.changed({"ok": True, "ng": False}, OFF, 1100 * MS)
    told = trace.told(first["number"], None, 1500 * MS)
    assert told["changes"] == [(1, 500.0, "ok", True), (2, 400.0, "ok", False)]
    assert told["last"] == {"ok": {"age_ms": 400.0, "ms": 100.0}}
    assert told["pulses"] == {"ok": 1}
    assert trace.told(told["number"], None, 1600 * MS)["changes"] == []


def test_what_is_still_active_has_no_length_yet() -> None:
    trace = LineTrace()
    trace.changed(OFF, {"ok": True}, 0)
    assert trace.told(None, None, 70 * MS)["last"] == {"ok": {"age_ms": 70.0, "ms": None}}


def test_what_could_not_be_kept_is_counted() -> None:
    trace = LineTrace(kept=4)
    for number in range(5):
        trace.changed(OFF, {"ok": True}, number)
        trace.changed({"ok": True}, OFF, number)
    told = trace.told(2, None, 10)
    assert [each[0] for each in told["changes"]] == [7, 8, 9, 10]
    assert told["missed"] == 4
    assert told["pulses"] == {"ok": 5}


@pytest.mark.parametrize("after", [None, 999])
def test_without_a_number_that_is_known_the_last_ten_seconds_are_told(after: int | None) -> None:
    trace = LineTrace()
    trace.edge(0)
    trace.edge(5_000 * MS)
    told = trace.told(after, True, 10_500 * MS)
    assert told["changes"] == [(2, 5500.0, "trigger", True)]
    assert told["last"] == {"trigger": {"age_ms": 5500.0, "ms": None}}
    assert (told["pulses"], told["missed"], told["input"]) == ({"trigger": 2}, 0, True)


def test_a_driver_tells_outputs_edges_and_the_level_of_the_input() -> None:
    settings = MemoryLines.model_validate(
        {"kind": "memory", "ok": 1, "ng": 2, "trigger": {"line": 3, "debounce_ms": 0}}
    )
    bank = MemoryBank(settings)
    driver = LineDriver({"cam1": (settings, bank)}, lambda _station, _at: None)
    driver.start()
    try:
        assert driver.told("cam1")["input"] is False
        driver.show("cam1", "OK", {})
        bank.pull(True)
        wait_for(lambda: "trigger" in driver.told("cam1")["pulses"], 10, "the edge")
        wait_for(lambda: driver.told("cam1")["last"]["ok"]["ms"] is not None, 10, "the pulse's end")
        told = driver.told("cam1")
        assert told["input"] is True
        assert told["pulses"] == {"ok": 1, "trigger": 1}
        assert told["last"]["ok"]["ms"] >= settings.drive.pulse_ms
        assert {role for _, _, role, _ in told["changes"]} == {"ok", "trigger"}
    finally:
        driver.stop(5)


def test_a_question_that_is_answered_late_closes_no_lines() -> None:
    """A verdict that is driven too late does: a page that looks on must not stop the line."""
    answer = threading.Event()

    class Slow(MemoryBank):
        def level(self) -> bool | None:
            answer.wait(10)
            return super().level()

    settings = MemoryLines.model_validate(
        {"kind": "memory", "ok": 1, "trigger": {"line": 3, "debounce_ms": 0}}
    )
    driver = LineDriver({"cam1": (settings, Slow(settings))}, lambda _station, _at: None)
    driver.start()
    try:
        assert driver.told("cam1", timeout_s=0.1)["input"] is None
        answer.set()
        assert driver.show("cam1", "OK", {}, timeout_s=10) == "ok"
        assert driver.problem("cam1") is None
        assert driver.told("cam1", timeout_s=10)["input"] is False
    finally:
        answer.set()
        driver.stop(5)
