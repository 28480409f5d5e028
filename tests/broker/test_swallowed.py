"""A broker that takes the node's markers and delivers none: this is reported, and fresh parts are
not taken for old ones for long."""

import time
from typing import Any

import pytest

from broker.fence import Overdue
from tests.broker.pair import HEAD, Pair
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

SWALLOWED = {HEAD + "_fence": 0}  # it confirms what is published there, and no more


def trigger_until(two: Pair, done: Any, limit_s: float = 30.0) -> None:
    """Sends triggers all the while, one every 50 ms."""
    until = time.monotonic() + limit_s
    number = 0
    while not done():
        assert time.monotonic() < until, (two.bench.trouble, two.bench.backlogs[-3:])
        two.trigger(f"t{number}-{len(two.bench.backlogs)}")
        number += 1
        time.sleep(0.05)


def fresh(two: Pair, number: int = 20) -> bool:
    """Whether the last triggers were taken for new."""
    last = two.bench.backlogs[-number:]
    return len(last) == number and all(backlog is None for _, backlog in last)


def test_on_a_quiet_line_the_fence_is_given_up_and_what_comes_then_is_new_for_good(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.fence.GIVE_UP_S", 1.0)
    two = pair(deny_publish=SWALLOWED)
    two.online(20)
    wait_for(lambda: HEAD + "_fence" in two.bench.trouble)
    began = time.monotonic()
    # longer than a marker may be away
    trigger_until(two, lambda: time.monotonic() - began > 3.0 and fresh(two, 60))


def test_on_a_busy_line_too_and_a_marker_that_comes_back_counts_again(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.fence.LOST_S", 1.0)
    monkeypatch.setattr("broker.fence.EMPTY", 3)
    monkeypatch.setattr("broker.marking.PROBE_S", 0.1)
    monkeypatch.setattr("broker.fence.AGAIN_S", 0.5)
    monkeypatch.setattr("broker.marking.AGAIN_S", 0.5)
    two = pair(deny_publish=SWALLOWED)
    two.online(20)  # a first connection has nothing that waited
    two.broker.cut()
    wait_for(two.bench.told("offline"))
    trigger_until(two, lambda: two.bench.backlogs and two.bench.backlogs[-1][1] is not None)
    trigger_until(two, lambda: HEAD + "_fence" in two.bench.trouble and fresh(two), 60)
    two.broker.rules.deny_publish.clear()
    trigger_until(two, lambda: two.bench.trouble == "" and fresh(two), 60)
    assert two.bench.session.online


def test_a_broker_that_refuses_markers_is_not_waited_for(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.fence.LONGEST_S", (300.0, 3.0))
    two = pair(deny_publish={HEAD + "_fence": 0x87})
    two.online(20)
    wait_for(lambda: HEAD + "_fence" in two.bench.trouble)
    two.broker.cut()
    wait_for(two.bench.told("offline"))
    trigger_until(two, lambda: fresh(two), 60)


def test_markers_are_not_given_up_while_the_queue_may_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("broker.fence.time.monotonic", lambda: now)
    overdue = Overdue()
    overdue.taken()
    now += 100.0
    for _ in range(100):  # a backlog: something comes between each ping and its answer
        overdue.pinged(held=False)
        overdue.heard()
        overdue.ponged()
    assert not overdue.lost
    for _ in range(100):  # a storm: the broker waits for our acknowledgements
        overdue.pinged(held=True)
        overdue.ponged()
    assert not overdue.lost
    for _ in range(9):
        overdue.pinged(held=False)
        overdue.ponged()
    assert not overdue.lost
    overdue.pinged(held=False)
    overdue.ponged()
    assert overdue.lost
    overdue.came()
    assert not overdue.lost
