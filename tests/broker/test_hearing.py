"""The consumer's end against a node and a broker that forgets; no clock but the test's own."""

import itertools
import json

import pytest

from broker.ends import Delivered, Gone
from broker.hearing import CHUNK, HELD_LIMIT, Hearing
from tests.broker.forgetful import NAMES, World, losing

RESULT, LATEST = NAMES("result", "cam1"), NAMES("latest", "cam1")


def seqs(world: World) -> list[int]:
    """The seq of each delivered result, in order."""
    return [event.result["seq"] for event in world.events if isinstance(event, Delivered)]


def result(seq: int, result_id: str | None = None) -> bytes:
    return json.dumps({"result_id": result_id or f"r{seq:06d}", "seq": seq}).encode()


def produce(world: World, count: int) -> None:
    for _ in range(count):
        world.node.answer(f"t{len(world.node.rows) + 1}")


def test_results_are_delivered_once_however_often_they_come() -> None:
    hearing = Hearing(NAMES)
    events = [hearing.heard(RESULT, result(seq), retain=False, now=0.0) for seq in (5, 5, 6, 5, 6)]
    assert [len(each) for each in events] == [1, 0, 1, 0, 0]
    assert hearing.position == {"cam1": 6}


def test_the_first_result_that_is_heard_is_the_first_and_a_stored_latest_is_history() -> None:
    hearing = Hearing(NAMES)
    assert hearing.heard(LATEST, result(41), retain=True, now=0.0) == []
    assert hearing.due(60.0)  # it has been quiet for long: is there more?
    assert len(hearing.heard(RESULT, result(42), retain=False, now=61.0)) == 1
    other = Hearing(NAMES)
    other.heard(LATEST, result(41), retain=False, now=0.0)  # live: its result comes too
    assert len(other.heard(RESULT, result(41), retain=False, now=0.0)) == 1


def test_a_gap_is_asked_for_and_what_came_after_it_waits_for_its_turn() -> None:
    world = World(Hearing(NAMES))
    world.connect()
    produce(world, 2)
    world.run(0)
    world.deaf = True
    produce(world, 3)
    world.run(0)
    world.deaf = False
    produce(world, 1)
    world.run(0)
    assert seqs(world) == [1, 2]
    world.run(2)
    assert [(value["from_seq"], value["to_seq"]) for value in world.node.asked] == [(3, 5)]
    assert seqs(world) == [1, 2, 3, 4, 5, 6]


def test_a_latest_that_is_ahead_is_enough_to_notice_a_loss() -> None:
    world = World(Hearing(NAMES, after={"cam1": 0}))
    produce(world, 3)
    world.connect(forgets=False)
    world.run(2)
    assert seqs(world) == [1, 2, 3]


def test_a_broker_that_forgot_results_and_latest_is_found_out_at_the_next_connection() -> None:
    world = World(Hearing(NAMES))
    world.connect()
    produce(world, 1)
    world.run(0)
    produce(world, 2)
    world.connect()
    world.run(2)
    assert seqs(world) == [1, 2, 3]


def test_the_last_results_of_a_burst_are_asked_for_after_a_while_of_silence_and_then_no_more() -> (
    None
):
    world = World(Hearing(NAMES))
    world.connect()
    produce(world, 1)
    world.run(0)
    world.deaf = True
    produce(world, 2)
    world.run(1)
    world.deaf = False
    world.run(60)
    assert seqs(world) == [1, 2, 3]
    asked = len(world.node.asked)
    world.run(3600)
    assert len(world.node.asked) <= asked + 1


def test_after_a_position_all_that_the_node_has_is_delivered_in_chunks() -> None:
    world = World(Hearing(NAMES, after={"cam1": 10}))
    produce(world, 2 * CHUNK + 15)
    world.connect()
    world.run(5)
    assert seqs(world) == list(range(11, 2 * CHUNK + 16))
    assert max(value["to_seq"] - value["from_seq"] for value in world.node.asked) < CHUNK


def test_what_the_node_no_longer_has_is_told_and_passed_over() -> None:
    world = World(Hearing(NAMES, after={"cam1": 0}))
    produce(world, 9)
    world.node.lost = {1, 2, 3, 6}
    world.connect(forgets=False)
    world.run(5)
    assert [event for event in world.events if isinstance(event, Gone)] == [
        Gone("cam1", 1, 3),
        Gone("cam1", 6, 6),
    ]
    assert seqs(world) == [4, 5, 7, 8, 9]


