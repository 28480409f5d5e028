"""Every trigger is answered once, under an id that its sender can know, and a sender that repeats
an id is told.

One file: the ways of a trigger into the ledger share one intake, and each is told from the others.
"""

import time
from pathlib import Path
from typing import Any

import pytest

from node.arrival import Received
from schemas import Problem, Trigger
from schemas.trigger import bad_id
from tests.rooms.installation.nodes import Still, still

pytestmark = pytest.mark.slow

ACK = {"trigger_id": "L3-1", "ack": True}


def answers(node: Still, station: str = "cam1") -> list[tuple[str, str | None]]:
    """(trigger id, code) of every result."""
    return [
        (each["trigger_id"], each["error"] and each["error"]["code"])
        for each in node.results(station)
    ]


def alarms(node: Still) -> set[str]:
    return set(node.service.alarms.active)


# accepted


def test_who_asks_is_told_when_the_trigger_is_in_the_ledger(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        node.deliver({"trigger_id": "quiet"}, {"trigger_id": "no", "ack": False}, ACK)
        assert node.said("accepted", "cam1") == [
            {"trigger_id": "L3-1", "known": False, "state": "waiting"}
        ]


def test_a_station_that_always_acknowledges_tells_it_of_every_trigger(tmp_path: Path) -> None:
    with still(tmp_path, ack="always", queue_limit=1) as node:
        node.deliver({"trigger_id": "L3-1"}, {"trigger_id": "L3-2"}, b"3,5")
        waiting, overrun, bad = node.said("accepted", "cam1")
        assert waiting == {"trigger_id": "L3-1", "known": False, "state": "waiting"}
        assert (overrun["state"], overrun["known"], overrun["seq"]) == ("answered", False, 1)
        assert (bad["trigger_id"], bad["verdict"], bad["evaluation"]) == (
            node.results()[1]["trigger_id"],
            "ERROR",
            3,
        )
        node.deliver(b"")
        assert node.said("accepted", "cam1")[0]["trigger_id"] == node.results()[2]["trigger_id"]


def test_a_known_id_is_told_whether_or_not_it_asks_and_its_verdict_once_it_is_answered(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        node.deliver({"trigger_id": "L3-1"})
        node.deliver({"trigger_id": "L3-1"})
        assert node.said("accepted", "cam1") == [
            {"trigger_id": "L3-1", "known": True, "state": "waiting"}
        ]
        node.inspect()
        node.deliver({"trigger_id": "L3-1"})
        (result,) = node.results()
        assert list(node.said("accepted", "cam1")[0].items()) == [
            ("trigger_id", "L3-1"),
            ("known", True),
            ("state", "answered"),
            ("result_id", result["result_id"]),
            ("seq", 1),
            ("verdict", result["verdict"]),
            ("evaluation", result["evaluation"]),
        ]


def test_nobody_is_told_of_a_trigger_that_could_not_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise Problem("STORE_FAILED", "disk full")

    with still(tmp_path, queue_limit=2) as node:
        with monkeypatch.context() as broken:
            broken.setattr(node.service.ledger, "accept_all", full)
            for _ in range(3):
                with pytest.raises(Problem, match="STORE_FAILED"):
                    node.deliver(ACK, {"trigger_id": "L3-2"})
        assert node.said("accepted", "cam1") == []
        node.deliver(ACK, {"trigger_id": "L3-2"})
        assert node.service.stations["cam1"].thread.waiting == 2, (
            "the places of those that were refused were not given back"
        )


def test_what_is_tried_again_until_it_can_be_stored_is_counted_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise Problem("STORE_FAILED", "disk full")

    with still(tmp_path) as node:
        metrics = node.service.stations["cam1"].metrics
        with monkeypatch.context() as broken:
            broken.setattr(node.service.ledger, "accept_all", full)
            for _ in range(3):
                with pytest.raises(Problem, match="STORE_FAILED"):
                    node.deliver({"trigger_id": "L3-2"}, b"false")
        assert node.said("event", "trigger.ignored") == []
        node.deliver({"trigger_id": "L3-2"}, b"false")
        assert len(node.said("event", "trigger.ignored")) == 1
        source = {"station": "cam1", "source": "mqtt"}
        assert metrics.registry.get_sample_value("inspection_triggers_total", source) == 1


# known ids


def test_every_repeated_id_is_an_event_and_three_in_a_row_an_alarm_until_a_new_one_comes(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        for number in (1, 2, 3):
            node.deliver({"trigger_id": f"L3-{number}"})
        node.deliver({"trigger_id": "L3-1"})
        node.deliver({"trigger_id": "L3-2", "part_id": "other"})
        assert [event["data"] for event in node.said("event", "trigger.duplicate")] == [
            {"trigger_id": "L3-1", "differs": False},
            {"trigger_id": "L3-2", "differs": True},
        ]
        assert "DUPLICATES.cam1" not in alarms(node)
        node.deliver({"trigger_id": "L3-3"})
        assert alarms(node) == {"DUPLICATES.cam1"}
        node.deliver(b"{")  # something that is not a trigger says nothing about a counter
        node.deliver(b"")
        assert alarms(node) == {"DUPLICATES.cam1"}
        node.deliver({"trigger_id": "L3-4"})
        assert alarms(node) == set()


def test_a_redelivery_is_told_but_is_no_sign_of_a_counter_that_began_again(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        node.deliver(*[{"trigger_id": f"L3-{n}"} for n in range(5)])
        node.deliver(*[{"trigger_id": f"L3-{n}"} for n in range(5)], again=True)
        assert [told["known"] for told in node.said("accepted", "cam1")] == [True] * 5
        assert node.said("event", "trigger.duplicate") == []
        assert alarms(node) == set()


def test_what_a_producer_repeats_until_it_is_accepted_is_no_sign_of_a_counter_that_began_again(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        node.deliver(*[{"trigger_id": f"L3-{n}", "ack": True} for n in range(5)])
        node.said("accepted", "cam1")
        node.deliver(
            *[{"trigger_id": f"L3-{n}", "ack": True} for n in range(5)],
            user=(("attempt", "2"), ("age_ms", "900")),
        )
        assert [told["known"] for told in node.said("accepted", "cam1")] == [True] * 5
        assert alarms(node) == set()


@pytest.mark.parametrize(
    ("age_ms", "code"),
    [
        ("0", None),
        ("1500", None),
        ("2500", "TRIGGER_STALE"),
        ("9" * 40, "TRIGGER_STALE"),
        ("", None),
        ("-1", None),
        ("nan", None),
    ],
)
def test_a_repeated_trigger_is_as_old_as_its_first_try(
    tmp_path: Path, age_ms: str, code: str | None
) -> None:
    with still(tmp_path) as node:
        node.deliver({"trigger_id": "L3-1"}, user=(("attempt", "3"), ("age_ms", age_ms)))
        assert answers(node) == ([("L3-1", code)] if code else [])


def test_another_time_of_sending_or_another_wish_is_the_same_trigger_and_spaces_are_too(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        node.deliver(b'{"trigger_id":"L3-1","part_id":"SN1"}')
        node.deliver(
            b'{ "part_id": "SN1", "trigger_id": "L3-1", "sent_at": "2026-11-22T01:02:03Z", "ack":'
            b' true, "meta": "" }\0'
        )
        assert [event["data"]["differs"] for event in node.said("event", "trigger.duplicate")] == [
            False
        ]


def test_known_ids_in_a_batch_take_no_place_from_new_ones(tmp_path: Path) -> None:
    with still(tmp_path, queue_limit=3) as node:
        node.deliver({"trigger_id": "L3-0"}, {"trigger_id": "L3-1"})
        node.deliver(*[{"trigger_id": f"L3-{n % 3}"} for n in range(9)])
        assert node.service.stations["cam1"].thread.waiting == 3
        assert answers(node) == []


# what is not a trigger


def test_the_same_bad_payload_is_answered_each_time_in_one_batch_and_in_many(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        node.deliver(b'{"cmd":1}', b'{"cmd":1}', b'{"cmd":2}')
        node.deliver(b'{"cmd":1}')
        node.deliver(b'{"cmd":1}', station="cam2")
        found = answers(node)
        assert {code for _, code in found} == {"BAD_TRIGGER"}
        assert len({trigger_id for trigger_id, _ in found}) == 4
        one, two, other, three = (trigger_id.rpartition("-") for trigger_id, _ in found)
        assert one[0] == two[0] == three[0] != other[0]
        assert [int(number[2]) for number in (one, two, three)] == [1, 2, 3]
        assert len(answers(node, "cam2")) == 1


def test_an_id_that_looks_like_one_of_a_bad_payload_changes_nothing(tmp_path: Path) -> None:
    begin = bad_id(b'{"cmd":1}')
    with still(tmp_path) as node:
        node.deliver(
            {"trigger_id": f"{begin}1x"}, {"trigger_id": f"{begin}00000003"}, {"trigger_id": begin}
        )
        node.deliver(b'{"cmd":1}', b'{"cmd":1}')
        assert answers(node) == [
            (f"{begin}00000004", "BAD_TRIGGER"),
            (f"{begin}00000005", "BAD_TRIGGER"),
        ]


def test_only_a_redelivery_of_a_bad_payload_is_the_same_message(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        node.deliver(b'{"cmd":1}', again=True)
        node.deliver(b'{"cmd":1}', b'{"trigger_id":"L3-1","x":1}')
        node.deliver(b'{"cmd":1}', b'{"trigger_id":"L3-1","x":1}', again=True)
        assert len(node.results()) == 3
        assert [told["trigger_id"] for told in node.said("accepted", "cam1")] == [
            node.results()[1]["trigger_id"],
            "L3-1",
        ]


def test_a_trigger_without_an_id_that_is_in_the_ledger_already_is_not_inspected_again(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        node.deliver(b"true")
        node.inspect()
        (first,) = node.results()
        node.deliver(b"true", same=True)
        node.deliver(b'{"part_id":"SN1"}', same=True)  # it was read, but not stored then
        node.inspect()
        assert [result["part_id"] for result in node.results()] == [None, "SN1"]
        assert [(told["known"], told["trigger_id"]) for told in node.said("accepted", "cam1")] == [
            (True, first["trigger_id"])
        ]
        assert node.said("event", "trigger.duplicate") == []
        node.deliver(b"true", b"true")
        node.inspect()
        assert len(node.results()) == 4, "these are others"


def test_a_bad_payload_is_answered_under_the_id_that_it_claims_unless_that_is_known(
    tmp_path: Path,
) -> None:
    bad = b'{"trigger_id":"L3-1","part_id":5}'
    with still(tmp_path) as node:
        node.deliver(bad, bad)
        node.deliver(bad, b'{"trigger_id":"L3-2","x":1}')
        first, second, third, other = answers(node)
        assert (first, other) == (("L3-1", "BAD_TRIGGER"), ("L3-2", "BAD_TRIGGER"))
        assert second[0].startswith("bad-")
        assert third[0].startswith("bad-")
        assert second[0] != third[0]
        node.deliver({"trigger_id": "L3-1"})
        assert node.said("accepted", "cam1")[-1]["state"] == "answered"
        node.deliver({"trigger_id": "L3-3"}, b'{"trigger_id":"L3-3","x":1}')
        assert answers(node)[-1][0].startswith("bad-"), (
            "the id is that of the trigger before it in the batch"
        )


def test_an_acknowledgement_that_a_bad_payload_asks_for_comes(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        node.deliver(b'{"trigger_id":"L3-1","ack":true,"surprise":1}')
        assert [(told["trigger_id"], told["state"]) for told in node.said("accepted", "cam1")] == [
            ("L3-1", "answered")
        ]


@pytest.mark.parametrize("payload", [b"false", b"null", b"FALSE\0"])
def test_a_button_that_is_released_is_an_event_and_nothing_else(
    tmp_path: Path, payload: bytes
) -> None:
    with still(tmp_path) as node:
        node.deliver(payload)
        assert [event["station"] for event in node.said("event", "trigger.ignored")] == ["cam1"]
        assert node.results() == []
        assert node.service.ledger.waiting() == []


@pytest.mark.parametrize(
    ("plain", "trigger_id", "part_id"), [("part_id", None, "4711"), ("trigger_id", "4711", None)]
)
def test_a_plain_number_is_a_part_or_an_id_as_the_station_says(
    tmp_path: Path, plain: str, trigger_id: Any, part_id: Any
) -> None:
    with still(tmp_path, plain=plain) as node:
        node.deliver(b"4711")
        node.inspect()
        (result,) = node.results()
        assert (result["assigned"], result["part_id"]) == (trigger_id is None, part_id)
        assert trigger_id in (None, result["trigger_id"])


# age


def sent(ago_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago_s))


@pytest.mark.parametrize("source", ["mqtt", "command", "http", "gpio", "timer"])
@pytest.mark.parametrize(
    ("clocks_synced", "trigger", "outage_s", "age_s", "code"),
    [
        (True, {"sent_at": 60.0}, None, 0.0, "TRIGGER_STALE"),
        (True, {"sent_at": 60.0, "max_age_ms": 3_600_000}, None, 0.0, None),
        (False, {"sent_at": 60.0}, None, 0.0, None),
        (True, {"sent_at": 0.0}, 30.0, 0.0, "TRIGGER_STALE"),
        (False, {}, 30.0, 0.0, "TRIGGER_STALE"),
        (False, {}, 1.0, 0.0, None),
        (False, {"max_age_ms": 500}, 1.0, 0.0, "TRIGGER_STALE"),
        (False, {}, None, 3.0, "TRIGGER_STALE"),
        (False, {}, None, 1.0, None),
        (True, {"sent_at": -60.0}, None, 3.0, "TRIGGER_STALE"),
    ],
)
def test_every_source_is_asked_for_the_age_of_its_trigger_in_the_same_way(
    tmp_path: Path,
    source: Any,
    clocks_synced: bool,
    trigger: dict[str, Any],
    outage_s: float | None,
    age_s: float,
    code: str | None,
) -> None:
    given = trigger | ({"sent_at": sent(trigger["sent_at"])} if "sent_at" in trigger else {})
    with still(tmp_path, clocks_synced=clocks_synced) as node:
        if source == "mqtt" and age_s == 0.0:
            node.deliver({"trigger_id": "L3-1", **given}, outage_s=outage_s)
        else:
            from broker.reading import Backlog

            backlog = None if outage_s is None else Backlog(outage_s)
            one = Trigger.model_validate({"trigger_id": "L3-1", **given})
            node.service.intake.take(
                node.service.stations["cam1"], one, source, Received.now(age_s), backlog=backlog
            )
        assert answers(node) == ([("L3-1", code)] if code else [])
        assert len(node.service.ledger.waiting()) == (code is None)


def test_what_became_too_old_while_it_waited_is_not_inspected(tmp_path: Path) -> None:
    with still(tmp_path, max_age_ms=50, clocks_synced=True) as node:
        node.deliver(
            {"trigger_id": "a"},
            {"trigger_id": "b", "max_age_ms": 60_000},
            {"trigger_id": "c", "sent_at": sent(0)},
        )
        time.sleep(0.06)
        node.inspect()
        codes = dict(answers(node))
        assert (codes["a"], codes["c"]) == ("TRIGGER_STALE", "TRIGGER_STALE")
        assert codes["b"] == "PROGRAM_NOT_FOUND"


@pytest.mark.parametrize(
    ("outage_s", "age_ms", "waited_s", "code"),
    [
        (None, "58000", 3, "TRIGGER_STALE"),
        (58.0, "", 3, "TRIGGER_STALE"),
        (30.0, "28000", 3, "TRIGGER_STALE"),
        (None, "", 61, "TRIGGER_STALE"),
        (20.0, "20000", 3, "PROGRAM_NOT_FOUND"),
    ],
)
def test_a_part_is_as_old_at_its_inspection_as_its_trigger_came_and_has_waited_since(
    tmp_path: Path, outage_s: float | None, age_ms: str, waited_s: int, code: str
) -> None:
    user = (("attempt", "3"), ("age_ms", age_ms)) if age_ms else ()
    with still(tmp_path, max_age_ms=60_000) as node:
        node.deliver({"trigger_id": "L3-1"}, outage_s=outage_s, user=user)
        older_ms = (outage_s or 0.0) * 1000 + float(age_ms or 0)
        assert [row.older_ms for row in node.service.ledger.waiting()] == [older_ms], (
            "it must be known after a restart"
        )
        line = node.service.stations["cam1"].thread._queue
        part = line.get_nowait()
        part.received_ns -= waited_s * 1_000_000_000
        line.put(part)
        node.inspect()
        assert answers(node) == [("L3-1", code)]


def test_a_trigger_whose_result_cannot_be_made_is_answered_smaller_as_are_all_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import node.publish
    import node.told

    build = node.told.build

    def fails(found: Any, *more: Any) -> Any:
        if found.part.trigger_id == "L3-1":
            raise ValueError("as asked")
        return build(found, *more)

    monkeypatch.setattr(node.publish, "build", fails)
    with still(tmp_path) as one:
        one.deliver(
            {"trigger_id": "L3-0"}, {"trigger_id": "L3-1"}, {"trigger_id": "L3-2"}, outage_s=30.0
        )
        assert answers(one) == [
            ("L3-0", "TRIGGER_STALE"),
            ("L3-1", "INTERNAL"),
            ("L3-2", "TRIGGER_STALE"),
        ]


# batches, edges


def test_a_storm_is_answered_at_once_and_in_one_commit(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        before = node.service.ledger.commits
        node.deliver(*[{"trigger_id": f"L3-{n:03d}"} for n in range(256)])
        assert node.service.ledger.commits == before + 1
        assert answers(node) == [(f"L3-{n:03d}", "OVERRUN") for n in range(16, 256)]
        assert [result["seq"] for result in node.results()] == list(range(1, 241))
        assert node.service.stations["cam1"].thread.waiting == 16


def test_every_edge_of_an_input_line_is_answered_also_those_that_found_no_place(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        now = time.monotonic_ns()
        for _ in range(300):
            node.service.edges.put("cam2", now)
        for _ in range(300 // 64 + 1):
            node.service.sources.give_edges(0.0)
        found = answers(node, "cam2")
        assert len(found) + node.service.stations["cam2"].thread.waiting == 300
        assert {code for _, code in found} == {"OVERRUN"}


def test_an_edge_that_waited_too_long_is_stale(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        node.service.edges.put("cam1", time.monotonic_ns() - 3_000_000_000)
        node.service.sources.give_edges(0.0)
        assert [code for _, code in answers(node)] == ["TRIGGER_STALE"]
