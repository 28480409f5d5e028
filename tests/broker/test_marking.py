"""A connection's own marks: what they say about everything else after this process stood still."""

import time
from typing import Any

from broker.marking import Marking
from broker.wire import Message


class Quiet:
    """A connection, and turns, that take everything and answer nothing."""

    def __init__(self) -> None:
        self.markers: list[Message] = []

    def ping(self) -> None:
        """Pass time in which nothing comes back."""

    def marker(self, _: Any, message: Message) -> bool:
        self.markers.append(message)
        return True


def test_a_probe_that_is_long_overdue_says_that_nobody_has_looked_since_it_was_due() -> None:
    quiet: Any = Quiet()
    marking = Marking(quiet, "_fence", session_present=False, outage_s=0.0, keepalive_s=15)
    now = time.monotonic()
    marking._lag._pings.current_at = now - 30.5
    marking._probed_at = now - 30.0
    marking.probe(quiet, now)
    assert now - marking.current_at > 28
    assert marking.behind_s > 28


def test_a_probe_in_time_says_that_all_is_fresh() -> None:
    quiet: Any = Quiet()
    marking = Marking(quiet, "_fence", session_present=False, outage_s=0.0, keepalive_s=15)
    now = time.monotonic()
    marking.probe(quiet, now)
    marking.pong()
    assert now - marking.current_at < 2
    assert marking.behind_s == 0


def test_a_marker_that_is_back_before_it_is_confirmed_is_not_waited_for_any_more() -> None:
    quiet: Any = Quiet()
    marking = Marking(quiet, "_fence", session_present=True, outage_s=0.0, keepalive_s=15)
    marking.probe(quiet, time.monotonic())
    (marker,) = quiet.markers
    assert marking.came(marker.payload)
    marking.taken(marker.payload)
    assert marking._overdue.taken_at is None
