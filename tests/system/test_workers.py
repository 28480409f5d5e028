"""A tool that crashes, hangs or eats memory ends its station's worker process, and nothing else: on
the real node, at the real broker."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.demo.broker_process import BrokerProcess
from schemas.store.programs import Programs
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import ROOT, NodeProcess
from tests.rooms.promise.promise import Line, check, wait_for

pytestmark = pytest.mark.system

# the fault is injected from outside: a tool that does what a file says, once
INJECTED = """
import sys
if "node.worker" in sys.orig_argv:
    import ctypes, pathlib
    import node.tools.brightness as tool
    plain, what = tool.measure, pathlib.Path({what!r})
    def measure(view, settings, learned):
        try:
            fault = what.read_text()
            what.unlink()
        except OSError:
            fault = ""
        if fault == "crash":
            ctypes.string_at(0)
        while fault == "loop":
            pass
        held = []
        while fault == "memory":
            held.append(bytearray(64 * 1024 * 1024))
        return plain(view, settings, learned)
    tool.measure = measure
"""


@pytest.fixture
def node(
    tmp_path: Path, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NodeProcess]:
    """A node whose station has a worker process."""
    (tmp_path / "sitecustomize.py").write_text(INJECTED.format(what=str(tmp_path / "what")))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}:{os.environ.get('PYTHONPATH', '')}")
    process = synthetic_node(
        tmp_path, broker.port, worker="process", worker_mb=512, max_age_ms=60000
    )
    limited(process, 60000)
    yield process
    process.end()


def workers(node: NodeProcess) -> list[psutil.Process]:
    """Its worker processes, without the spare one."""
    assert node.process is not None
    children = psutil.Process(node.process.pid).children(recursive=True)
    return [child for child in children if child.name().startswith("worker ")]


def faulty(node: NodeProcess, tmp_path: Path, line: Line, fault: str) -> dict[str, Any]:
    """The result of a part whose tool does this; the parts after it are inspected."""
    (tmp_path / "what").write_text(fault)
    bad = line.result(line.part(1), limit_s=60)
    judged(line)
    return bad


def limited(node: NodeProcess, limits_ms: int) -> None:
    """Give the program a limit."""
    programs = Programs(node.state / "programs")
    program = programs.get("synthetic-part").program
    programs.save(program.model_copy(update={"limits_ms": limits_ms}), None, by="test")


def judged(line: Line) -> dict[str, Any]:
    """Send parts until one is judged: those that come while a worker is started are an ERROR."""
    return dict(wait_for(lambda: _judged(line), 60, "a part that is judged"))


def _judged(line: Line) -> dict[str, Any] | None:
    result = line.result(line.part(1), limit_s=60)
    if result["error"] is None:
        return result
    begins = ("PROGRAM_LOADING", "TIMEOUT", "CAMERA_ERROR", "CAMERA_TIMEOUT")  # the next worker
    assert result["error"]["code"] in begins, result
    return None


def test_a_crash_a_loop_and_a_flood_of_memory_are_answered_and_the_station_goes_on(
    node: NodeProcess, line: Line, tmp_path: Path
) -> None:
    node.start()
    line.state("Ready", 60)
    judged(line)
    (worker,) = workers(node)
    (tmp_path / "what").write_text("crash")
    asked = {"station": "cam1", "program": "synthetic-part", "on_master": True}
    tried = line.command("try_program", 60, **asked)
    assert tried["error"]["code"] == "TOOL_CRASHED"
    assert line.result(line.part(1), limit_s=60)["error"] is None, "it took no part along"
    assert worker.is_running()
    crashed = faulty(node, tmp_path, line, "crash")
    assert (crashed["verdict"], crashed["error"]["code"]) == ("ERROR", "TOOL_CRASHED")
    assert "SIGSEGV" in crashed["error"]["message"]
    assert "tool " in crashed["error"]["message"]
    flooded = faulty(node, tmp_path, line, "memory")
    assert (flooded["verdict"], flooded["error"]["code"]) == ("ERROR", "TOOL_CRASHED")
    assert "512" in flooded["error"]["message"]
    limited(node, 1500)
    wait_for(lambda: judged(line)["program_version"] == 3, 60, "the shorter limit")
    hung = faulty(node, tmp_path, line, "loop")
    assert (hung["verdict"], hung["error"]["code"]) == ("ERROR", "TIMEOUT")
    assert worker.pid not in {each.pid for each in workers(node)}
    check(line, node.ledger)
    assert node.stop() == 0
    assert not psutil.pid_exists(worker.pid)


def test_three_crashes_in_a_row_pause_the_station_and_a_worker_ends_with_a_killed_node(
    node: NodeProcess, line: Line, tmp_path: Path
) -> None:
    node.start()
    line.state("Ready", 60)
    for _ in range(3):
        judged_or_crashed = []
        (tmp_path / "what").write_text("crash")
        while "TOOL_CRASHED" not in judged_or_crashed:  # others come while it is started
            result = line.result(line.part(1), limit_s=60)
            judged_or_crashed.append((result["error"] or {}).get("code"))
    alarm = line.expect(
        lambda topic, value: topic == "alarm/CRASHED.cam1" and "message" in value, 60
    )
    for said in ("synthetic-part version 2", "3 times", "tool "):
        assert said in alarm["message"]
    paused = line.result(line.part(1), limit_s=60)
    assert paused["error"]["code"] == "STATION_PAUSED"
    line.command("resume", station="cam1")
    judged(line)
    check(line, node.ledger)
    (worker,) = workers(node)
    node.kill()
    wait_for(lambda: not worker.is_running(), 30, "the end of the worker")
