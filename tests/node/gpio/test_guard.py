"""The guardian's life and what it says; tests/rig/gpio_rig.py tries that it makes real lines
inactive."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.gpio.guard import Guardian, watch

ROOT = Path(__file__).parents[3]
NODE = """
import sys, time
from node.gpio.guard import Guardian
with open("/dev/null") as request:
    guardian = Guardian(request.fileno(), 3)
    print(guardian.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    with Path("/dev/null").open() as request:  # the guardian goes on though it is no chip
        made = Guardian(request.fileno(), 3)
    yield made
    made.close()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def until_gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while not gone(pid) and time.monotonic() < end:
        time.sleep(0.005)
    return gone(pid)


def test_it_takes_beats_and_leaves_when_it_is_closed(guardian: Guardian) -> None:
    for _ in range(3):
        guardian.beat()
    guardian.close()
    assert gone(guardian.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stays_when_the_process_group_is_told_to_end_even_while_it_starts(
    guardian: Guardian, number: signal.Signals
) -> None:
    os.kill(guardian.pid, number)
    blocked = next(
        line
        for line in Path(f"/proc/{guardian.pid}/status").read_text().splitlines()
        if line.startswith("SigBlk")
    )
    assert int(blocked.split()[1], 16) & 1 << (number - 1)
    assert os.getpgid(guardian.pid) != os.getpgid(0)
    guardian.beat()


def test_the_node_itself_still_hears_signals(guardian: Guardian) -> None:
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_guardian_that_was_killed_is_noticed(guardian: Guardian) -> None:
    os.kill(guardian.pid, signal.SIGKILL)
    assert until_gone(guardian.pid)
    with pytest.raises(OSError, match="ended with -9"):
        guardian.beat()


def test_it_leaves_after_a_node_that_was_killed() -> None:
    node = subprocess.Popen(
        [sys.executable, "-c", NODE], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert node.stdout
    pid = int(node.stdout.readline())
    assert not gone(pid)
    node.kill()
    node.wait(10)
    node.stdout.close()
    assert until_gone(pid)


def test_it_holds_neither_the_nodes_output_nor_its_environment(guardian: Guardian) -> None:
    assert b"PYTEST" not in Path(f"/proc/{guardian.pid}/environ").read_bytes()

    def files() -> set[str]:
        fds = Path(f"/proc/{guardian.pid}/fd")
        return {str(fd.readlink()).partition(":")[0] for fd in fds.iterdir()}

    end = time.monotonic() + 10
    while True:
        try:
            found = files()
        except FileNotFoundError:  # one was closed meanwhile: it still reads its own program
            continue
        if found == {"/dev/null", "socket"}:
            break
        assert time.monotonic() < end, found
        time.sleep(0.005)


def test_a_node_that_gives_no_beat_is_told_once_and_watched_on() -> None:
    ours, theirs = socket.socketpair()
    with Path("/dev/null").open() as request:
        thread = threading.Thread(
            target=watch, args=(request.fileno(), theirs.fileno(), 3, 0.02), daemon=True
        )
        thread.start()
        ours.settimeout(5)
        for _ in range(2):
            assert ours.recv(16) == b"!"
            ours.settimeout(0.1)
            with pytest.raises(TimeoutError):
                ours.recv(16)
            ours.settimeout(5)
            ours.send(b".")
        ours.close()
        thread.join(5)
        assert not thread.is_alive()
    theirs.close()
