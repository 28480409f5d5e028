"""When the node tries again: soon if the broker was only gone, ever less often if it sends us
away."""

import time
from pathlib import Path

import pytest

from broker.presence import Presence
from schemas.settings import BrokerSettings


def made(folder: Path, host: str = "127.0.0.1") -> Presence:
    return Presence(BrokerSettings(url=f"mqtt://{host}:1883"), "node-01", folder)


def test_a_broker_on_this_machine_that_is_gone_is_tried_every_second(tmp_path: Path) -> None:
    presence = made(tmp_path)
    assert all(presence.delay("unreachable", None)[0] <= 1 for _ in range(100))
    assert all(presence.delay("closed", None)[0] <= 1 for _ in range(100))


def test_a_broker_elsewhere_that_is_gone_is_tried_every_few_seconds(tmp_path: Path) -> None:
    presence = made(tmp_path, "broker.plant.example")
    delays = [presence.delay("unreachable", None)[0] for _ in range(50)]
    assert delays[0] <= 1
    assert max(delays) <= 5
    assert min(delays[10:]) > 2


def test_restarts_of_a_broker_leave_no_back_off_behind_however_many_there_are(
    tmp_path: Path,
) -> None:
    presence = made(tmp_path)
    for _ in range(40):
        assert presence.delay("lost", 3.0)[0] <= 1
        for _ in range(30):
            assert presence.delay("closed", None)[0] <= 1
        assert presence.delay("lost", 0.5)[0] <= 1
        assert presence.delay("unreachable", None)[0] <= 1


@pytest.mark.parametrize("reason", ["lost", "ended"])
def test_an_end_right_after_each_connect_backs_off(tmp_path: Path, reason: str) -> None:
    presence = made(tmp_path)
    delays = [presence.delay(reason, 0.1)[0] for _ in range(10)]
    assert sum(delays[:6]) > 20
    assert max(delays) <= 30
    assert presence.delay("lost", 60.0)[0] <= 1


def test_a_refusal_is_tried_again_within_half_a_minute_and_not_before_some_seconds(
    tmp_path: Path,
) -> None:
    presence = made(tmp_path)
    for _ in range(10):
        assert 5 < presence.delay("refused", None)[0] <= 30


def test_an_end_that_a_topic_is_to_blame_for_costs_no_time_but_not_without_end(
    tmp_path: Path,
) -> None:
    presence = made(tmp_path)
    delays = [presence.delay("ended", 0.1, explained=True)[0] for _ in range(20)]
    assert delays[0] < 0.5
    assert sum(delays) > 60


@pytest.mark.parametrize("lane", ["", "control"])
def test_what_a_broker_keeps_while_a_start_cannot_reach_it_grows_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    def started() -> Presence:
        return Presence(BrokerSettings(url="mqtt://127.0.0.1:1883"), "node-01", tmp_path, lane)

    started().beat(online=True)
    presence, now_ns = started(), time.monotonic_ns
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns() + 60_000_000_000)
    presence.came()
    assert 60 <= presence.outage_s < 90
