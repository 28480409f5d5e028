"""What the contract says to each kind of trigger, seen on the real broker."""

import json

import pytest

from schemas import Result, SyntheticCamera
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess, settle
from tests.rooms.promise.promise import Line, stored, wait_for

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]


def test_one_trigger_gives_one_result_with_the_true_verdict(
    ready: Line, shared: NodeProcess
) -> None:
    from node.cameras.synthetic import truth

    before = len(stored(shared.ledger))
    result = ready.result(
        ready.trigger(payload={"trigger_id": "one", "part_id": "part-1", "meta": {"shift": "A"}})
    )
    assert (
        Result.model_validate_json(json.dumps(result)).verdict
        == truth(SyntheticCamera(), 1).verdict
    )
    assert (result["part_id"], result["meta"], result["assigned"]) == (
        "part-1",
        {"shift": "A"},
        False,
    )
    assert (result["seq"], result["source"], result["simulated"]) == (before + 1, "mqtt", True)
    assert result["received_at"] <= result["captured_at"] <= result["finished_at"]
    assert set(result["timings_ms"]) == {"wait", "acquire", "locate", "measure", "judge", "output"}
    assert result["duration_ms"] >= sum(result["timings_ms"].values()) - 0.1
    latest = ready.expect(
        lambda topic, value: topic == "latest/cam1" and value["trigger_id"] == "one"
    )
    assert latest == result


def test_a_known_id_gives_no_second_result_and_a_changed_payload_an_event(
    ready: Line, shared: NodeProcess
) -> None:
    counted = 'inspection_duplicates_total{station="cam1"}'
    before = shared.metrics().get(counted, 0)
    ready.result(ready.trigger(payload={"trigger_id": "t-1"}))
    ready.trigger(payload={"trigger_id": "t-1"})
    ready.trigger(payload={"trigger_id": "t-1", "part_id": "other"})
    event = ready.expect(lambda topic, value: topic == "event/trigger.duplicate")
    assert event["data"]["trigger_id"] == "t-1"
    ready.result(ready.trigger(payload={"trigger_id": "t-2"}))
    assert [result["trigger_id"] for result in ready.results()] == ["t-1", "t-2"]
    told = [
        json.loads(payload)
        for topic, payload, _, _ in list(ready.heard)
        if topic == "accepted/cam1"
    ]
    first = ready.results()[0]
    assert [(one["trigger_id"], one["known"], one["seq"], one["verdict"]) for one in told] == [
        ("t-1", True, first["seq"], first["verdict"])
    ] * 2
    # figures are put together once a second
    wait_for(lambda: shared.metrics()[counted] == before + 2, 10, "both are counted")


@pytest.mark.parametrize("payload", [b"", b"1", b'"go"', b"PRESS\0", b"TRUE", b" \n", b"{}"])
def test_a_payload_without_an_id_is_inspected_under_an_assigned_one(
    ready: Line, payload: bytes
) -> None:
    ready.trigger(payload=payload)
    result = ready.expect(lambda topic, value: topic == "result/cam1")
    assert result["assigned"] is True
    assert result["verdict"] in ("OK", "NG", "ERROR")
    assert result["error"] is None or result["error"]["code"] == "PART_NOT_FOUND"


