"""A connection's own marks: what they say of everything else when this process stood still."""

import time
from typing import Any

from broker.marking import Marking


class Quiet:
    """A connection, and turns, that take everything and answer nothing."""

    def ping(self) -> None:
        """Nothing comes back."""

    def marker(self, *_: Any) -> bool:
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
