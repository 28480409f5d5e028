"""The ledger under a running node: a lock that another process holds, and a log that somebody takes
away."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from deploy.demo.broker_process import BrokerProcess
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess, settle
from tests.rooms.promise.promise import Line, check, outbox, stored, wait_for

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]


def test_a_foreign_lock_longer_than_any_heartbeat_ends_nothing_and_what_waited_too_long_is_stale(
    node: NodeProcess, line: Line
) -> None:
    node.start()
    line.state("Ready")
    line.trigger(wait=True)
    other = sqlite3.connect(node.ledger, timeout=10, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(45):
        line.trigger()
        settle(0.2)
    assert node.process is not None
    assert node.process.poll() is None
    assert len(line.results()) <= 1
    other.execute("ROLLBACK")
    other.close()
    verdicts = check(line, node.ledger, resent=True)
    assert verdicts.total() == 46
    assert node.process.poll() is None
    stale = [
        result
        for result in line.results()
        if (result["error"] or {}).get("code") == "TRIGGER_STALE"
    ]
    # at least those that came more than 2 s before the end of the lock, but for the first
    assert len(stale) >= 25
    line.result(line.trigger())


def test_a_log_that_is_taken_away_after_a_kill_is_an_alarm_and_no_seq_comes_twice(
    node: NodeProcess, line: Line
) -> None:
    node.start()
    line.state("Ready")
    for _ in range(5):
        line.result(line.trigger())
    node.kill()
    Path(f"{node.ledger}-wal").unlink()
    Path(f"{node.ledger}-shm").unlink(missing_ok=True)
    with contextlib.closing(
        sqlite3.connect(f"{node.ledger.as_uri()}?immutable=1", uri=True)
    ) as left:
        # the log may have been moved just before
        gone = 5 - left.execute("SELECT count(*) FROM results").fetchone()[0]
    assert gone > 0
    node.start()
    alarm = line.expect(lambda topic, value: topic == "alarm/LEDGER" and bool(value))
    assert f"{gone} result" in alarm["message"]
    wait_for(lambda: line.result(line.trigger())["seq"] > 5, 20, "a result above what was given")
    first = [
        payload
        for topic, payload, dup, user in line.heard
        if topic == "result/cam1" and not dup and "attempt" not in user
    ]
    # one that was not confirmed before the kill may come marked
    seqs = [json.loads(payload)["seq"] for payload in first]
    assert len(seqs) == len(set(seqs))


@pytest.mark.parametrize("policy", ["stop", "drop"])
def test_an_outbox_at_its_limit_stops_the_station_or_lets_the_oldest_go_as_the_setting_says(
    tmp_path: Path, broker: BrokerProcess, policy: str
) -> None:
    node = synthetic_node(tmp_path, broker.port, worker="thread", timer_ms=10)
    with node.config.open("a") as config:
        config.write(f'\nhistory = {{ outbox_limit = 100, outbox_full = "{policy}" }}\n')
    node.start()
    try:
        wait_for(
            lambda: "is running" in node.log.read_text() and stored(node.ledger), 20, "a result"
        )
        broker.stop()
        wait_for(lambda: outbox(node.ledger) >= 100, 30, "a full outbox")
        wait_for(lambda: 'inspection_alarm{code="OUTBOX"} 1' in _figures(node), 10, "the alarm")
        before = len(stored(node.ledger))
        settle(3.0)
        verdicts = [
            json.loads(payload)["verdict"] for _, _, payload in stored(node.ledger)[before + 20 :]
        ]
        if policy == "stop":
            assert set(verdicts) <= {"ERROR"}
        else:
            assert "OK" in verdicts
            assert outbox(node.ledger) < 200
            assert node.metrics()['inspection_broker_total{what="unpublished"}'] > 0
    finally:
        node.end()


def _figures(node: NodeProcess) -> list[str]:
    return [f"{name} {value:.0f}" for name, value in node.metrics().items()]