def test_what_is_no_trigger_is_answered_bad_trigger_and_changes_nothing(
    ready: Line, shared: NodeProcess
) -> None:
    before = len(stored(shared.ledger))
    bad = [
        b"go now",
        b"[]",
        b"NaN",
        b'{"trigger_id":"a","trigger_id":"b"}',
        b'{"trigger_id":"../../etc/passwd"}',
        b'{"trigger_id":"a\\r\\nb"}',
        b'{"max_age_ms":1e999}',
        b'{"max_age_ms":"3"}',
        b'{"surprise":1}',
        b"{'trigger_id':'a'}",
        b'{"part_id":"\xff"}',
        b'{"part_id":"\\ud800"}',
        b'{"meta":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"meta":' + b"[" * 200000,
        b'{"part_id":"' + b"x" * 100_000 + b'"}',
        b"x" * 10_000_000,
    ]
    for payload in bad:
        ready.trigger(payload=payload)
    good = ready.result(ready.trigger(), limit_s=30)
    assert good["seq"] == before + len(bad) + 1
    answers = ready.results()[: len(bad)]
    assert {answer["error"]["code"] for answer in answers} == {"BAD_TRIGGER"}
    assert all(
        answer["trigger_id"].startswith("bad-") and answer["verdict"] == "ERROR"
        for answer in answers
    )
    assert len({answer["trigger_id"] for answer in answers}) == len(bad)
    ready.trigger(payload=bad[0])  # the same again is another message
    ready.result(ready.trigger())
    assert len(stored(shared.ledger)) == before + len(bad) + 3


def test_the_same_bad_payload_five_times_is_answered_five_times(ready: Line) -> None:
    for payload in (b'{"cmd":1}', b'{"trigger_id":"L3-1","part_id":5}'):
        seen = len(ready.results())
        for _ in range(5):
            ready.trigger(payload=payload)
        ready.result(ready.trigger())
        answers = ready.results()[seen : seen + 5]
        assert {answer["error"]["code"] for answer in answers} == {"BAD_TRIGGER"}
        assert len({answer["trigger_id"] for answer in answers}) == 5
        assert [a["trigger_id"] for a in answers if not a["trigger_id"].startswith("bad-")] == [
            "L3-1"
        ] * (b"L3" in payload)


def test_a_button_that_is_released_is_told_and_not_inspected(
    ready: Line, shared: NodeProcess
) -> None:
    before = len(stored(shared.ledger))
    for payload in (b"false", b"null", b"FALSE\0"):
        seen = len(ready.heard)
        ready.trigger(payload=payload)
        event = ready.expect(lambda topic, value: topic == "event/trigger.ignored", seen=seen)
        assert event["station"] == "cam1"
    ready.result(ready.trigger())
    assert [result["seq"] for result in ready.results()] == [before + 1]


def test_a_counter_that_begins_again_is_an_alarm_until_a_new_id_comes(ready: Line) -> None:
    def alarm(active: bool) -> bool:
        said = [
            payload
            for topic, payload, _, _ in list(ready.heard)
            if topic == "alarm/DUPLICATES.cam1"
        ]
        return bool(said) and bool(said[-1]) is active

    for _ in range(2):
        for number in (1, 2, 3):
            ready.trigger(payload={"trigger_id": f"L4-{number}"})
            ready.result(f"L4-{number}")
    wait_for(lambda: alarm(True), 10, "the alarm")
    ready.result(ready.trigger(payload={"trigger_id": "L4-4", "ack": True}))
    wait_for(lambda: alarm(False), 10, "its end")
    accepted = ready.expect(
        lambda topic, value: topic == "accepted/cam1" and value["trigger_id"] == "L4-4"
    )
    assert accepted == {"trigger_id": "L4-4", "known": False, "state": "waiting"}


def test_a_live_trigger_with_retain_is_a_trigger_and_the_one_that_the_broker_stored_is_ignored(
    alone: Line, node: NodeProcess
) -> None:
    topic = f"{alone.prefix}trigger/cam1"
    alone.client.publish(topic, b'{"trigger_id":"r-1"}', qos=1, retain=True).wait_for_publish(5)
    alone.result("r-1")
    node.kill()
    seen = len(alone.heard)
    node.start()
    event = alone.expect(lambda heard, value: heard == "event/trigger.retained", 20, seen)
    assert "r-1" in event["data"]["payload"]
    alone.client.publish(topic, b"", qos=1, retain=True).wait_for_publish(5)
    alone.result(alone.trigger())
    assert alone.results()[0]["trigger_id"] == "r-1"
    assert "r-1" not in [result["trigger_id"] for result in alone.results()[1:]]


