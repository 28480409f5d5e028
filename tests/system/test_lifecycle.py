"""Start, stop, reload, hang: the node as a process."""

import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from deploy.demo.broker_process import BrokerProcess
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import ROOT, NodeProcess
from tests.rooms.promise.promise import Line, check, wait_for

pytestmark = pytest.mark.system


def test_sigterm_ends_in_order_and_says_offline(node: NodeProcess, line: Line) -> None:
    node.start()
    line.state("Ready")
    ids = [line.trigger() for _ in range(5)]
    line.result(ids[0])
    assert node.stop() == 0
    line.state("Offline")
    check(line, node.ledger)


def test_kill_9_is_told_by_the_last_will(node: NodeProcess, line: Line) -> None:
    node.start()
    line.state("Ready")
    node.kill()
    line.state("Offline", 20)


def test_a_second_node_on_the_same_folder_is_refused(node: NodeProcess, line: Line) -> None:
    node.start()
    line.state("Ready")
    second = subprocess.run(
        [sys.executable, "-m", "deploy.cli.command", "run", "--config", str(node.config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert "STATE_LOCKED" in second.stderr
    assert node.process is not None
    assert str(node.process.pid) in second.stderr


def test_wrong_settings_stop_the_start_with_the_key(node: NodeProcess) -> None:
    node.config.write_text(node.config.read_text().replace("node_id", "nodeid"))
    node.start()
    assert node.wait_ended() == 1
    assert "nodeid" in node.log.read_text()


def test_a_reload_takes_new_settings_and_refuses_wrong_ones(node: NodeProcess, line: Line) -> None:
    node.start()
    line.state("Ready")
    assert node.process is not None
    good = node.config.read_text()
    node.config.write_text(good + '\nsurprise = "x"\n')
    node.process.send_signal(signal.SIGHUP)
    refused = line.expect(lambda topic, value: topic == "event/settings.refused")
    assert "surprise" in refused["data"]["message"]
    first = line.trigger()
    line.result(first)
    before = psutil.Process(node.process.pid).children()
    assert any(child.name() == "worker cam1" for child in before)
    node.config.write_text(
        good.replace("queue_limit = 16", "queue_limit = 16").replace(
            "max_age_ms = 2000", "max_age_ms = 1500"
        )
    )
    seen = len(line.heard)
    node.config.write_text(good.replace("{ id = ", "{ max_age_ms = 1500, id = "))
    node.process.send_signal(signal.SIGHUP)
    line.expect(
        lambda topic, value: topic == "info" and value["stations"]["cam1"]["max_age_ms"] == 1500,
        20,
        seen,
    )
    line.state("Ready")
    line.result(line.trigger())
    wait_for(lambda: not any(child.is_running() for child in before), 30, "the old worker's end")
    check(line, node.ledger)
    assert node.stop() == 0


def test_an_inspection_that_hangs_is_answered_timeout_and_the_station_works_again(
    tmp_path, broker: BrokerProcess, line: Line
) -> None:
    node = synthetic_node(tmp_path, broker.port)
    # the fault is injected from outside: a tool that hangs when a file says so
    injected = tmp_path / "sitecustomize.py"
    injected.write_text(
        textwrap.dedent(
            f"""
            import sys
            if "node.worker" in sys.orig_argv:
                import pathlib, time
                import node.tools.brightness as tool
                plain = tool.measure
                def measure(view, settings, learned):
                    while pathlib.Path({str(tmp_path / "hang")!r}).exists():
                        time.sleep(0.01)
                    return plain(view, settings, learned)
                tool.measure = measure
            """
        )
    )
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{tmp_path}:{ROOT}:{before}"
    try:
        node.start()
        line.state("Ready")
        (tmp_path / "hang").touch()
        hung = line.result(
            line.trigger(payload={"trigger_id": "hung", "part_id": "part-1"}), limit_s=10
        )
        assert (hung["verdict"], hung["error"]["code"]) == ("ERROR", "TIMEOUT")
        (tmp_path / "hang").unlink()
        after = line.result(
            line.trigger(payload={"trigger_id": "after", "part_id": "part-1"}), limit_s=3
        )
        assert after["error"] is None or after["error"]["code"] == "PART_NOT_FOUND"
        line.expect(lambda topic, value: topic == "event/inspection.hung")
        check(line, node.ledger)
    finally:
        os.environ["PYTHONPATH"] = before
        node.end()


def test_a_program_edited_on_disk_is_used_from_the_next_part_on(
    node: NodeProcess, line: Line
) -> None:
    from schemas.store.programs import Programs

    node.start()
    line.state("Ready")
    assert line.result(line.trigger())["program_version"] == 1
    programs = Programs(node.state / "programs")
    head = programs.get("synthetic-part")
    programs.save(head.program.model_copy(update={"name": "Another name"}), None, by="test")
    line.expect(lambda topic, value: topic == "event/program.changed")
    result = wait_for(lambda: (r := line.result(line.trigger()))["program_version"] == 2 and r, 10)
    assert result["program_hash"] != head.hash
