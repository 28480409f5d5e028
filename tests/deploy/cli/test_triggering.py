"""`trigger`, `watch` and `program activate` against a running node."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from broker.client import Client
from broker.threaded import NOT_YET
from broker.wire import Message
from deploy.cli.command import main
from deploy.demo.broker_process import BrokerProcess
from schemas.settings import BrokerSettings
from tests.rooms.installation.processes import ROOT, NodeProcess
from tests.rooms.promise.promise import Line, wait_for

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]
CODES = {"OK": 0, "NG": 2, "ERROR": 3}


@pytest.fixture
def running(shared: NodeProcess, ready: Line) -> NodeProcess:
    """The node that the tests of this file share, ready."""
    return shared


def triggered(
    node: NodeProcess, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, Any]]:
    code = main(["trigger", "cam1", "--config", str(node.config), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_the_exit_code_is_the_verdict(
    running: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = set()
    for _ in range(60):
        code, result = triggered(running, capsys)
        assert code == CODES[result["verdict"]]
        seen.add(code)
        if {0, 2} <= seen:
            break
    assert {0, 2} <= seen  # the line draws good parts and bad ones
    code, result = triggered(running, capsys, "--program", "no-such-program")
    assert (code, result["error"]["code"]) == (3, "PROGRAM_NOT_FOUND")


def test_what_is_given_comes_back_in_the_result(
    running: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    _, result = triggered(
        running,
        capsys,
        "--id",
        "L3-2",
        "--part-id",
        "SN 42",
        "--meta",
        "shift=A",
        "--meta",
        "lot=7=b",
    )
    assert (result["trigger_id"], result["part_id"], result["meta"]) == (
        "L3-2",
        "SN 42",
        {"shift": "A", "lot": "7=b"},
    )
    assert main(["trigger", "cam1", "--config", str(running.config)]) in CODES.values()
    table = capsys.readouterr().out
    for tool in result["tools"]:
        assert tool["name"] in table
        assert tool["kind"] in table


def test_a_known_id_prints_its_result_again(
    running: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    first = triggered(running, capsys, "--id", "L3-1")
    assert triggered(running, capsys, "--id", "L3-1") == first


def test_no_result_in_time_is_a_failure_and_no_verdict(
    running: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trigger", "cam9", "--config", str(running.config), "--timeout", "1"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "NODE_AWAY" in told.err
    assert "did not accept" in told.err
    assert "its last state is Ready" in told.err
    assert main(["trigger", "cam1", "--config", str(running.config), "--part-id", "x" * 200]) == 1
    assert "BAD_TRIGGER" in capsys.readouterr().err


def test_watch_follows_live_outlives_a_broker_and_ends_well(
    node: NodeProcess, line: Line, broker: BrokerProcess
) -> None:
    node.start()
    line.state("Ready")
    command = [
        sys.executable,
        "-m",
        "deploy.cli.command",
        "watch",
        "--config",
        str(node.config),
        "--json",
    ]
    watch = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert watch.stdout is not None
    assert watch.stderr is not None
    try:
        _line(watch.stdout, "/state")
        assert (
            main(["trigger", "cam1", "--config", str(node.config), "--id", "before"])
            in CODES.values()
        )
        assert _line(watch.stdout, "/result/cam1")["payload"]["trigger_id"] == "before"
        broker.stop()
        told = watch.stderr.readline()  # the first: nothing is told of a start that goes well
        assert "BROKER_AWAY" in told
        assert NOT_YET not in told
        broker.start()
        with Client(BrokerSettings(url=f"mqtt://127.0.0.1:{broker.port}"), "node-01") as client:
            client.link().publish(
                Message(client.names("alarm", "TEST"), b'{"code":"TEST"}', retain=True)
            )
        _line(watch.stdout, "/alarm/TEST")  # it subscribes to alarms after results
        wait_for(
            lambda: (
                main(["trigger", "cam1", "--config", str(node.config), "--id", "after"])
                in CODES.values()
            ),
            40,
            "the node to come back",
        )
        assert _line(watch.stdout, "/result/cam1")["payload"]["trigger_id"] == "after"
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 0
    finally:
        watch.kill()
        watch.communicate(timeout=10)


def _line(stream: Any, ending: str) -> dict[str, Any]:
    """The next line about a topic; the test's own time limit bounds the wait."""
    while True:
        text = stream.readline()
        assert text, "watch has ended"
        found: dict[str, Any] = json.loads(text)
        if found["topic"].endswith(ending):
            return found


def test_a_running_node_activates_a_program(
    running: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    activate = ["program", "activate", "cam1", "--config", str(running.config)]
    assert main([*activate, "no-such-program"]) == 1
    assert "PROGRAM_NOT_FOUND" in capsys.readouterr().err
    assert main([*activate, "synthetic-part", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["station"], answer["program"], answer["by"]) == (
        "cam1",
        "synthetic-part",
        "node",
    )
