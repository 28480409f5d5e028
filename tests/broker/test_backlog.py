"""What was sent while the node was away, or comes late, is never taken for fresh; and a flood holds
up nothing else."""

import threading
import time
from itertools import pairwise
from typing import Any

import pytest

from broker.fence import Lag
from schemas import Problem
from tests.broker.pair import HEAD
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


def test_all_that_is_delivered_before_the_marker_is_backlog_however_long_that_takes(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.fence.GIVE_UP_S", 1.0)
    two = pair(deliver_s=0.01)
    two.online()
    two.bench.answering = False
    two.broker.rules.up = False
    two.broker.cut()
    wait_for(two.bench.told("offline"))
    old = [f"old-{number}" for number in range(300)]
    two.trigger(*old)
    two.broker.rules.up = True
    wait_for(lambda: len(two.bench.backlogs) > 10)
    two.trigger("new-while-old-come")
    two.online(30)
    two.trigger("fresh")
    wait_for(lambda: len(two.bench.backlogs) == 302)
    backlogs = dict(two.bench.backlogs)
    assert [trigger_id for trigger_id, _ in two.bench.backlogs] == [
        *old,
        "new-while-old-come",
        "fresh",
    ]
    assert all(backlogs[each] is not None for each in old)
    ages = [backlogs[each].outage_s for each in old]
    # the longer the delivery takes, the older they are, except for moments in which a busy machine
    # makes the thread wait
    assert all(later > earlier - 0.5 for earlier, later in pairwise(ages))
    assert ages[-1] > ages[0] + 1.0
    assert backlogs["fresh"] is None


def test_a_marker_that_a_full_queue_dropped_is_sent_again(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.fence.AGAIN_S", 0.5)
    two = pair(deny_subscribe={})
    two.online()
    plain = two.broker.route
    lost: list[bytes] = []

    def route(topic: str, payload: bytes, qos: int, retain: bool) -> None:
        if topic == HEAD + "_fence" and not lost:
            lost.append(payload)
        else:
            plain(topic, payload, qos, retain)

    two.broker.route = route
    two.broker.cut()
    wait_for(two.bench.told("offline"))
    two.online(10)
    assert lost
    assert two.bench.trouble == ""


def test_thousands_of_waiting_triggers_are_taken_in_batches_with_a_beat_between(pair: Any) -> None:
    two = pair()
    two.online()
    two.bench.answering = False
    two.broker.rules.up = False
    two.broker.cut()
    wait_for(two.bench.told("offline"))
    two.trigger(*(f"t{number}" for number in range(3000)))
    two.broker.rules.up = True
    wait_for(lambda: len(two.bench.backlogs) > 0)
    stood = 0.0
    while len(two.bench.backlogs) < 3000:
        stood = max(stood, (time.monotonic_ns() - two.bench.session.beat_ns) / 1e9)
        time.sleep(0.01)
    assert stood < 8
    assert len({each for each, _ in two.bench.backlogs}) == 3000
    assert max(two.bench.batches) > 1
    assert max(two.bench.batches) <= 64  # our own receive maximum holds back the rest at the broker


def test_where_a_broker_does_not_hold_a_flood_back_commands_and_confirmations_are_not_behind_it(
    pair: Any,
) -> None:
    two = pair(holds_back=False)
    two.online()
    plain, asked = two.bench.take, []

    def take(deliveries: Any) -> None:
        time.sleep(0.05)  # a commit on a slow disk
        plain(deliveries)

    two.bench.session._take = take
    two.bench.session._command = lambda name, message, backlog: asked.append(
        len(two.bench.backlogs)
    )
    two.trigger(*(f"t{number}" for number in range(3000)))
    two.broker.publish(HEAD + "cmd/ping", b"{}")
    wait_for(lambda: len(two.bench.backlogs) == 3000, 90)
    assert asked[0] < 1500
    assert max(two.bench.batches) < 100
    wait_for(lambda: len(two.ids()) == 3000, 30)
    assert two.ids() == [f"t{number}" for number in range(3000)]


def test_what_waits_to_be_handed_over_grows_older_and_reading_stops_at_a_bound(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.reading.AHEAD", 300)
    two = pair(holds_back=False)
    two.online()
    two.bench.answering = False
    plain, waited, read = two.bench.take, [], []

    def take(deliveries: Any) -> None:
        time.sleep(0.1)
        waited.extend(delivery.waited_s for delivery in deliveries)
        read.append(len(two.bench.session._reading))
        plain(deliveries)

    two.bench.session._take = take
    two.trigger(*(f"t{number}" for number in range(2000)))
    wait_for(lambda: len(two.bench.backlogs) == 2000, 30)
    assert max(read) <= 400  # one read may bring a few more
    assert max(waited) > 0.15
    assert two.broker.broken == []


def test_triggers_that_come_late_through_a_slow_queue_are_told_from_fresh_ones(pair: Any) -> None:
    two = pair(deliver_s=0.02)
    two.online()
    two.bench.answering = False
    for number in range(300):  # twice as fast as they are delivered
        two.trigger(f"t{number}")
        time.sleep(0.01)
    wait_for(lambda: len(two.bench.backlogs) == 300)
    ages = [backlog.outage_s if backlog else 0.0 for _, backlog in two.bench.backlogs]
    assert max(ages) > 2
    assert "late" in " ".join(two.bench.told("trouble")())
    two.broker.rules.deliver_s = 0.0
    wait_for(lambda: two.bench.trouble == "", 15)
    two.trigger("fresh")
    wait_for(lambda: len(two.bench.backlogs) == 301)
    assert two.bench.backlogs[-1] == ("fresh", None)


def test_what_comes_after_a_standstill_of_the_process_counts_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("broker.fence.time.monotonic", lambda: now)
    lag = Lag()
    lag.ping(now)
    lag.pong()
    monkeypatch.setattr("broker.fence.time.monotonic", lambda: now + 12.5)
    assert lag.behind_s == 0
    lag.ping(now + 0.5)  # the loop had not looked since then
    assert lag.behind_s > 11
    lag.pong()
    assert lag.behind_s == 0


def test_what_waited_in_the_queue_of_the_broker_during_a_standstill_of_the_node_is_old(
    pair: Any,
) -> None:
    two = pair()
    two.online()
    two.bench.answering = False
    plain, go_on = two.bench.take, threading.Event()

    def take(deliveries: Any) -> None:
        if any(delivery.message.payload == b"t0" for delivery in deliveries):
            go_on.wait(10)  # as long as a machine that is paused
        plain(deliveries)

    two.bench.session._take = take
    two.trigger("t0")
    time.sleep(0.2)
    # more than the broker may send at a time
    two.trigger(*(f"t{number}" for number in range(1, 300)))
    time.sleep(3)
    go_on.set()
    wait_for(lambda: len(two.bench.backlogs) == 300)
    ages = [
        backlog.outage_s if backlog else 0.0
        for trigger_id, backlog in two.bench.backlogs
        if trigger_id != "t0"
    ]
    assert min(ages) > 2.5
    time.sleep(1.5)
    two.trigger("fresh")
    wait_for(lambda: len(two.bench.backlogs) == 301)
    assert two.bench.backlogs[-1] == ("fresh", None)


def test_an_outage_begins_when_the_connection_died_and_not_when_that_was_noticed(pair: Any) -> None:
    two = pair(given={"keepalive_s": 2})
    two.online()
    two.bench.answering = False
    two.broker.rules.deaf = True
    wait_for(two.bench.told("offline"), 17)  # some four seconds later
    two.trigger("old")
    two.broker.rules.deaf = False
    wait_for(lambda: two.bench.backlogs, 20)
    assert two.bench.backlogs[0][1] is not None
    assert two.bench.backlogs[0][1].outage_s > 3


def test_while_results_and_events_wait_for_few_credits_a_reply_goes_first(pair: Any) -> None:
    two = pair(terms={"receive_max": 2}, puback_s=0.05)
    two.online()
    outbox = two.bench.session._outbox
    for number in range(60):
        outbox.post("event", "line.busy", b'{"data":{}}')
        two.bench.result(f"t{number}")
    outbox.post("reply", "ping", b'{"request_id":"r"}')
    began = len(two.broker.heard)
    wait_for(lambda: two.broker.on(HEAD + "reply/ping"), 5)
    before = [heard.topic for heard in two.broker.heard].index(HEAD + "reply/ping") - began
    assert before < 10
    wait_for(lambda: len(two.ids()) == 60, 30)
    assert two.ids() == [f"t{number}" for number in range(60)]


def test_what_could_not_be_stored_over_some_connections_is_as_old_as_it_is(pair: Any) -> None:
    two = pair()
    two.online()
    two.bench.answering = False
    plain, full, tries = two.bench.take, threading.Event(), []

    def take(deliveries: Any) -> None:
        tries.append(two.bench.session.connects)
        if not full.is_set():
            raise Problem("STORE_FAILED", "the disk is full")
        plain(deliveries)

    two.bench.session._take = take
    began = time.monotonic()
    two.trigger("old")
    for connection in (1, 2):
        wait_for(lambda connection=connection: tries and tries[-1] == connection, 30)
        two.broker.cut()
    wait_for(lambda: tries[-1] == 3, 30)
    full.set()
    wait_for(lambda: two.bench.backlogs, 30)
    assert two.bench.backlogs[0][1] is not None
    assert two.bench.backlogs[0][1].outage_s > 0.8 * (time.monotonic() - began) - 0.5


def test_state_and_alarms_do_not_wait_for_the_confirmations_of_results(pair: Any) -> None:
    two = pair(terms={"receive_max": 32})
    two.online()
    two.broker.rules.puback_s = 600.0  # none comes in this test
    outbox = two.bench.session._outbox
    for number in range(60):
        two.bench.result(f"t{number}")
    wait_for(lambda: len(two.ids()) >= 20)
    outbox.retain("alarm", "STORE", b"{}")
    outbox.retain("state", "", b'{"state":"Error"}')
    wait_for(lambda: two.broker.on(HEAD + "state") and two.broker.on(HEAD + "alarm/STORE"))
    assert len(two.ids()) <= 30, "the last credits are for what cannot wait"
    two.broker.rules.puback_s = 0.0
    two.broker.cut()
    wait_for(lambda: list(dict.fromkeys(two.ids())) == [f"t{number}" for number in range(60)], 30)
    assert two.broker.broken == []
