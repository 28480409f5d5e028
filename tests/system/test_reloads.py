"""Reloads: each node that follows another in one process takes its place, and nothing of the
earlier one is left behind."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line, check

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]
RELOADS = 16
NODE_BYTES = 4_000_000  # what an old node that is kept takes at least


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process point to."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except OSError:  # closed just now
            continue
    return sorted(found)


def test_reloads_leave_no_descriptor_no_thread_and_no_old_node_behind(
    node: NodeProcess, line: Line
) -> None:
    node.start()
    line.state("Ready")
    assert node.process is not None
    process, good = psutil.Process(node.process.pid), node.config.read_text()
    figures = []
    for number in range(RELOADS):
        seen = len(line.heard)
        age_ms = 1500 + number
        node.config.write_text(good.replace("{ id = ", f"{{ max_age_ms = {age_ms}, id = "))
        node.process.send_signal(signal.SIGHUP)
        line.expect(
            lambda topic, v, age_ms=age_ms: (
                topic == "info" and v["stations"]["cam1"]["max_age_ms"] == age_ms
            ),
            20,
            seen,
        )
        line.expect(lambda topic, value: topic == "state" and value["state"] == "Ready", 20, seen)
        line.result(line.trigger())
        figures.append(
            (
                len(open_files(process.pid)),
                process.num_threads(),
                process.memory_info().rss,
                open_files(process.pid),
            )
        )
    files = [each[0] for each in figures]
    assert max(files[2:]) <= files[1] + 2, (files, figures[1][3], figures[-1][3])
    threads = [each[1] for each in figures]
    assert max(threads[2:]) <= threads[1] + 2, threads
    memory = [each[2] for each in figures]
    # the allocator may keep a burst of 10 or 20 MB once; kept nodes add up
    grown = min(memory[-4:]) - min(memory[:4])
    assert grown < (RELOADS - 4) * NODE_BYTES / 2, memory
    check(line, node.ledger)
    assert node.stop() == 0
