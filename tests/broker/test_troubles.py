"""What the broker refuses: subscriptions, and topics by PUBACK, DISCONNECT or closing; each is
reported by its own name."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from broker.troubles import Troubles
from broker.wire import Message
from schemas import Problem
from schemas.store.ledger import Ledger
from tests.broker.pair import HEAD
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("code", [0x80, 0x87, 0x8F])
@pytest.mark.parametrize("topic", ["trigger/+", "cmd/+", "result/+", "_fence"])
def test_a_refused_subscription_is_told_by_its_name_until_it_is_granted(
    pair: Any, topic: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.subscriptions.AGAIN_S", 0.5)
    two = pair(deny_subscribe={HEAD + topic: code})
    wait_for(lambda: f"{HEAD}{topic}" in two.bench.trouble, 10)
    deaf = topic == "trigger/+"
    assert set(two.bench.session.deaf) == ({"cam1", "cam2"} if deaf else set())
    two.online()
    two.bench.result("t1")
    wait_for(lambda: two.ids() == ["t1"])
    two.broker.rules.deny_subscribe.clear()
    wait_for(lambda: two.bench.trouble == "" and not two.bench.session.deaf, 10)
    two.trigger("t2")
    wait_for(lambda: two.ids() == ["t1", "t2"])
    assert len(two.broker.connects) == 1


@pytest.mark.parametrize("topic", ["trigger/+", "cmd/+", "result/+"])
def test_a_promised_wildcard_that_is_refused_is_replaced_by_each_topic_on_its_own(
    pair: Any, topic: str
) -> None:
    two = pair(deny_subscribe={HEAD + topic: 0xA2})
    two.online()
    wait_for(lambda: f"no wildcards for {HEAD}{topic}" in two.bench.trouble, 10)
    assert two.bench.session.deaf == {}
    two.trigger("t1")
    two.trigger("u1", station="cam2")
    wait_for(lambda: two.ids() == ["t1"] and two.ids("cam2") == ["u1"], 20)
    two.broker.publish(f"{HEAD}cmd/ping", b"{}")
    wait_for(lambda: [name for name, _ in two.bench.commands] == ["ping"], 20)
    assert len(two.broker.connects) == 1


@pytest.mark.parametrize("topic", ["trigger/+", "cmd/+", "result/+", "_fence"])
def test_a_filter_over_which_the_broker_ends_the_connection_is_found_out_and_all_others_are_heard(
    pair: Any, topic: str
) -> None:
    two = pair(deny_subscribe={HEAD + topic: "close"})
    two.online(20)
    wait_for(lambda: f"{HEAD}{topic}" in two.bench.trouble, 10)
    assert two.bench.session.deaf == {}, "where all together are refused each may be granted"
    two.trigger("t1")
    wait_for(lambda: two.ids() == ["t1"], 20)
    two.broker.publish(f"{HEAD}cmd/ping", b"{}")
    wait_for(lambda: [name for name, _ in two.bench.commands] == ["ping"], 20)
    assert len(two.broker.connects) == 3


def test_a_station_over_whose_filter_the_broker_closes_is_deaf_alone_until_it_is_granted(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.subscriptions.AGAIN_S", 0.5)
    monkeypatch.setattr("broker.subscriptions.ENDED_S", (3.0, 3.0))
    two = pair(terms={"wildcards": 0}, deny_subscribe={HEAD + "trigger/cam1": "close"})
    wait_for(lambda: set(two.bench.session.deaf) == {"cam1"}, 20)
    wait_for(lambda: HEAD + "trigger/cam1" in two.bench.trouble, 10)
    two.broker.rules.deny_subscribe.clear()
    two.trigger("t1", station="cam2")
    wait_for(lambda: two.ids("cam2") == ["t1"], 20)
    wait_for(lambda: not two.bench.session.deaf, 30)
    two.online(20)
    two.trigger("t2")
    wait_for(lambda: two.ids() == ["t2"], 20)


def test_a_flood_of_commands_holds_up_neither_results_nor_the_state(pair: Any) -> None:
    two = pair()
    two.online()
    two.broker.publish(f"{HEAD}cmd/ping", *(b"{}" for _ in range(3000)))
    two.trigger("t1")
    two.bench.session._outbox.retain("state", "", b'{"state":"Ready"}')
    wait_for(lambda: two.ids() == ["t1"], 60)
    wait_for(lambda: two.broker.on(f"{HEAD}state"), 60)
    wait_for(lambda: len(two.bench.commands) == 3000, 60)
    assert len(two.broker.connects) == 1


@pytest.mark.parametrize("topic", ["trigger/+", "_fence"])
def test_a_refused_subscription_is_told_on_mqtt_3_too(
    pair: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.subscriptions.AGAIN_S", 0.5)
    two = pair(v5="refuse", deny_subscribe={HEAD + topic: 0x80})
    wait_for(lambda: f"{HEAD}{topic}" in two.bench.trouble, 10)
    assert set(two.bench.session.deaf) == ({"cam1", "cam2"} if topic == "trigger/+" else set())
    two.broker.rules.deny_subscribe.clear()
    wait_for(lambda: f"{HEAD}{topic}" not in two.bench.trouble and not two.bench.session.deaf, 10)


@pytest.mark.parametrize("way", [0x87, 0x97, "disconnect", "close"])
def test_a_refused_result_topic_delays_no_other_station_and_comes_in_order_once_allowed(
    pair: Any, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.troubles.CONVICTED_S", 2.0)
    monkeypatch.setattr("broker.troubles.AGAIN_S", (0.5, 1.0))
    two = pair(deny_publish={HEAD + "result/cam1": way})
    two.online()
    for number in range(6):
        two.trigger(f"a{number}")
        two.trigger(f"b{number}", station="cam2")
        time.sleep(0.1)
    wait_for(lambda: two.ids("cam2") == [f"b{number}" for number in range(6)], 15)
    wait_for(lambda: HEAD + "result/cam1" in two.bench.trouble, 20)
    connects = len(two.broker.connects)
    assert connects < 8
    assert two.ids("cam1") == []
    two.broker.rules.deny_publish.clear()
    wait_for(lambda: two.ids("cam1") == [f"a{number}" for number in range(6)], 30)
    wait_for(lambda: two.bench.trouble == "")
    two.trigger("a6")
    wait_for(lambda: two.ids("cam1")[-1] == "a6")
    assert len(two.ids("cam1")) == 7


@pytest.mark.parametrize("way", [0x87, "disconnect"])
def test_a_retained_topic_that_is_refused_gets_its_newest_value_once_it_is_allowed(
    pair: Any, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.troubles.CONVICTED_S", 1.0)
    monkeypatch.setattr("broker.troubles.AGAIN_S", (0.5, 1.0))
    two = pair(deny_publish={HEAD + "state": way})
    two.online()
    outbox = two.bench.session._outbox
    outbox.retain("state", "", b'{"state":"Error"}')
    two.trigger("t1")
    wait_for(lambda: two.ids() == ["t1"])
    wait_for(lambda: HEAD + "state" in two.bench.trouble, 15)
    outbox.retain("state", "", b'{"state":"Ready"}')
    two.broker.rules.deny_publish.clear()
    wait_for(
        lambda: (
            [heard.payload for heard in two.broker.on(HEAD + "state")][-1:]
            == [b'{"state":"Ready"}']
        ),
        15,
    )
    wait_for(lambda: two.bench.trouble == "")


def test_a_confirmation_that_could_not_be_committed_is_made_again(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = pair()
    two.online()
    # its commit fails, and nobody hears of it
    monkeypatch.setattr(two.bench.ledger, "confirm_soon", lambda _id, _settled: None)
    two.trigger("t1", "t2")
    wait_for(lambda: two.ids() == ["t1", "t2"])
    wait_for(lambda: two.bench.ledger.outbox_depth()[0] == 0, 10)
    wait_for(lambda: all(not session.in_flight for session in two.broker.sessions.values()), 10)
    assert len(two.broker.connects) == 1


@pytest.mark.parametrize("what", ["pending_stations", "pending", "confirmed"])
def test_while_the_ledger_can_neither_be_read_nor_written_replies_and_the_state_go_out(
    pair: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    plain, broken = getattr(Ledger, what), threading.Event()

    def asked(*given: Any) -> Any:
        if broken.is_set():
            raise Problem("STORE_FAILED", "the disk is full")
        return plain(*given)

    broken.set()
    monkeypatch.setattr(Ledger, what, asked)
    monkeypatch.setattr(Ledger, "confirm_soon", lambda *_: None)
    two = pair()
    wait_for(lambda: two.bench.session.online)
    two.bench.result("t1")
    wait_for(lambda: "the disk is full" in two.bench.trouble, 10)
    outbox = two.bench.session._outbox
    for number in range(10):
        outbox.post("reply", "ping", b'{"request_id":"r%d"}' % number)
    outbox.retain("state", "", b'{"state":"Error"}')
    outbox.event("trigger.duplicate", "cam1", {})
    wait_for(lambda: len(two.broker.on(HEAD + "reply/ping")) == 10, 10)
    wait_for(
        lambda: two.broker.on(HEAD + "state") and two.broker.on(HEAD + "event/trigger.duplicate"),
        10,
    )
    broken.clear()
    wait_for(lambda: two.ids() == ["t1"] and two.bench.ledger.outbox_depth()[0] == 0, 20)
    wait_for(lambda: two.bench.trouble == "", 10)
    assert len(two.broker.connects) == 1


def test_subscriptions_that_are_never_answered_are_told_and_tried_again(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.served.SUBACK_S", 0.5)
    two = pair(answers_subscribe=False)
    wait_for(lambda: "subscriptions" in two.bench.trouble, 10)
    assert not two.bench.session.online
    two.broker.rules.answers_subscribe = True
    two.online(30)
    wait_for(lambda: two.bench.trouble == "")


def test_a_broker_that_closes_at_dots_costs_a_few_connections_not_one_for_each_topic(
    pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.troubles.DOTS_S", (60.0, 60.0))
    two = pair(no_dots=True)
    two.online()
    for number in range(12):
        two.bench.session._outbox.retain("alarm", f"HUNG.cam{number}", b"")
        two.bench.session._outbox.event("trigger.duplicate", "cam1", {"number": number})
    wait_for(lambda: "with a dot" in two.bench.trouble, 30)
    two.trigger(*[f"t{number}" for number in range(20)])
    wait_for(lambda: two.ids() == [f"t{number}" for number in range(20)], 30)
    assert len(two.broker.connects) <= 4
    assert "HUNG" not in two.bench.trouble
    known = json.loads(next(tmp_path.rglob("broker.json")).read_text())
    assert known["no_dots"] is True


@pytest.mark.parametrize("first", [True, False], ids=["from-the-start", "later"])
def test_a_topic_over_which_the_broker_closes_puts_no_blame_on_unanswered_subscriptions(
    pair: Any, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    monkeypatch.setattr("broker.troubles.DOTS_S", (60.0, 60.0))
    two = pair(no_dots=True, suback_s=0.3)
    if not first:
        two.online()
    for number in range(12):
        two.bench.session._outbox.retain("alarm", f"HUNG.cam{number}", b"")
        two.bench.session._outbox.event("trigger.duplicate", "cam1", {"number": number})
    wait_for(lambda: "with a dot" in two.bench.trouble, 20)
    two.online(20)
    assert "subscribes" not in two.bench.trouble
    assert len(two.broker.connects) <= 4


def test_what_was_learned_of_topics_with_a_dot_is_forgotten_once_the_broker_takes_one(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.troubles.DOTS_S", (0.5, 0.5))
    monkeypatch.setattr("broker.troubles.CONVICTED_S", 0.5)
    two = pair(no_dots=True)
    two.online()
    for number in range(4):
        two.bench.session._outbox.retain("alarm", f"HUNG.cam{number}", str(number).encode())
    wait_for(lambda: "with a dot" in two.bench.trouble, 30)
    two.broker.rules.no_dots = False
    wait_for(lambda: all(two.broker.on(f"{HEAD}alarm/HUNG.cam{number}") for number in range(4)), 30)
    wait_for(lambda: two.bench.trouble == "")


def test_what_was_remembered_of_topics_with_a_dot_holds_from_the_first_connection_on() -> None:
    troubles = Troubles(no_dots=True)
    assert troubles.held(f"{HEAD}alarm/HUNG.cam1")
    assert not troubles.may_send(f"{HEAD}event/trigger.duplicate", 0, 0)
    assert troubles.may_send(f"{HEAD}result/cam1", 5, 5)
    # a dot of the site's own path says nothing
    assert not troubles.held("acme.plant/inspection/v1/node-01/state")


def test_one_topic_with_a_dot_that_is_closed_at_says_nothing_where_one_was_taken_before() -> None:
    troubles = Troubles()
    troubles.taken(f"{HEAD}alarm/HUNG.cam2")
    denied = Message(f"{HEAD}alarm/HUNG.cam1", b"")
    for _ in range(3):
        troubles.ended([(denied, 50)], None, "lost")
    assert troubles.held(denied.topic)
    assert not troubles.held(f"{HEAD}alarm/HUNG.cam2")
