"""What the broker says in CONNACK is kept to, on MQTT 5 and 3.1.1; what it lacks is reported; and
nothing storms.

One file: one table of what a broker may say in CONNACK.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from schemas import Result
from tests.broker.pair import HEAD
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


def test_messages_are_acknowledged_in_the_order_in_which_they_came(pair: Any) -> None:
    two = pair(stations=("cam1",))
    two.online()
    for number in range(60):  # echoes wait for a commit, triggers between them do not
        two.trigger(f"t{number}")
        time.sleep(0.005)
    wait_for(lambda: len(two.ids()) == 60, 20, "all results")
    wait_for(lambda: not two.bench.session._results._echoed, 20, "the echoes' confirmations")
    assert two.broker.broken == []


@pytest.mark.parametrize("most", [1, 2, 10, 20, 65535])
@pytest.mark.parametrize(("count", "puback_s"), [(1, 0.02), (2, 0.0), (8, 0.0), (32, 0.02)])
def test_no_more_messages_wait_for_their_puback_than_the_broker_allows(
    pair: Any, most: int, count: int, puback_s: float
) -> None:
    stations = tuple(f"cam{number}" for number in range(1, count + 1))
    two = pair(stations=stations, terms={"receive_max": most}, puback_s=puback_s)
    outbox = two.bench.session._outbox
    for station in stations:
        outbox.retain("alarm", f"CAMERA.{station}", b"")
    two.online(5)
    for number in range(5):
        two.trigger(f"t{number}")
    wait_for(lambda: two.ids() == [f"t{number}" for number in range(5)])
    outbox.retain("state", "", b'{"state":"Ready"}')
    wait_for(lambda: two.broker.on(HEAD + "state"), 5)
    assert two.broker.most_unacknowledged <= most
    assert two.broker.broken == []
    assert len(two.broker.connects) == 1


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"retain": 0}, "retained"),
        ({"max_qos": 0}, "QoS 0"),
        ({"max_qos": 1}, ""),
        ({"expiry": 0}, "no session"),
        ({"expiry": 60}, "60 s"),
        ({"wildcards": 0}, HEAD + "trigger/+"),
        ({"shared": 0, "aliases": 5, "reason": "welcome"}, ""),
        ({"aliases": 0}, ""),
        ({"keep_alive": 0}, ""),
        ({"keep_alive": 65535}, ""),
        ({"keep_alive": 1200}, ""),
        ({"keep_alive": 1}, ""),
        ({"max_packet": 2048}, "2048"),
    ],
)
def test_the_node_connects_with_less_where_the_broker_has_less_and_tells(
    pair: Any, terms: dict[str, Any], told: str
) -> None:
    two = pair(terms=terms)
    two.online()
    two.trigger("t1", "t2")
    wait_for(lambda: two.ids() == ["t1", "t2"])
    assert two.broker.broken == []
    assert len({client_id for _, _, client_id in two.broker.connects}) == 1
    refused = {"retain": 0}.items() & terms.items() or {"max_qos": 0}.items() & terms.items()
    # a will that it does not take is left out
    assert len(two.broker.connects) == (2 if refused else 1)
    wait_for(lambda: told in two.bench.trouble)
    assert bool(two.bench.trouble) == bool(told)


@pytest.mark.parametrize("most", [1024, 4096])
def test_nothing_larger_than_the_packet_limit_is_sent_and_results_are_valid_all_the_same(
    pair: Any, most: int
) -> None:
    two = pair(terms={"max_packet": most})
    two.online()
    outbox = two.bench.session._outbox
    two.bench.long = True
    two.trigger("t1")
    outbox.post(
        "reply",
        "capture",
        json.dumps({"request_id": "r1", "ok": True, "data": {"image": "x" * 9000}}).encode(),
    )
    outbox.post("image", "cam1", b"x" * 9000, content_type="image/jpeg")
    (result,) = wait_for(lambda: two.broker.on(HEAD + "result/cam1"))
    found = Result.model_validate_json(result.payload)
    stored = Result.model_validate_json(two.bench.ledger.results("cam1", trigger_ids=["t1"])[0])
    assert len(stored.tools) == 40
    for name in ("result_id", "trigger_id", "seq", "verdict", "evaluation", "station"):
        assert getattr(found, name) == getattr(stored, name)
    (reply,) = wait_for(lambda: two.broker.on(HEAD + "reply/capture"))
    assert json.loads(reply.payload)["error"]["code"] == "REPLY_TOO_LARGE"
    assert max(heard.size for heard in two.broker.heard) <= most
    assert len(two.broker.connects) == 1
    assert two.broker.on(HEAD + "image/cam1") == []


@pytest.mark.parametrize("says_why", [True, False])
def test_one_end_of_a_connection_teaches_a_packet_limit_that_a_broker_keeps_to_itself(
    pair: Any, says_why: bool
) -> None:
    two = pair(silent_terms={"max_packet": 1000}, says_why=says_why)
    two.online()
    two.bench.session._outbox.retain("info", "", info(100))
    wait_for(lambda: two.broker.on(HEAD + "info"), 30)
    two.bench.long = True
    two.trigger("t1", "t2")
    wait_for(lambda: two.ids() == ["t1", "t2"], 30)
    assert len(two.broker.connects) == 2
    wait_for(lambda: "bytes" in two.bench.trouble)
    assert ("seems" in two.bench.trouble) == (not says_why)
    two.bench.again()
    two.online()
    two.trigger("t3")
    wait_for(lambda: two.ids()[-1] == "t3")
    assert len(two.broker.connects) == 3, "it is remembered"
    assert len(two.broker.broken) == 1


def info(stations: int) -> bytes:
    """As the node says at its start what it is."""
    value = {"version": "1", "stations": {f"cam{number}": {} for number in range(stations)}}
    return json.dumps(value | {"schemas": {}, "programs": {}, "limits": {}}).encode()


def test_a_guess_that_was_right_costs_one_connection_more_and_is_kept(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.longest.WHOLE_S", (1.0, 86400.0))
    two = pair(silent_terms={"max_packet": 1000}, says_why=False)
    two.online()
    two.bench.long = True
    two.trigger("t1")
    wait_for(lambda: two.ids() == ["t1"], 30)
    sent = 1
    while "does not take" not in two.bench.trouble:
        sent += 1
        assert sent < 100
        two.trigger(f"t{sent}")
        wait_for(lambda: len(two.ids()) == sent, 30)  # noqa: B023
        time.sleep(0.1)
    assert len(two.broker.broken) == 2
    two.bench.again()
    two.online()
    wait_for(lambda: "does not take" in two.bench.trouble)


def test_a_guess_that_was_wrong_is_forgotten_and_results_are_whole_again(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.longest.WHOLE_S", (1.0, 86400.0))
    two = pair()
    two.online()
    two.broker.rules.puback_s = 3600.0
    two.bench.session._outbox.retain("info", "", info(100))
    wait_for(lambda: two.broker.on(HEAD + "info"))
    two.broker.cut()  # it was no fault of that packet
    two.broker.rules.puback_s = 0.0
    two.bench.long = True
    sent = 0
    while (
        not sent or two.bench.trouble or len(two.broker.on(HEAD + "result/cam1")[-1].payload) < 1000
    ):
        sent += 1
        assert sent < 100
        two.trigger(f"t{sent}")
        wait_for(lambda: len(two.ids()) == sent, 30)  # noqa: B023
        time.sleep(0.1)
    assert len(two.broker.connects) == 2
    found = two.broker.on(HEAD + "result/cam1")[-1].payload
    assert found == two.bench.ledger.results("cam1", trigger_ids=[f"t{sent}"])[0]


def test_a_client_id_that_is_too_long_is_replaced_by_one_that_every_broker_takes_and_stays_that(
    pair: Any,
) -> None:
    two = pair(id_bytes=23, given={"client_id": "press-3-vision-of-the-second-hall"})
    two.online()
    assert len(two.broker.connects) == 2
    first = two.bench.session.client_id
    assert len(first) <= 23
    assert first.isalnum()
    two.bench.again()
    two.online()
    assert two.broker.connects[-1][2] == first
    assert len(two.broker.connects) == 3


@pytest.mark.parametrize("terms", [{"retain": 0}, {"max_qos": 0}, {"retain": 0, "max_qos": 0}])
def test_a_will_that_the_broker_does_not_take_is_left_out_at_once_after_a_restart(
    pair: Any, terms: dict[str, int]
) -> None:
    two = pair(terms=terms)
    two.online()
    assert len(two.broker.connects) == 2, "one refusal"
    two.bench.again()
    two.online()
    assert len(two.broker.connects) == 3
    two.broker.rules.terms = {}
    for _ in range(2):  # it says now that it would; the next will is whole again
        two.bench.again()
        two.online()
    assert (
        two.bench.session._presence.ask().will_retain,
        two.bench.session._presence.ask().will_qos,
    ) == (True, 1)


def test_what_a_broker_says_and_names_when_it_refuses_us_is_told(pair: Any) -> None:
    two = pair(refusal=(0x9D, "moved for good\n", "other.plant:1883"))
    wait_for(lambda: "moved for good\\n (it names other.plant:1883)" in two.bench.trouble, 15)
    assert not two.bench.session.online


def test_what_a_broker_says_and_names_when_it_sends_us_away_is_told(pair: Any) -> None:
    two = pair()
    two.online()
    two.broker.rules.up = False
    two.broker.send_away(0x9C, "use another one", "second.plant")
    wait_for(
        lambda: any(
            "use another one (it names second.plant)" in each
            for each in two.bench.told("trouble")()
        ),
        15,
    )


def test_an_id_that_the_broker_assigns_is_asked_for_again_after_a_restart(pair: Any) -> None:
    two = pair(terms={"assigned_id": "given-7"}, given={"client_id": ""})
    two.online()
    two.bench.again()
    two.online()
    assert [client_id for _, _, client_id in two.broker.connects] == ["", "given-7"]


@pytest.mark.parametrize("refusal", ["refuse", "refuse as 3.1.1", "close"])
def test_mqtt_3_is_spoken_where_the_broker_refuses_5_and_5_is_tried_again_at_the_next_start(
    pair: Any, refusal: str
) -> None:
    two = pair(v5=refusal)
    two.online()
    assert two.bench.session.protocol == "3.1.1"
    wait_for(lambda: "3.1.1" in two.bench.trouble)
    two.trigger("t1")
    wait_for(lambda: two.ids() == ["t1"])
    two.broker.rules.v5 = "yes"
    two.bench.again()
    two.online()
    assert two.bench.session.protocol == "5.0"
    wait_for(lambda: two.bench.trouble == "")


def test_mqtt_5_once_spoken_is_not_given_up_for_a_proxy_that_accepts_and_closes(pair: Any) -> None:
    two = pair()
    two.online()
    two.broker.rules.up = False
    two.broker.cut()
    began = len(two.broker.connects)
    time.sleep(6)
    two.broker.rules.up = True
    two.online()
    assert {version for _, version, _ in two.broker.connects[began:]} == {5}
    two.bench.again()
    two.online()
    assert two.bench.session.protocol == "5.0"


@pytest.mark.parametrize("asked_s", [0, 65535])
def test_a_broker_that_goes_silent_is_noticed_whatever_keep_alive_it_asks_for(
    pair: Any, asked_s: int
) -> None:
    two = pair(terms={"keep_alive": asked_s}, given={"keepalive_s": 2})
    two.online()
    two.broker.rules.deaf = True
    wait_for(two.bench.told("offline"), 17)
    two.broker.rules.deaf = False
    two.online(20)


def test_a_keep_alive_of_one_second_is_kept_while_nothing_happens(pair: Any) -> None:
    two = pair(terms={"keep_alive": 1})
    two.online()
    time.sleep(4)
    assert two.bench.session.online
    assert two.broker.broken == []
    assert len(two.broker.connects) == 1


def test_a_connection_that_ends_right_after_each_connect_is_tried_ever_more_seldom(
    pair: Any,
) -> None:
    two = pair(terms={"receive_max": 10}, deny_publish={HEAD + "_fence": "close"})
    time.sleep(5)
    assert len(two.broker.connects) < 10
    wait_for(lambda: HEAD + "_fence" in two.bench.trouble)


def test_an_alive_file_that_cannot_be_written_is_told_and_takes_nobody_off_line(
    pair: Any, tmp_path: Path
) -> None:
    (tmp_path / "alive").mkdir()
    two = pair()
    two.online()
    two.trigger("t1")
    wait_for(lambda: two.ids() == ["t1"])
    wait_for(lambda: "alive" in two.bench.trouble)
    assert two.bench.session.online
