"""Lived time: seconds that passed, whatever the calendar says."""

from schemas.store.clock import Lived
from tests.rooms.promise.clocks import SetClock


def test_it_goes_on_as_fast_as_the_boot_clock_and_over_restarts_of_the_process() -> None:
    clock = SetClock()
    lived = Lived(None, clock)
    assert lived() == 0.0
    clock.go(100)
    last = lived.reading()
    clock.go(50)
    assert Lived(last, clock)() == 150.0
    clock.at = 0.0
    clock.kept = True
    assert Lived(last, clock)() == 150.0


def test_while_the_machine_is_off_it_counts_what_a_time_server_tells_and_else_nothing() -> None:
    clock = SetClock()
    first = Lived(None, clock)
    clock.go(10)
    unsure = first.reading()
    clock.kept = True
    sure = first.reading()
    clock.off(1000)
    assert Lived(unsure, clock)() == 10.0
    assert Lived(sure, clock)() == 1010.0
    clock.kept = False
    early = Lived(sure, clock)
    clock.go(5)
    assert early() == 15.0
    clock.kept = True  # as usual: the time server answers some seconds after the start
    early.reading()
    assert early() == 1015.0
    early.reading()
    assert early() == 1015.0


def test_a_clock_that_was_put_back_while_the_machine_was_off_makes_nothing_younger() -> None:
    clock = SetClock()
    clock.kept = True
    lived = Lived(None, clock)
    clock.go(10)
    last = lived.reading()
    clock.off(-5000)
    assert Lived(last, clock)() == 10.0
