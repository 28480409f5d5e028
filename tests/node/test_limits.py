"""The time limits of the process are in an order in which each can be kept."""

from pathlib import Path

from broker import connection
from node import limits


def test_who_waits_under_a_lock_gives_up_before_anybody_is_missed_and_that_is_before_the_watchdog() -> None:
    beats = (limits.BEAT_S, limits.CHORES_BEAT_S)
    assert min(beats) > limits.LEDGER_S
    assert min(beats) > limits.STILL_S
    assert max(beats) < limits.WATCHDOG_S


def test_a_challenge_leaves_the_thread_of_commands_to_others_long_before_it_is_missed() -> None:
    assert limits.CHALLENGE_S <= limits.BEAT_S / 4


def test_an_end_takes_less_than_ten_seconds_and_its_parts_have_room_in_it() -> None:
    assert limits.END_S < 10
    assert limits.BROKER_STOP_S < limits.APART_S
    assert limits.BROKER.farewell_s < limits.BROKER_STOP_S


def test_a_dead_connection_is_found_in_the_promised_time_by_a_look_at_it_each_second() -> None:
    assert limits.BROKER.dead_s + connection.PASS_S <= limits.DEAD_S


def test_a_unit_that_is_shipped_has_the_watchdog_of_the_table() -> None:
    for unit in Path("deploy").rglob("*.service*"):
        seconds = [line for line in unit.read_text().splitlines() if line.startswith("WatchdogSec")]
        assert seconds in ([], [f"WatchdogSec={limits.WATCHDOG_S:g}"])