def test_a_trigger_of_quality_0_is_inspected_and_the_sender_is_told(ready: Line) -> None:
    ready.client.publish(f"{ready.prefix}trigger/cam1", b'{"trigger_id":"q-0"}', qos=0)
    assert ready.result("q-0")["verdict"] in ("OK", "NG", "ERROR")
    ready.expect(lambda topic, value: topic == "event/trigger.qos0")


def test_a_trigger_for_a_station_that_does_not_exist_is_told(ready: Line) -> None:
    ready.client.publish(f"{ready.prefix}trigger/cam9", b"{}", qos=1)
    event = ready.expect(lambda topic, value: topic == "event/trigger.refused")
    assert event["data"]["code"] == "STATION_NOT_FOUND"
    assert event["data"]["stations"] == ["cam1"]


def test_a_program_that_does_not_exist_is_an_error_with_its_code(ready: Line) -> None:
    result = ready.result(ready.trigger(payload={"trigger_id": "no-such", "program": "no-such"}))
    assert (result["verdict"], result["evaluation"]) == ("ERROR", 3)
    assert result["error"]["code"] == "PROGRAM_NOT_FOUND"


def test_a_stale_sent_at_is_not_inspected_where_clocks_are_synced(
    tmp_path, broker, line: Line
) -> None:
    node = synthetic_node(tmp_path, broker.port, worker="thread", clocks_synced=True)
    node.start()
    try:
        line.state("Ready")
        old = line.result(
            line.trigger(payload={"trigger_id": "old", "sent_at": "2026-01-01T00:00:00Z"})
        )
        assert (old["verdict"], old["error"]["code"], old["captured_at"]) == (
            "ERROR",
            "TRIGGER_STALE",
            None,
        )
    finally:
        node.end()


def test_a_trigger_sent_while_the_node_was_away_is_stale(alone: Line, node: NodeProcess) -> None:
    node.kill()
    settle(2.5)
    late = alone.trigger(wait=True)
    node.start()
    result = alone.result(late, limit_s=20)
    assert (result["verdict"], result["error"]["code"]) == ("ERROR", "TRIGGER_STALE")
    assert alone.result(alone.trigger())["captured_at"] is not None


def test_one_trigger_too_many_is_answered_overrun_at_once(tmp_path, broker, line: Line) -> None:
    node = synthetic_node(
        tmp_path, broker.port, worker="thread", queue_limit=2, camera={"exposure_ms": 300.0}
    )
    node.start()
    try:
        line.state("Ready")
        ids = [line.trigger() for _ in range(10)]
        results = [line.result(trigger_id) for trigger_id in ids]
        codes = [result["error"] and result["error"]["code"] for result in results]
        assert codes.count("OVERRUN") >= 5
        assert [result["seq"] for result in line.results()] == list(range(1, 11))
        first_overrun = next(result for result in line.results() if result["error"])
        assert first_overrun["seq"] == 1, (
            "the overrun was not answered before the first inspection ended"
        )
    finally:
        node.end()


@pytest.mark.timeout(300)
def test_five_hundred_parts_of_the_synthetic_line_get_the_verdict_that_was_drawn(
    ready: Line,
) -> None:
    from node.cameras.synthetic import truth

    camera = SyntheticCamera()
    wrong = []
    for first in range(1, 501, 10):
        ids = {number: f"p-{number}" for number in range(first, first + 10)}
        for number, trigger_id in ids.items():
            ready.trigger(payload={"trigger_id": trigger_id, "part_id": f"part-{number}"})
        for number, trigger_id in ids.items():
            result = ready.result(trigger_id)
            if result["verdict"] != truth(camera, number).verdict:
                wrong.append((number, truth(camera, number), result["verdict"], result["error"]))
    assert not wrong
    verdicts = {result["verdict"] for result in ready.results()}
    assert verdicts == {"OK", "NG", "ERROR"}
