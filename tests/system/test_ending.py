"""SIGTERM ends the node in less than 10 s whatever waits; its current part has its result, and
nothing that waited is lost."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from deploy.demo.broker_process import BrokerProcess
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import ROOT, NodeProcess, settle
from tests.rooms.promise.promise import Line, check, stored, wait_for

pytestmark = pytest.mark.system
LIMIT_S = 10.0
HANGING_TOOL = """
import sys, time
if "node.worker" in sys.orig_argv or any("deploy" in arg for arg in sys.orig_argv):
    import node.tools.brightness as tool
    def measure(view, settings, learned):
        time.sleep(1000)
    tool.measure = measure
"""


def waits_for_pictures(
    folder: Path, broker_port: int, stations: int, worker: str = "process"
) -> NodeProcess:
    """A node whose cameras give nothing, and whose programs wait for it."""
    from schemas.store.programs import Programs

    node = synthetic_node(folder, broker_port)
    (folder / "pictures").mkdir()
    camera = {
        "kind": "folder",
        "path": str(folder / "pictures"),
        "order": "newest",
        "timeout_ms": 30000,
    }
    ids = [f"cam{number}" for number in range(1, stations + 1)]
    made = NodeProcess(
        folder,
        broker_port,
        [
            {"id": station, "program": "synthetic-part", "camera": camera, "worker": worker}
            for station in ids
        ],
    )
    programs = Programs(node.state / "programs")
    programs.save(
        programs.get("synthetic-part").program.model_copy(update={"limits_ms": 60000}),
        None,
        by="test",
    )
    return made


def ended(node: NodeProcess) -> None:
    """Send SIGTERM, and see that it ends in time."""
    assert node.process is not None
    began = time.monotonic()
    assert node.stop(20) == 0
    assert time.monotonic() - began < LIMIT_S


@contextmanager
def running(node: NodeProcess, line: Line) -> Iterator[None]:
    node.start()
    try:
        line.state("Ready")
        yield
    finally:
        node.end()


def test_many_stations_that_wait_for_their_cameras(
    tmp_path: Path, broker: BrokerProcess, line: Line
) -> None:
    node = waits_for_pictures(tmp_path, broker.port, 12, "thread")
    with running(node, line):
        for number in range(1, 13):
            for _ in range(4):
                line.trigger(f"cam{number}", wait=True)
        settle(0.5)
        ended(node)
        for number in range(1, 13):
            check(line, node.ledger, f"cam{number}")
            codes = [(result["error"] or {}).get("code") for result in line.results(f"cam{number}")]
            assert codes == ["INTERRUPTED"] * 4


def test_commands_that_wait_for_a_camera_are_answered(
    tmp_path: Path, broker: BrokerProcess, line: Line
) -> None:
    node = waits_for_pictures(tmp_path, broker.port, 1)
    with running(node, line):
        for number in range(30):
            request = f'{{"request_id":"r{number}","station":"cam1"}}'
            line.client.publish(f"{line.prefix}cmd/capture", request, qos=1).wait_for_publish(10)
        settle(0.5)
        ended(node)
        wait_for(
            lambda: len({p for t, p, _, _ in list(line.heard) if t == "reply/capture"}) >= 29,
            10,
            "29 replies",
        )


@pytest.mark.parametrize("worker", ["thread", "process"])
def test_an_inspection_that_hangs(
    worker: str, tmp_path: Path, broker: BrokerProcess, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from schemas.store.programs import Programs

    (tmp_path / "sitecustomize.py").write_text(HANGING_TOOL)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}:{os.environ.get('PYTHONPATH', '')}")
    node = synthetic_node(tmp_path, broker.port, worker=worker)
    programs = Programs(node.state / "programs")
    programs.save(
        programs.get("synthetic-part").program.model_copy(update={"limits_ms": 60000}),
        None,
        by="test",
    )
    with running(node, line):
        line.trigger(wait=True)
        settle(0.5)
        ended(node)
        check(line, node.ledger)


@pytest.mark.worker("thread")
def test_a_broker_that_does_not_answer_any_more(
    node: NodeProcess, broker: BrokerProcess, line: Line
) -> None:
    with running(node, line):
        ids = [line.trigger(wait=True) for _ in range(5)]
        line.result(ids[-1])
        assert broker._process is not None
        broker._process.send_signal(signal.SIGSTOP)
        try:
            ended(node)
        finally:
            broker._process.send_signal(signal.SIGCONT)
        assert {trigger_id for trigger_id, _, _ in stored(node.ledger)} == set(ids)


def test_a_ledger_that_another_process_holds(
    tmp_path: Path, broker: BrokerProcess, line: Line
) -> None:
    node = waits_for_pictures(tmp_path, broker.port, 1)
    with running(node, line):
        for _ in range(3):
            line.trigger(wait=True)
        settle(0.5)
        with closing(sqlite3.connect(node.ledger, isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            ended(node)
            other.execute("ROLLBACK")
        node.start()
        line.state("Ready", 30)
        check(line, node.ledger)
        ended(node)
