"""Commands have a connection of their own, so that they do not wait behind triggers; and what
happens where they cannot.

One file: one pair of connections, and each way in which one of them can fail.
"""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from broker.lanes import CONTROL, FIRST
from broker.twice import Twice
from broker.wire import Incoming
from schemas import Problem
from tests.broker.alone import Bench
from tests.broker.pair import HEAD
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

ONE, TWO = "inspection-node-node-01", "control-inspection-node-node-01"


def commands_of(two: Any, client: str) -> bool:
    """Whether the broker has a client's subscription to commands."""
    session = two.broker.sessions.get(client)
    return session is not None and f"{HEAD}cmd/+" in session.filters


def apart(two: Any, limit_s: float = 20.0) -> None:
    wait_for(
        lambda: two.bench.session.commands == "apart" and not commands_of(two, ONE),
        limit_s,
        "commands apart",
    )


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again now and then is tried again soon."""
    monkeypatch.setattr("broker.subscriptions.AGAIN_S", 0.5)
    monkeypatch.setattr("broker.lanes.GRACE_S", 1.0)


class Stream:
    """Pings without a pause, each with a number of its own."""

    def __init__(self, two: Any) -> None:
        self.two, self.sent = two, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.005):
            self.two.ping(f"s{self.sent}")
            self.sent += 1

    def end(self) -> list[str]:
        """Stop; returns what was sent."""
        self._ended.set()
        self._thread.join()
        return [f"s{number}" for number in range(self.sent)]


def test_commands_and_their_replies_go_over_a_connection_of_their_own(pair: Any) -> None:
    two = pair(lanes=True)
    two.online()
    apart(two)
    two.ping("a")
    two.trigger("t1")
    wait_for(lambda: two.replies() == ["a"] and two.ids() == ["t1"])
    assert [client for _, _, client in two.broker.connects] == [ONE, TWO]
    assert two.broker.sessions[TWO].filters.keys() == {f"{HEAD}cmd/+", f"{HEAD}_fence"}
    assert two.bench.session.kind == "persistent"
    assert two.bench.trouble == ""


@pytest.mark.parametrize("holds_back", [True, False], ids=["a window of 64", "no window"])
def test_commands_are_answered_while_triggers_are_neither_stored_nor_acknowledged(
    pair: Any, holds_back: bool
) -> None:
    two = pair(lanes=True, holds_back=holds_back)
    two.online()
    apart(two)
    two.bench.failing = True
    two.trigger(*(f"t{number}" for number in range(80)))
    wait_for(lambda: "as asked" in two.bench.trouble)
    two.ping("a")
    wait_for(lambda: two.replies() == ["a"])
    two.bench.outbox.retain("alarm", "STORE", b"{}")
    wait_for(lambda: two.broker.on(f"{HEAD}alarm/STORE"))
    assert two.ids() == []
    two.bench.failing = False
    wait_for(lambda: len(two.ids()) == 80, 60)
    wait_for(lambda: two.bench.trouble == "")
    assert two.ids() == [f"t{number}" for number in range(80)]
    assert len(two.broker.connects) == 2, "neither connection ended"


def test_commands_are_answered_while_the_thread_of_triggers_stands_still(pair: Any) -> None:
    two = pair(lanes=True)
    two.online()
    apart(two)
    stands, go_on, plain = threading.Event(), threading.Event(), two.bench.take

    def take(deliveries: Any) -> None:
        stands.set()
        go_on.wait(30)
        plain(deliveries)

    two.bench.session.first._take = take
    two.trigger("t1")
    assert stands.wait(20)
    two.ping("a")
    wait_for(lambda: two.replies() == ["a"])
    go_on.set()
    wait_for(lambda: two.ids() == ["t1"])


@pytest.mark.parametrize("v5", ["yes", "refuse as 3.1.1"])
def test_a_broker_with_room_for_one_connection_brings_commands_over_it_until_it_has_more(
    pair: Any, v5: str
) -> None:
    two = pair(lanes=True, room=1, v5=v5)
    two.online()
    wait_for(lambda: two.bench.session.commands == "shared", 20)
    told = "the connection for commands: ", "commands come over the connection of triggers"
    wait_for(lambda: all(each in two.bench.trouble for each in told))
    two.ping("a")
    wait_for(lambda: two.replies() == ["a"])
    stream = Stream(two)
    two.broker.rules.room = 2
    two.bench.session.control._presence.delay = lambda *_, **__: (0.1, False)
    apart(two, 60)
    two.ping("b")
    sent = ["a", *stream.end(), "b"]
    wait_for(lambda: set(sent) <= set(two.replies()), 30)
    assert sorted(two.replies()) == sorted(sent), "each once"
    wait_for(lambda: "command" not in two.bench.trouble)


@pytest.mark.parametrize("v5", ["yes", "refuse as 3.1.1"])
def test_commands_that_only_the_second_connection_may_not_hear_come_over_the_first(
    pair: Any, v5: str
) -> None:
    two = pair(lanes=True, deny_subscribe={f"{HEAD}cmd/+": 0x87}, denied_client="control-", v5=v5)
    two.online()
    wait_for(lambda: two.bench.session.commands == "shared", 20)
    wait_for(lambda: f"{HEAD}cmd/+" in two.bench.trouble)
    stream = Stream(two)
    two.broker.rules.deny_subscribe = {}
    apart(two)
    sent = stream.end()
    wait_for(lambda: set(sent) <= set(two.replies()), 30)
    assert sorted(two.replies()) == sorted(sent), "each once"
    wait_for(lambda: "command" not in two.bench.trouble and "cmd" not in two.bench.trouble)


def test_commands_that_may_not_be_heard_at_all_are_told_until_they_may(pair: Any) -> None:
    two = pair(lanes=True, deny_subscribe={f"{HEAD}cmd/+": 0x87})
    two.online()
    wait_for(lambda: "commands are not heard" in two.bench.trouble)
    assert two.bench.session.commands is None
    two.broker.rules.deny_subscribe = {}
    apart(two)
    wait_for(lambda: two.bench.trouble == "")


def test_a_broker_that_ends_the_first_connection_for_the_second_has_one_before_long(
    pair: Any,
) -> None:
    two = pair(lanes=True, one_client=True)
    wait_for(lambda: two.bench.session.commands == "shared", 60)
    wait_for(lambda: "ends the connection of triggers" in two.bench.trouble)
    seen = len(two.broker.connects)
    assert seen < 10
    two.ping("a")
    two.trigger("t1")
    wait_for(lambda: two.replies() == ["a"] and two.ids() == ["t1"])
    assert len(two.broker.connects) == seen


def test_a_broker_that_ends_both_connections_again_and_again_has_both_again(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.lanes.SETTLE_S", 60.0)
    two = pair(lanes=True)
    two.bench.session.first._presence.delay = lambda *_, **__: (0.1, False)
    two.bench.session.control._presence.delay = lambda *_, **__: (60.0, True)
    for _ in range(3):
        apart(two)
        seen = len(two.broker.connects)
        two.broker.cut()
        wait_for(lambda seen=seen: len(two.broker.connects) >= seen + 2)
    apart(two)
    assert not any(
        "command" in told or "ends the connection of triggers" in told
        for told in two.bench.told("trouble")()
    )


def test_commands_for_a_node_that_was_updated_meanwhile_are_each_answered_once(pair: Any) -> None:
    two = pair()  # it received commands over its one connection, which the broker remembers
    two.online()
    wait_for(lambda: commands_of(two, ONE))
    two.bench.close()
    two.ping("away")
    stream = Stream(two)
    two.bench.lanes = True
    two.bench.session = two.bench.make()
    two.online()
    apart(two)
    sent = ["away", *stream.end()]
    wait_for(lambda: set(sent) <= set(two.replies()), 30)
    assert sorted(two.replies()) == sorted(sent), "each once"


def test_commands_that_waited_while_the_node_was_away_are_told_from_new_ones(pair: Any) -> None:
    two = pair(lanes=True)
    two.online()
    apart(two)
    two.bench.close()
    two.ping("old")
    time.sleep(0.3)
    two.bench.session = two.bench.make()
    wait_for(lambda: two.replies() == ["old"], 20)
    (age,) = two.bench.ages
    assert age is not None
    assert age.outage_s > 0.3
    wait_for(lambda: two.bench.session.control.online)
    two.ping("new")
    wait_for(lambda: two.replies() == ["old", "new"])
    assert two.bench.ages[-1] is None


def test_replies_that_the_second_connection_could_not_send_go_over_the_first(pair: Any) -> None:
    two = pair(lanes=True)
    two.online()
    apart(two)
    two.broker.rules.room = 1
    two.broker.do(lambda: two.broker.sessions[TWO].link.writer.transport.abort())
    wait_for(lambda: two.bench.session.commands != "apart")
    two.ping("a")  # the broker keeps it for the second
    wait_for(lambda: two.bench.session.commands == "shared", 20)
    two.ping("b")
    wait_for(lambda: two.replies() == ["b"])
    two.broker.rules.room = 2
    two.bench.session.control._presence.delay = lambda *_, **__: (0.1, False)
    wait_for(lambda: sorted(two.replies()) == ["a", "b"], 60)
    apart(two)
    two.ping("c")
    wait_for(lambda: sorted(two.replies()) == ["a", "b", "c"])


def test_the_state_is_told_when_commands_are_heard(pair: Any) -> None:
    two = pair(lanes=True)
    heard: list[bool] = []
    plain = two.broker.route

    def route(topic: str, *rest: Any) -> None:
        if topic == f"{HEAD}state":
            heard.append(commands_of(two, ONE) or commands_of(two, TWO))
        plain(topic, *rest)

    two.broker.route = route
    two.bench.outbox.retain("state", "", b'{"state":"Ready"}')
    wait_for(lambda: heard)
    assert heard == [True]


def test_another_node_with_the_same_id_is_told(pair: Any, tmp_path: Any) -> None:
    two = pair(lanes=True)
    two.online()
    (tmp_path / "other").mkdir()
    other = Bench(tmp_path / "other", two.bench.settings, lanes=True)
    benches = two.bench, other
    try:
        for bench in benches:
            for session in (bench.session.first, bench.session.control):
                plain = session._presence.delay
                session._presence.delay = lambda *a, plain=plain, **k: (0.1, plain(*a, **k)[1])
        wait_for(
            lambda: any(ONE in told for bench in benches for told in bench.told("trouble")()), 60
        )
    finally:
        other.close()


def test_no_command_is_lost_to_a_client_that_takes_the_second_ones_place(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = pair(lanes=True)
    two.bench.session.control._presence.delay = lambda *_, **__: (0.1, False)
    apart(two)

    def steal() -> None:
        two.broker.sessions.pop(TWO).link.writer.transport.abort()

    def stolen() -> None:
        seen = two.bench.session.control.connects
        two.broker.do(steal)
        wait_for(lambda: two.bench.session.control.connects > seen and commands_of(two, TWO))

    stolen()
    stolen()
    wait_for(lambda: commands_of(two, ONE) and two.bench.session.commands == "shared")
    stream = Stream(two)
    for _ in range(4):
        stolen()
    sent = stream.end()
    wait_for(lambda: set(sent) <= set(two.replies()), 30)
    assert sorted(message.payload.decode() for _, message in two.bench.commands) == sorted(sent), (
        "each done once"
    )
    monkeypatch.setattr("broker.lanes.STOOD_S", 0.1)
    apart(two)


def test_a_stop_sends_the_last_state_and_ends_both(pair: Any) -> None:
    two = pair(lanes=True)
    two.online()
    apart(two)
    two.bench.session.stop(b'{"state":"Offline"}', 5)
    wait_for(
        lambda: (
            [heard.payload for heard in two.broker.on(f"{HEAD}state")] == [b'{"state":"Offline"}']
        )
    )
    assert not any(
        session._thread.is_alive()
        for session in (two.bench.session.first, two.bench.session.control)
    )


def command(text: str) -> Incoming:
    return Incoming(f"{HEAD}cmd/ping", text.encode())


def test_a_message_counts_once_however_often_and_over_whichever_connection_it_comes() -> None:
    twice, done = Twice(), []
    for lane, text in (
        (FIRST, "a"),
        (FIRST, "a"),
        (CONTROL, "b"),
        (CONTROL, "a"),
        (FIRST, "b"),
        (CONTROL, "a"),
        (FIRST, "c"),
    ):
        twice.once(lane, command(text), lambda text=text: done.append(text))
    assert done == ["a", "a", "b", "c"]


def test_the_same_message_again_is_another_one_once_the_broker_has_no_copies() -> None:
    twice, done = Twice(), []
    twice.once(FIRST, command("a"), lambda: done.append("first"))
    twice.forgotten(CONTROL)
    twice.listens(CONTROL)
    twice.once(CONTROL, command("a"), lambda: done.append("second"))
    twice.forgotten(FIRST)
    twice.once(CONTROL, command("a"), lambda: done.append("third"))
    twice.once(FIRST, command("a"), lambda: done.append("fourth"))
    assert done == ["first", "second", "third", "fourth"]


def test_a_fault_while_a_command_is_taken_lets_the_next_one_in() -> None:
    twice, done = Twice(), []

    def fail() -> None:
        raise Problem("STORE_FAILED")

    with pytest.raises(Problem):
        twice.once(FIRST, command("a"), fail)
    twice.once(CONTROL, command("b"), lambda: done.append("b"))
    assert done == ["b"]


def test_a_command_sent_again_over_a_connection_that_had_long_been_left_is_no_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, done = [0.0], []
    monkeypatch.setattr("broker.twice.time", SimpleNamespace(monotonic=lambda: now[0]))
    twice = Twice()
    twice.leaves(FIRST)
    twice.once(CONTROL, command("a"), lambda: done.append("first"))
    now[0] += 100
    twice.listens(FIRST)  # the second is gone
    twice.once(FIRST, command("a"), lambda: done.append("again"))
    assert done == ["first", "again"]
