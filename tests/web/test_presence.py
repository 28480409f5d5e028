"""What the web takes from the broker: only what its topic's model says, only about our own
stations, and little of it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import Problem, Reply
from schemas.store.accounts.vouching import Vouching
from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.ledgers import payload
from web.presence import MOST_ALARMS, SILENT_S, UNREADABLE, NodePresence
from web.site import NAME

pytestmark = pytest.mark.slow

PREFIX = "inspection/v1/node-01/"
STATION = {
    "state": "Ready",
    "program": "p",
    "program_version": 1,
    "camera": "ok",
    "outputs": "ok",
    "error": None,
}
STATE = {"state": "Ready", "stations": {"cam1": STATION}}
ALARM = {
    "code": "FIRE",
    "message": "It burns",
    "since": "2026-11-27T10:00:00.000Z",
    "station": None,
}
NO_STATE: list[Any] = [
    {"state": "Ready", "stations": []},
    {"state": "Ready", "stations": {"cam1": None}},
    {"state": "Ready", "stations": {"cam1": "x"}},
    {"state": "Ready", "stations": {"cam1": {"program": {"a": 1}}}},
    {"state": "Ready", "stations": {"cam1": {**STATION, "program": ["x"]}}},
    {"state": 7},
    {"x": 1},
    {"state": "Ready", "stations": "cam1"},
]


@pytest.fixture
def someone(tmp_path: Path) -> Iterator[Someone]:
    app = application(tmp_path)
    yield Someone(app, "ADMIN")
    app.extensions[NAME].close()


def test_whether_the_node_is_there_is_decided_in_one_place(someone: Someone) -> None:
    watch = watch_of(someone)
    watch.broker = Problem("BROKER_AWAY", "it is gone")
    assert watch.presence == "broker away"
    watch.broker = None
    assert watch.presence == "away"
    watch.state, watch.heard_at = {"state": "Ready"}, time.monotonic()
    assert watch.presence == "ok"
    watch.heard_at -= SILENT_S + 1
    assert watch.presence == "silent"
    watch.state = {"state": "Offline"}
    assert watch.presence == "away"


def watch_of(someone: Someone) -> NodePresence:
    """The watch of an application, which hears only what a test says."""
    site = someone.client.application.extensions[NAME]
    watch: NodePresence = site.watch
    watch.close()
    if watch._thread is not None:  # it may be about to say that there is no broker
        watch._thread.join(30)
    watch.settled.set()
    watch.broker = None
    return watch


@pytest.mark.parametrize("value", NO_STATE)
def test_a_state_that_is_none_changes_nothing_and_breaks_no_page(
    someone: Someone, value: Any
) -> None:
    watch = watch_of(someone)
    watch._take(PREFIX + "state", STATE)
    watch._take(PREFIX + "state", value)
    assert watch.state == STATE
    for path in ("/stations", "/stations/cam1", "/programs", "/health", "/alarms", "/events/now"):
        assert someone.ask("GET", path).status_code in (200, 503), path
    for path in ("/stations", "/stations/cam1", "/programs", "/alarms"):
        assert someone.ask("GET", path).status_code == 200, path


def test_only_our_stations_are_remembered(someone: Someone) -> None:
    watch = watch_of(someone)
    for n in range(100):
        watch._take(f"{PREFIX}latest/x{n}", {"text": "x" * 100_000})
        watch._take(f"{PREFIX}latest/x{n}", payload(1, f"x{n}", 1))
    watch._take(PREFIX + "latest/cam1", payload(1, "cam2", 1))
    assert watch.latest == {}
    watch._take(PREFIX + "latest/cam1", payload(1, "cam1", 1))
    assert list(watch.latest) == ["cam1"]
    watch._take(
        PREFIX + "state", {"state": "Ready", "stations": {"cam1": STATION, "evil": STATION}}
    )
    assert watch.state is not None
    assert list(watch.state["stations"]) == ["cam1"]


def test_an_alarm_that_cannot_be_read_is_told_as_one_and_hides_none(someone: Someone) -> None:
    watch = watch_of(someone)
    watch._take(PREFIX + "alarm/FIRE", ALARM)
    for value in ({"code": 1}, {"message": None}, {"since": {}}, {**ALARM, "message": 5}):
        watch._take(PREFIX + "alarm/X", value)
    shown = someone.get("/alarms")["alarms"]
    assert {(alarm["id"], alarm["message"]) for alarm in shown} == {
        ("FIRE", "It burns"),
        ("X", UNREADABLE),
    }
    watch._take(PREFIX + "alarm/X", {})
    assert [alarm["id"] for alarm in someone.get("/alarms")["alarms"]] == ["FIRE"]
    for n in range(MOST_ALARMS + 50):
        watch._take(f"{PREFIX}alarm/noise-{n}", {"x": n})
    watch._take(PREFIX + "alarm/FLOOD", {**ALARM, "code": "FLOOD"})
    assert {"FIRE", "FLOOD"} <= watch.alarms.keys()
    assert len(watch.alarms) <= MOST_ALARMS
    watch._take(PREFIX + "alarm/" + "c" * 300, ALARM)
    watch._take(PREFIX + "alarm/LONG", {**ALARM, "message": "x" * 100_000})
    assert max(len(str(alarm)) for alarm in watch.alarms.values()) < 2000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    topic=st.sampled_from(
        [
            "state",
            "info",
            "metrics",
            "latest/cam1",
            "result/cam1",
            "alarm/X",
            "event/x",
            "state/x",
            "",
        ]
    ),
    value=st.dictionaries(
        st.sampled_from(["state", "stations", "code", "message", "since", "station", "seq", "x"]),
        json_values,
    ),
)
def test_nothing_that_is_said_ends_the_listening(topic: str, value: dict[str, Any]) -> None:
    from broker.topics import Names

    watch = NodePresence(Names("inspection/v1", "node-01"), lambda: None, ["cam1"])  # type: ignore[arg-type, return-value]
    watch._take(PREFIX + topic, value)
    assert set(watch.latest) <= {"cam1"}


def test_a_command_of_ours_says_that_who_asked_is_in_the_audit_already(
    someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = someone.client.application.extensions[NAME]
    asked: list[tuple[str, str]] = []

    class Node:
        def request(self, name: str, payload: dict[str, Any], _limit_s: float) -> Reply:
            asked.append((name, payload["request_id"]))
            return Reply(request_id=payload["request_id"], ok=True, data={})

        def close(self) -> None:
            pass

    monkeypatch.setattr(site, "_client", Node())
    assert someone.ask("POST", "/stations/cam1/pause", json={}).status_code == 200
    ((name, request_id),) = asked
    assert name == "pause"
    assert Vouching(site.state).holds(request_id, "pause")
    assert not Vouching(site.state).holds(request_id, "resume")
    assert [row["username"] for row in someone.get("/audit?action=station.pause")["rows"]] == [
        someone.username
    ]
