"""What comes again over a new connection is the same message, once, even if the broker does not say
so; everything else is new."""

from typing import Any

import pytest

from broker.acks import Ack, Acks
from broker.again import Again
from broker.wire import Incoming
from tests.broker.pair import HEAD
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


def press(payload: bytes = b"true") -> Incoming:
    return Incoming(f"{HEAD}trigger/cam1", payload)


def test_acknowledgements_go_out_in_the_order_in_which_the_messages_came() -> None:
    sent: list[int] = []
    acks = Acks(lambda mid, _qos: sent.append(mid))
    for mid in (7, 8, 9):
        acks.came(mid)
    acks.ack(Ack(9, 1), press())
    acks.ack(Ack(0, 0), press())
    acks.ack(Ack(8, 1))
    assert sent == []
    assert acks.unsure == [press()], "what was worked off is not acknowledged yet"
    acks.ack(Ack(7, 1))
    assert sent == [7, 8, 9]


def test_an_answer_to_what_was_sent_later_says_that_the_broker_has_an_acknowledgement() -> None:
    acks = Acks(lambda *_: None)
    before = acks.asked()
    for mid in (1, 2):
        acks.came(mid)
    acks.ack(Ack(1, 1), press(b"1"))
    acks.answered(before)
    assert acks.unsure == [press(b"1")], "this was sent earlier"
    between = acks.asked()
    acks.ack(Ack(2, 1), press(b"2"))
    acks.answered(between)
    assert acks.unsure == [press(b"2")]
    acks.answered(acks.asked())
    assert acks.unsure == []


def test_each_message_that_may_come_again_is_known_once() -> None:
    again = Again()
    again.ended([press(), press(), press(b"{")])
    again.began(session_present=True)
    assert [again.is_one(press()) for _ in range(3)] == [True, True, False]
    assert not again.is_one(Incoming(f"{HEAD}trigger/cam2", b"{"))
    assert again.is_one(press(b"{"))


def test_a_broker_that_has_no_session_for_us_brings_nothing_again() -> None:
    again = Again()
    again.ended([press()])
    again.began(session_present=False)
    assert not again.is_one(press())


def test_long_after_a_reconnect_nothing_comes_again(monkeypatch: Any) -> None:
    monkeypatch.setattr("broker.again.AGAIN_S", -1.0)
    again = Again()
    again.ended([press()])
    again.began(session_present=True)
    assert not again.is_one(press())


def test_a_redelivery_without_dup_and_after_the_marker_is_known_and_what_is_published_then_is_new(
    pair: Any,
) -> None:
    two = pair(marks_again=False)
    two.online()
    found: list[tuple[bytes, bool]] = []
    take = two.bench.session._take
    two.bench.session._take = lambda each: (
        found.extend((one.message.payload, one.same) for one in each),
        take(each),
    )

    def deliver() -> None:
        for payload in (b"press", b"other"):
            two.broker.route(f"{HEAD}trigger/cam1", payload, 1, False)
        two.broker.rules.deaf = True  # it will not read the acknowledgements

    two.broker.do(deliver)
    wait_for(lambda: len(found) == 2)
    wait_for(lambda: len(two.bench.session._connection.unsure) == 2)
    two.broker.cut()
    two.broker.rules.deaf = False
    wait_for(lambda: len(found) == 4, 20)
    assert sorted(found[2:]) == [(b"other", True), (b"press", True)]
    two.online()
    two.trigger("press", "press")
    wait_for(lambda: len(found) == 6, 20)
    assert found[4:] == [(b"press", False)] * 2


def test_what_the_broker_has_acknowledgements_for_is_new_when_it_comes_after_a_reconnect(
    pair: Any,
) -> None:
    two = pair()
    two.online()
    found: list[bool] = []
    take = two.bench.session._take
    two.bench.session._take = lambda each: (found.extend(one.same for one in each), take(each))
    two.trigger("press")
    wait_for(lambda: len(found) == 1, 20)
    wait_for(lambda: not any(session.in_flight for session in two.broker.sessions.values()), 20)
    wait_for(lambda: not two.bench.session._connection.unsure, 20)
    two.broker.cut()
    wait_for(two.bench.told("offline"))
    two.trigger("press")
    wait_for(lambda: found == [False, False], 20)
