"""A disk that takes nothing, and a machine that stands still: nothing ends, nothing is lost, and
nothing is reported as healthy."""

import json
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rooms.installation.processes import NodeProcess, settle
from tests.rooms.promise.promise import Line, check, wait_for

pytestmark = [pytest.mark.system, pytest.mark.worker("process")]


@contextmanager
def feeding(line: Line, every_s: float) -> Iterator[None]:
    """Sends triggers all the while, of parts that an idle worker looks at before they are in the
    ledger, and of others."""
    over = threading.Event()

    def feed() -> None:
        while not over.wait(every_s):
            line.part(1)
            if not over.wait(every_s):
                line.trigger()

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def told(line: Line, topic: str) -> list[bytes]:
    return [payload for heard, payload, _, _ in list(line.heard) if heard == topic]


def log_of(node: NodeProcess) -> Path:
    return node.ledger.with_name(node.ledger.name + "-wal")


def test_what_cannot_be_stored_is_kept_and_stored_when_the_disk_allows(
    node: NodeProcess, line: Line
) -> None:
    node.start()
    line.state("Ready")
    assert node.process is not None
    pid = node.process.pid
    for _ in range(10):
        line.result(line.trigger())
    with feeding(line, 0.1):
        full = log_of(node).stat().st_size + 8192  # the next part may be taken, and not be stored
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        line.expect(lambda topic, value: topic == "alarm/STORE" and bool(value), 10)
        line.state("Error", 10)
        wait_for(
            lambda: node.metrics()['inspection_station_ready{station="cam1"}'] == 0.0,
            10,
            "a station that is not ready",
        )
        settle(4.0)
        resource.prlimit(
            pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        wait_for(lambda: told(line, "alarm/STORE")[-1] == b"", 20, "the end of the alarm")
        settle(1.0)
    line.state("Ready", 40)
    check(line, node.ledger)
    raised = [bool(payload) for payload in told(line, "alarm/STORE")]
    over = raised.index(False, raised.index(True))
    assert not any(raised[over:])  # told at each connection, but over once and for all
    assert line.command("ping")["data"]["lines"]["cam1"]["ready"]
    codes = {(result["error"] or {}).get("code") for result in line.results()}
    assert codes <= {None, "TRIGGER_STALE", "STORE_FAILED", "OVERRUN"}
    assert node.stop() == 0


def test_a_machine_that_stood_still_goes_on_and_what_waited_is_stale(
    node: NodeProcess, line: Line
) -> None:
    node.start()
    line.state("Ready")
    assert node.process is not None
    line.result(line.trigger())
    node.process.send_signal(signal.SIGSTOP)
    ids = [line.trigger() for _ in range(5)]
    settle(11.0)
    node.process.send_signal(signal.SIGCONT)
    codes = [(line.result(trigger_id, limit_s=30)["error"] or {}).get("code") for trigger_id in ids]
    assert codes == ["TRIGGER_STALE"] * 5
    event = line.expect(lambda topic, _: topic == "event/node.stood_still")
    assert event["data"]["seconds"] > 10
    line.state("Ready")
    after = line.result(line.trigger())
    assert after["error"] is None, json.dumps(after)
    check(line, node.ledger)
    assert node.process.poll() is None
    assert node.stop() == 0
