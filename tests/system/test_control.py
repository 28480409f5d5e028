"""What controls a node gets through while its triggers wait: in a storm, and while nothing can be
stored."""

import sqlite3

import pytest

from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line, check, stored, wait_for

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]

STORM = 1200


def connections(node: NodeProcess) -> float:
    """How many connections there were, once there are two."""
    found = sum(
        value
        for name, value in node.metrics().items()
        if 'what="connects"' in name and "created" not in name
    )
    return found if found >= 2 else 0.0


def test_a_ping_is_answered_while_a_storm_of_triggers_waits(node: NodeProcess, line: Line) -> None:
    node.start()
    line.expect(
        lambda topic, value: (
            topic == "state" and value["state"] == "Ready" and value["commands"] == "apart"
        ),
        30,
    )
    for _ in range(STORM):
        line.trigger()
    line.command("ping", 30)
    assert len(stored(node.ledger)) < STORM, "it did not wait behind them"
    assert sum(check(line, node.ledger, limit_s=90).values()) == STORM
    assert node.stop() == 0


def test_while_the_ledger_is_held_pings_and_alarms_go_on_and_then_each_trigger_is_answered(
    node: NodeProcess, line: Line
) -> None:
    node.start()
    line.state("Ready")
    connects = wait_for(lambda: connections(node))
    with sqlite3.connect(node.ledger, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        for _ in range(100):  # more than the broker may bring without an acknowledgement
            line.trigger()
        line.expect(lambda topic, value: topic == "alarm/STORE" and bool(value), 20)
        for _ in range(3):
            assert line.command("ping", 30)["ok"]
        line.state("Error")
        assert line.results() == []
        holder.execute("ROLLBACK")
    wait_for(
        lambda: (
            [payload for topic, payload, _, _ in list(line.heard) if topic == "alarm/STORE"][-1]
            == b""
        ),
        30,
    )
    assert sum(check(line, node.ledger).values()) == 100
    line.state("Ready")
    assert connections(node) == connects, "no connection ended over it"
    assert node.stop() == 0
