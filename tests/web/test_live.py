"""Event streams over real HTTP (werkzeug's threaded server), with results from the real broker and
a ledger."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from deploy.demo.broker_process import BrokerProcess
from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.ledgers import fill, payload
from tests.rooms.promise.promise import wait_for
from tests.rooms.promise.streams import Node, Reader
from web import stream as module
from web.records import records_of
from web.site import NAME
from web.stream import parse_event_id

pytestmark = pytest.mark.slow

FILLED = 20


@pytest.fixture
def app(tmp_path: Path, broker: BrokerProcess) -> Iterator[Flask]:
    (tmp_path / "state").mkdir()
    fill(tmp_path / "state" / "ledger.db", FILLED)
    made = application(tmp_path, broker_port=broker.port)
    made.config["EVENT_STREAMS"] = 2
    yield made
    made.extensions[NAME].close()


@pytest.fixture
def node(app: Flask, broker: BrokerProcess) -> Iterator[Node]:
    made = Node(broker.port, app.extensions[NAME].state / "ledger.db")
    watch = app.extensions[NAME].watch
    wait_for(lambda: watch.state is not None, 10, "the web hears the node")
    yield made
    made.close()


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()


@pytest.fixture
def viewer(app: Flask) -> Someone:
    return Someone(app, "VIEWER")


def test_a_stream_begins_with_what_is_known_and_tells_results_states_and_alarms(
    node: Node, port: int, viewer: Someone
) -> None:
    reader = Reader(port, viewer.token)
    assert (reader.status, reader.headers["content-type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )
    hello = reader.next("hello")[2]
    assert (hello["state"]["state"], hello["link"]["broker"], hello["link"]["node"]) == (
        "Ready",
        "ok",
        "ok",
    )
    assert hello["link"]["age_s"] >= 0
    node.result(11)
    event_id, _, result = reader.next("result")
    assert (event_id, result["seq"]) == ("cam1:11,cam2:10", 11)
    node.say(
        "alarm/DISK_SPACE", {"code": "DISK_SPACE", "message": "full", "since": "now"}, retain=True
    )
    assert reader.next("alarm")[2]["alarm"]["message"] == "full"
    node.say("alarm/DISK_SPACE", None, retain=True)
    assert reader.next("alarm")[2] == {"code": "DISK_SPACE", "alarm": None}
    node.say("state", {"state": "Offline"}, retain=True)
    assert reader.next("link")[2]["node"] == "away"
    reader.close()


def test_a_reader_that_comes_back_misses_nothing_and_hears_nothing_twice(
    node: Node, port: int, viewer: Someone
) -> None:
    reader = Reader(port, viewer.token, "cam1:8,cam2:10")
    assert [reader.next("result")[2]["seq"] for _ in range(2)] == [9, 10]
    node.result(11)
    node.result(12, publish=False)  # its message is lost
    node.say("result/cam1", {**payload(1011, "cam1", 11)})  # sent again
    node.result(13)
    assert [reader.next("result")[2]["seq"] for _ in range(3)] == [11, 12, 13]
    reader.close()


def test_garbage_in_last_event_id_begins_anew(
    app: Flask, node: Node, port: int, viewer: Someone
) -> None:
    app.config["EVENT_STREAMS"] = 50
    garbage = [
        "",
        "x",
        "cam1",
        "cam1:-1",
        "cam1:1e9",
        "cam1:999999999999999",
        "cam9:1",
        "' OR 1=1",
        "%0d%0a",
        "\xff\xfe",
        "cam1:5," * 300,
    ]
    for seq, each in enumerate(garbage, 11):
        reader = Reader(port, viewer.token, each)
        assert reader.status == 200, each
        reader.next("hello")
        node.result(seq)
        assert reader.next("result")[2]["seq"] == seq, each
        reader.close()


def test_what_is_too_much_to_tell_again_is_named(
    node: Node, port: int, viewer: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPLAY", 3)
    reader = Reader(port, viewer.token, "cam1:1,cam2:10")
    assert reader.next("gap")[2] == {"station": "cam1", "from_seq": 2, "to_seq": 7}
    assert [reader.next("result")[2]["seq"] for _ in range(3)] == [8, 9, 10]
    reader.close()


def test_beyond_the_cap_a_stream_is_refused_and_all_else_answers(
    app: Flask, node: Node, port: int, viewer: Someone
) -> None:
    other = Someone(app, "VIEWER")
    readers = [Reader(port, someone.token) for someone in (viewer, other)]
    for reader in readers:
        reader.next("hello")
    refused = Reader(port, Someone(app, "VIEWER").token)
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert app.test_client().get("/api/v1/health").status_code == 200
    assert Someone(app, "VIEWER").get("/results?limit=1")["results"]
    readers[0].close()
    live = records_of(app).live
    node.say("event/x", {"type": "x", "at": "now"})  # something to send finds out that it has gone
    wait_for(
        lambda: (node.say("event/x", {"type": "x"}), len(live) < 2)[1], 15, "the place is free"
    )
    again = Reader(port, viewer.token)
    assert again.status == 200
    for reader in (readers[1], refused, again):
        reader.close()


def test_a_reader_who_does_not_read_is_dropped_and_hinders_nobody(
    app: Flask, node: Node, port: int, viewer: Someone
) -> None:
    slow, quick = Reader(port, viewer.token), Reader(port, Someone(app, "VIEWER").token)
    quick.next("hello")
    live = records_of(app).live
    wait_for(lambda: len(live) == 2, 5, "both are there")
    heard = threading.Event()

    def read() -> None:
        while not heard.is_set() and quick.next("notice")[2]["kind"] != "last":
            pass
        heard.set()

    threading.Thread(target=read, daemon=True).start()

    def press() -> bool:
        live.tell("notice", "flood", {"text": "x" * 100_000})
        return len(live) == 1

    wait_for(press, 30, "the slow one is dropped")
    live.tell("notice", "last", {})
    assert heard.wait(20), "the other one reads on"
    slow.close()
    quick.close()


def test_an_account_that_is_demoted_or_disabled_loses_its_stream(
    app: Flask, node: Node, port: int
) -> None:
    someone = Someone(app, "VIEWER")
    reader = Reader(port, someone.token)
    reader.next("hello")
    app.extensions[NAME].users.set(someone.user.id, disabled=True)
    assert "session has ended" in reader.next("end")[2]["reason"]
    with pytest.raises(EOFError):
        reader.next()
    assert len(records_of(app).live) == 0
    reader.close()


def test_while_the_broker_is_away_results_come_from_the_ledger(
    app: Flask, node: Node, port: int, viewer: Someone, broker: BrokerProcess
) -> None:
    reader = Reader(port, viewer.token)
    reader.next("hello")
    broker.stop()
    link = reader.next("link")[2]
    assert (link["broker"], link["node"]) == ("away", "unknown")
    node.result(11, publish=False)
    assert reader.next("result")[2]["seq"] == 11
    reader.close()


def test_an_event_id_is_read_as_written_or_not_at_all() -> None:
    assert parse_event_id("cam1:4711,cam2:0", ["cam1", "cam2"]) == {"cam1": 4711, "cam2": 0}
    assert parse_event_id("cam1:4711,other:1", ["cam1"]) == {"cam1": 4711}
    for garbage in (
        "",
        ",",
        "cam1:",
        ":1",
        "cam1:1,",
        "cam1:1;cam2:2",
        "cam1:٣",
        "cam1:1\n",
        "C:1",
    ):
        assert parse_event_id(garbage, ["cam1", "cam2"]) == {}, garbage


def test_one_person_cannot_take_the_places_of_all(
    app: Flask, node: Node, port: int, viewer: Someone
) -> None:
    app.config["EVENT_STREAMS"] = 6
    greedy = [Reader(port, viewer.token) for _ in range(6)]
    assert [reader.status for reader in greedy] == [200] * 3 + [503] * 3, (
        "more than half of all places"
    )
    second = Someone(app, "OPERATOR")
    also = [Reader(port, second.token) for _ in range(3)]
    assert [reader.status for reader in also] == [200] * 3
    third = Reader(port, Someone(app, "VIEWER").token)
    assert third.status == 200, "who has none yet found no place"
    third.next("hello")
    for reader in (*greedy, *also, third):
        reader.close()


def test_who_goes_from_page_to_page_always_has_a_stream(
    app: Flask, node: Node, port: int, viewer: Someone
) -> None:
    # a viewer has one place here, and nothing is sent meanwhile that would show who has left
    for _ in range(20):
        reader = Reader(port, viewer.token)
        assert reader.status == 200
        reader.next("hello")
        reader.close()
