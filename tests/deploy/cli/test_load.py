"""`load`: what it sends and when, and what it reports about what was lost or came twice."""

import contextlib
import json
import queue
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from broker.topics import Names
from broker.wire import Incoming, Message
from deploy.cli.command import main
from deploy.cli.steady import account, percentiles, plan, run, template
from deploy.demo.broker_process import BrokerProcess
from schemas import Problem
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import wait_for

NAMES = Names("inspection/v1", "node-01")


class FakeLink:
    """A connection to a node that answers each trigger at once, with what `answers` gives."""

    ended: str | None = None

    def __init__(
        self, answers: Callable[[dict[str, Any]], list[Incoming]], **properties: int
    ) -> None:
        self.properties = properties
        self.sent: list[dict[str, Any]] = []
        self.most_unconfirmed = 0
        self._answers = answers
        self._unconfirmed: list[Callable[[bool], None]] = []
        self._queue: queue.Queue[Incoming] = queue.Queue()

    @contextlib.contextmanager
    def listening(self, *_: str) -> Iterator[Any]:
        """What it says."""
        yield SimpleNamespace(take=self._take, missed=0)

    def _take(self, _wait_s: float) -> Incoming | None:
        if self._unconfirmed:
            self._unconfirmed.pop(0)(True)
        with contextlib.suppress(queue.Empty):
            return self._queue.get_nowait()
        return None

    def send(self, message: Message, confirmed: Callable[[bool], None]) -> None:
        """Take a trigger."""
        self.sent.append({"topic": message.topic, **json.loads(message.payload)})
        self._unconfirmed.append(confirmed)
        self.most_unconfirmed = max(self.most_unconfirmed, len(self._unconfirmed))
        for answer in self._answers(self.sent[-1]):
            self._queue.put(answer)


def result(
    trigger: dict[str, Any], *, user: tuple[tuple[str, str], ...] = (), **more: Any
) -> Incoming:
    """A result of this trigger: the part was inspected and is good, unless `more` says
    otherwise."""
    value = {
        "trigger_id": trigger["trigger_id"],
        "verdict": "OK",
        "captured_at": "2026-01-01T00:00:00Z",
        **more,
    }
    return Incoming(
        trigger["topic"].replace("/trigger/", "/result/"), json.dumps(value).encode(), user=user
    )


def test_each_station_gets_its_triggers_evenly_and_as_many_as_the_rate_says() -> None:
    due = plan(["cam1", "cam2"], 4.0, 2.0)
    assert [station for _, station in due] == ["cam1", "cam2"] * 8
    assert [at for at, _ in due] == pytest.approx([n / 8 for n in range(16)])
    assert len(plan(["cam1"], 0.1, 1.0)) == 1


def test_what_is_lost_comes_twice_or_is_not_inspected_is_told_and_is_not_good() -> None:
    def answers(trigger: dict[str, Any]) -> list[Incoming]:
        number = int(trigger["part_id"].removeprefix("P"))
        if number == 3:
            return []
        if number == 5:
            return [result(trigger), result(trigger)]
        if number == 6:  # somebody else has asked for it again
            return [result(trigger), result(trigger, user=(("resend", "1"),))]
        if number == 7:
            return [
                result(
                    trigger,
                    verdict="ERROR",
                    error={"code": "OVERRUN", "message": ""},
                    captured_at=None,
                )
            ]
        return [result(trigger, verdict="NG" if number == 8 else "OK")]

    link: Any = FakeLink(answers)
    found = account("cam1", run(link, NAMES, plan(["cam1"], 1000, 0.01), {"part_id": "P{n}"}, 0.1))
    assert (
        found.planned,
        found.sent,
        found.answered,
        found.lost,
        found.twice,
        found.not_inspected,
    ) == (10, 10, 9, 1, 1, 1)
    assert found.verdicts == {"ERROR": 1, "NG": 1, "OK": 7}
    assert found.codes == {"OVERRUN": 1}
    assert not found.good
    assert len({each["trigger_id"] for each in link.sent}) == 10
    assert [each["part_id"] for each in link.sent] == [f"P{n}" for n in range(1, 11)]


def test_each_answered_once_is_good_and_a_connection_that_ends_is_not() -> None:
    link: Any = FakeLink(lambda trigger: [result(trigger)])
    assert account("cam1", run(link, NAMES, plan(["cam1"], 1000, 0.01), {}, 0.1)).good
    link.ended = "gone"
    found = account("cam1", run(link, NAMES, plan(["cam1"], 1000, 0.01), {}, 0.1))
    assert (found.sent, found.lost, found.good) == (0, 0, False)


def test_no_more_is_unconfirmed_than_the_broker_takes() -> None:
    link: Any = FakeLink(lambda trigger: [result(trigger)], ReceiveMaximum=3)
    found = account("cam1", run(link, NAMES, plan(["cam1"], 10_000, 0.005), {}, 0.1))
    assert found.good
    assert 1 <= link.most_unconfirmed <= 3


def test_percentiles_are_of_the_ordered_times() -> None:
    times = percentiles((n / 1000, 0.0) for n in range(100, 0, -1))
    assert times == (51, 96, 100, 100)
    assert percentiles([(None, 0.0)]) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"trigger_id":"a"}', '{"colour":"red"}'])
def test_a_payload_that_is_no_trigger_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(Problem) as caught:
        template(text)
    assert caught.value.code == "BAD_TRIGGER"


@pytest.mark.system
@pytest.mark.worker("thread")
def test_a_node_answers_all_of_them_and_a_station_that_is_not_there_none(
    node: NodeProcess, broker: BrokerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    node.start()
    at = ["--broker", f"mqtt://127.0.0.1:{broker.port}", "--json"]
    wait_for(
        lambda: main(["trigger", "cam1", "--timeout", "2", *at]) in (0, 2, 3),
        60,
        "a node that inspects",
    )
    capsys.readouterr()
    code = main(
        [
            "load",
            "cam1",
            "--rate",
            "10",
            "--seconds",
            "1",
            "--wait",
            "60",
            "--payload",
            '{"max_age_ms":60000}',
            *at,
        ]
    )
    told = json.loads(capsys.readouterr().out)
    (found,) = told["stations"]
    wrong = found["lost"], found["twice"], found["not_inspected"]
    assert (found["planned"], found["answered"], wrong) == (10, 10, (0, 0, 0))
    assert (code, told["good"]) == (0, True)
    assert found["times_ms"]["p50"] > 0
    assert main(["load", "cam9", "--rate", "10", "--seconds", "0.2", "--wait", "0.5", *at]) == 1
    assert json.loads(capsys.readouterr().out)["all"]["lost"] == 2
