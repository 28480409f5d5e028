"""The producer's end against a node and a broker that forgets; no clock but the test's own."""

import json

import pytest

from broker.ends import Accepted, Answered
from broker.sending import TRIGGERS_LIMIT, Sending
from schemas import Problem
from tests.broker.forgetful import NAMES, World, losing


@pytest.fixture
def sending() -> Sending:
    return Sending(NAMES)


def test_a_trigger_asks_to_be_told_and_is_accepted_once(sending: Sending) -> None:
    world = World(sending)
    world.connect()
    assert (
        sending.add("cam1", {"trigger_id": "t1", "part_id": "SN1", "program": None}, world.now)
        == "t1"
    )
    world.run(60)
    assert [json.loads(message.payload) for message in world.published] == [
        {"trigger_id": "t1", "part_id": "SN1", "ack": True}
    ]
    assert world.events == [Accepted("cam1", "t1", known=False)]
    assert sending.under_way == 0


def test_the_very_same_bytes_are_repeated_with_growing_pauses_until_it_is_accepted(
    sending: Sending,
) -> None:
    world = World(sending)
    world.connect()
    sending.add("cam1", {"trigger_id": "t1"}, world.now)
    world.deaf = True
    world.run(40)
    assert world.events == []
    assert len({message.payload for message in world.published}) == 1
    assert 6 <= len(world.published) <= 10, "1, 2, 4, then every 8 s"
    assert world.published[0].user == ()
    assert dict(world.published[2].user)["attempt"] == "3"
    assert 2400 <= int(dict(world.published[2].user)["age_ms"]) <= 3000
    world.deaf = False
    world.run(8)
    assert [type(event) for event in world.events] == [Accepted]
    assert world.events[0].known
    assert world.node.inspected == ["t1"]


def test_after_a_reconnect_everything_that_waits_goes_out_at_once_and_in_order(
    sending: Sending,
) -> None:
    world = World(sending)
    for number in range(5):
        sending.add("cam1", {"trigger_id": f"t{number}"}, world.now)
    world.deaf = True
    world.run(30)
    before = len(world.published)
    world.connect()
    world.run(0)
    assert [json.loads(message.payload)["trigger_id"] for message in world.published[before:]] == [
        f"t{n}" for n in range(5)
    ]


def test_a_known_id_that_was_answered_tells_its_verdict(sending: Sending) -> None:
    world = World(sending)
    world.connect()
    for _ in range(2):
        sending.add("cam1", {"trigger_id": "t1"}, world.now)
        world.run(10)
    again = world.events[1]
    assert isinstance(again, Accepted)
    assert (again.known, again.seq, again.verdict, again.evaluation) == (True, 1, "NG", 2)


def test_a_result_alone_says_that_its_trigger_is_in_the_ledger(sending: Sending) -> None:
    sending.add("cam1", {"trigger_id": "t1"}, 0.0)
    payload = b'{"trigger_id":"t1","result_id":"r","seq":7,"verdict":"OK","evaluation":1}'
    assert sending.heard(NAMES("result", "cam2"), payload, retain=False, now=1.0) == []
    assert sending.heard(NAMES("result", "cam1"), payload, retain=False, now=1.0) == [
        Accepted("cam1", "t1", False, "r", 7, "OK", 1)
    ]
    assert sending.due(99.0) == []


def test_a_result_that_was_lost_is_fetched(sending: Sending) -> None:
    world = World(sending)
    world.connect()
    world.node.waits = True
    sending.add("cam1", {"trigger_id": "t1"}, world.now, result=True)
    world.run(0.1)
    world.deaf = True
    world.node.answer("t1")
    world.run(0.1)
    world.deaf = False
    world.run(10)
    last = world.events[-1]
    assert isinstance(last, Answered)
    assert last.result["seq"] == 1
    assert [value["trigger_ids"] for value in world.node.asked] == [["t1"]]
    assert sending.under_way == 0


def test_a_result_that_the_node_no_longer_has_is_what_accepted_says(sending: Sending) -> None:
    world = World(sending)
    world.connect()
    sending.add("cam1", {"trigger_id": "t1"}, world.now)
    world.run(1)
    world.node.lost = {1}
    sending.add("cam1", {"trigger_id": "t1"}, world.now, result=True)
    world.run(10)
    last = world.events[-1]
    assert isinstance(last, Answered)
    assert (last.result["trigger_id"], last.result["seq"], last.result["verdict"]) == (
        "t1",
        1,
        "NG",
    )
    assert sending.under_way == 0


def test_what_is_no_trigger_is_refused_before_it_is_sent(sending: Sending) -> None:
    with pytest.raises(Problem) as caught:
        sending.add("cam1", {"part": "SN1"}, 0.0)
    assert caught.value.code == "BAD_TRIGGER"


def test_an_id_is_under_way_once_and_no_more_than_a_thousand_are(sending: Sending) -> None:
    sending.add("cam1", {"trigger_id": "t1"}, 0.0)
    with pytest.raises(Problem, match="under way"):
        sending.add("cam1", {"trigger_id": "t1"}, 0.0)
    for _ in range(TRIGGERS_LIMIT - 1):
        sending.add("cam1", {}, 0.0)
    with pytest.raises(Problem, match="BUSY"):
        sending.add("cam1", {}, 0.0)


@pytest.mark.parametrize(
    "payload", [b"", b"no json", b"[1]", b'{"trigger_id":{}}', b'{"trigger_id":"other"}']
)
@pytest.mark.parametrize("name", ["accepted", "result", "reply", "state"])
def test_what_anybody_else_says_changes_nothing(
    sending: Sending, name: str, payload: bytes
) -> None:
    sending.add("cam1", {"trigger_id": "t1"}, 0.0)
    assert sending.heard(NAMES(name, "cam1"), payload, retain=False, now=0.0) == []
    assert sending.under_way == 1


@pytest.mark.parametrize("seed", range(20))
def test_with_half_of_all_messages_lost_every_trigger_is_accepted_and_inspected_once(
    sending: Sending, seed: int
) -> None:
    world = World(sending, drops=losing(0.5, seed))
    world.connect()
    for number in range(50):
        sending.add("cam1", {"trigger_id": f"t{number}"}, world.now, result=number % 2 == 0)
        world.run(0.5)
        if number % 10 == 0:
            world.connect()
    world.run(600)
    accepted = [event.trigger_id for event in world.events if isinstance(event, Accepted)]
    answered = [event.trigger_id for event in world.events if isinstance(event, Answered)]
    assert sorted(accepted) == sorted(f"t{number}" for number in range(50))
    assert sorted(answered) == sorted(f"t{number}" for number in range(0, 50, 2))
    assert len(set(world.node.inspected)) == len(world.node.inspected) == 50
    assert sending.under_way == 0