def test_a_result_made_while_the_node_answers_that_there_is_none_is_not_given_up() -> None:
    hearing = Hearing(NAMES, after={"cam1": 10})
    hearing.connected(0.0)
    asked = json.loads(hearing.due(0.0)[0].payload)
    # 11 and 12 were made after the node had looked; 11 was lost
    hearing.heard(RESULT, result(12), retain=False, now=0.1)
    reply = {
        "request_id": asked["request_id"],
        "ok": False,
        "error": {"code": "RESULT_NOT_FOUND", "message": ""},
    }
    assert (
        hearing.heard(NAMES("reply", "resend"), json.dumps(reply).encode(), retain=False, now=0.2)
        == []
    )
    again = json.loads(hearing.due(1.0)[0].payload)
    assert (again["from_seq"], again["to_seq"]) == (11, 11)
    assert [type(event) for event in hearing.heard(RESULT, result(11), retain=False, now=1.1)] == [
        Delivered,
        Delivered,
    ]


def test_a_node_that_is_away_is_asked_again_with_growing_pauses() -> None:
    hearing = Hearing(NAMES, after={"cam1": 10})
    hearing.connected(0.0)
    at: list[float] = []
    now = 0.0
    while now < 300:
        at += [now for _ in hearing.due(now)]
        now += 0.1
    pauses = [after - before for before, after in itertools.pairwise(at)]
    assert len(at) < 20
    assert max(pauses) <= 31
    assert len({json.loads(message.payload)["request_id"] for message in hearing.due(999.0)}) == 1


def test_who_would_rather_see_than_wait_passes_over_a_gap_that_nobody_closes() -> None:
    hearing = Hearing(NAMES, patience_s=10.0)
    hearing.heard(RESULT, result(1), retain=False, now=0.0)
    assert hearing.heard(RESULT, result(3), retain=False, now=1.0) == []
    events = hearing.heard(RESULT, result(4), retain=False, now=12.0)
    assert events[0] == Gone("cam1", 2, 2)
    assert [event.result["seq"] for event in events[1:] if isinstance(event, Delivered)] == [3, 4]


def test_a_node_that_numbers_anew_is_followed_and_an_old_stored_latest_is_not() -> None:
    hearing = Hearing(NAMES)
    hearing.heard(RESULT, result(500, "0190-b"), retain=False, now=0.0)
    # a broker that restored an old state
    hearing.heard(LATEST, result(20, "0190-a"), retain=True, now=1.0)
    assert hearing.position == {"cam1": 500}
    hearing.heard(LATEST, result(1, "0190-c"), retain=False, now=2.0)
    events = hearing.heard(RESULT, result(1, "0190-c"), retain=False, now=2.0)
    assert [type(event) for event in events] == [Delivered]


def test_stations_have_their_own_order_and_others_are_left_out_if_some_are_named() -> None:
    hearing = Hearing(NAMES, stations=("cam1",))
    assert hearing.heard(NAMES("result", "cam2"), result(1), retain=False, now=0.0) == []
    assert len(hearing.heard(RESULT, result(9), retain=False, now=0.0)) == 1
    assert NAMES("result", "+") not in hearing.filters


def test_no_more_than_a_bound_is_held_for_an_earlier_one_and_nothing_is_lost_by_that() -> None:
    count = HELD_LIMIT + 50
    world = World(Hearing(NAMES, after={"cam1": 0}))
    world.connect()
    world.deaf = True
    produce(world, 1)
    world.run(0)
    world.deaf = False
    produce(world, count - 1)
    world.run(30)
    assert seqs(world) == list(range(1, count + 1))


@pytest.mark.parametrize(
    "payload", [b"", b"no json", b"[1]", b"{}", b'{"seq":true,"result_id":"x"}', b'{"seq":"1"}']
)
def test_what_is_no_result_is_left_out(payload: bytes) -> None:
    hearing = Hearing(NAMES)
    for topic in (RESULT, LATEST, NAMES("reply", "resend"), NAMES("state"), "elsewhere"):
        assert hearing.heard(topic, payload, retain=False, now=0.0) == []


@pytest.mark.parametrize("seed", range(20))
def test_with_half_of_all_messages_lost_and_many_reconnects_all_are_delivered_once_and_in_order(
    seed: int,
) -> None:
    world = World(Hearing(NAMES, after={"cam1": 0}), drops=losing(0.5, seed))
    world.connect()
    for number in range(200):
        produce(world, 1)
        world.run(0.2)
        if number % 20 == 0:
            world.connect(forgets=number % 40 == 0)
    world.run(900)
    assert seqs(world) == list(range(1, 201))
    assert not [event for event in world.events if isinstance(event, Gone)]
