"""A worker process from its node's side: what it is given, and an end that nobody waits for."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.worker.child import OWED, Child
from tests.rooms.promise.promise import wait_for


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """One that waits for its station, started by a node that was given a secret."""
    monkeypatch.setenv("INSPECTION_BROKER__PASSWORD", "hush-hush")
    monkeypatch.setenv("INSPECTION_BROKER__PASSWORD_FILE", "/hush-hush")
    monkeypatch.setenv("INSPECTION_BACKBONE", "kept")
    made = Child("cam1")
    yield made
    os.kill(made.process.pid, signal.SIGKILL)
    made.close()


def test_it_is_given_no_secret_of_its_node(child: Child) -> None:
    process = Path(f"/proc/{child.process.pid}")
    environ = process.joinpath("environ")
    # empty while the process becomes the other program
    wait_for(lambda: b"INSPECTION_BACKBONE=kept" in environ.read_bytes(), 10, "its environment")
    assert b"hush" not in environ.read_bytes()
    assert b"hush" not in process.joinpath("cmdline").read_bytes()


def test_whoever_waits_for_one_that_cannot_be_ended_goes_on(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    # like one that hangs in a driver: no signal ends it, and its sockets stay open
    os.kill(child.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(child.process, "kill", lambda: None)
    assert child.parts.receive() == (b"", b"")
    child.end("did not come back in time")
    wait_for(lambda: child.parts.receive() is None, 10, "the end of what looks")
    wait_for(lambda: child.side.receive() is None, 10, "the end of what hears")
    assert child.process.poll() is None
    assert "did not come back in time" in child.how()


def test_what_must_not_be_lost_waits_for_one_that_reads_nothing_but_not_without_bound(
    child: Child,
) -> None:
    os.kill(child.process.pid, signal.SIGSTOP)
    while child.side.send(b"x", bytes(1000), wait=False):
        """There is room."""
    assert [child.say(b"H", b"1") for _ in range(OWED + 1)] == [True] * OWED + [False]
    child.turn()
    assert not child.say(b"H", b"1")
    os.kill(child.process.pid, signal.SIGCONT)
    wait_for(lambda: child.turn() or child.say(b"H", b"1"), 60, "room")
    child.end("is not needed any more")
    assert [child.say(b"H", b"1") for _ in range(OWED)][-1] is False


def test_one_that_waits_for_a_processor_is_starved_and_one_that_hangs_or_sleeps_is_not(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(child.process.pid, signal.SIGSTOP)
    wait_for(lambda: not child.starved, 30, "it stands still")
    had_s, state = 0.0, "R"
    monkeypatch.setattr(child, "_processor_s", lambda: had_s)
    monkeypatch.setattr(Path, "read_text", lambda _: f"7 (worker) {state} 1 2")
    child.begins()
    monkeypatch.setattr(child, "_began_s", child._began_s - 4.0)
    for had_s, state, starved in (
        (0.0, "R", True),
        (0.5, "R", True),
        (3.5, "R", False),
        (0.0, "S", False),
        (0.0, "T", False),
    ):
        assert child.starved is starved, (had_s, state)
    had_s, state = 0.0, "R"
    monkeypatch.setattr(child, "_began_s", child._began_s - 20.0)
    assert not child.starved, "not for ever"
