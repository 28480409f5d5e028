"""The quality gate beside the locator: what it refuses is refused, whatever is found meanwhile."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from node import gate, quality
from node.frame import Frame
from node.gate import Gate
from node.worker import manners
from node.worker.bench import make_bench
from node.worker.seam import PartJob
from schemas import (
    MemoryLines,
    Problem,
    QualityLimits,
    StationSettings,
    SyntheticCamera,
    Trigger,
)
from tests.rooms.promise.promise import wait_for

BRIGHT = np.full((64, 64, 3), 128, np.uint8)
REFUSES = QualityLimits(brightness_low=200.0)
TAKES = QualityLimits(sharpness_low=0.0)


def frame() -> Frame:
    return Frame(BRIGHT, 1, 1.0, "drawn", True)


@pytest.fixture(params=["beside", "one processor"])
def at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """One with a thread, one of a machine with one processor."""
    cores = {0} if request.param == "one processor" else {0, 1}
    monkeypatch.setattr("os.sched_getaffinity", lambda _: cores)
    return Gate()


def test_what_is_fit_to_be_judged_passes(at: Gate) -> None:
    done = []
    with at.beside(frame(), TAKES):
        done.append("located")
    assert done == ["located"]


def test_what_is_refused_is_refused_at_the_end_of_what_is_done_beside(at: Gate) -> None:
    with pytest.raises(Problem, match=r"IMAGE_QUALITY.*too dark"), at.beside(frame(), REFUSES):
        pass


def test_a_refused_frame_is_the_reason_and_not_the_part_that_was_not_found_in_it(at: Gate) -> None:
    with (
        pytest.raises(Problem, match="IMAGE_QUALITY") as raised,
        at.beside(frame(), REFUSES),
    ):
        raise Problem("PART_NOT_FOUND", "nothing there")
    assert raised.value.__suppress_context__ or at._alone


def test_what_is_raised_beside_a_frame_that_passes_is_raised(at: Gate) -> None:
    with pytest.raises(Problem, match="PART_NOT_FOUND"), at.beside(frame(), TAKES):
        raise Problem("PART_NOT_FOUND", "nothing there")


def test_a_fault_of_the_check_is_no_pass(at: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(gate, "check", broken)
    with pytest.raises(RuntimeError, match="boom"), at.beside(frame(), TAKES):
        pass


def test_the_check_runs_beside_what_is_done_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    there, go = threading.Event(), threading.Event()

    def check(*_: Any) -> None:
        there.set()
        assert go.wait(5.0)

    monkeypatch.setattr(gate, "check", check)
    with Gate().beside(frame(), TAKES):
        assert there.wait(5.0)
        go.set()


def test_a_check_that_hangs_is_an_error_and_the_next_frame_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(gate, "GATE_S", 0.05)
    go, checked = threading.Event(), threading.Event()
    real = quality.check

    def hangs(*given: Any) -> None:
        if not checked.is_set():
            go.wait(10.0)
        real(*given)

    monkeypatch.setattr(gate, "check", hangs)
    at = Gate()
    with pytest.raises(Problem, match="TIMEOUT"), at.beside(frame(), TAKES):
        pass
    checked.set()
    monkeypatch.setattr(gate, "GATE_S", 5.0)
    with pytest.raises(Problem, match="IMAGE_QUALITY"), at.beside(frame(), REFUSES):
        pass
    before = _threads()
    go.set()
    wait_for(lambda: _threads() == before - 1, 5.0, "the end of what hung")


def test_once_it_is_closed_it_has_no_thread_and_still_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    before, at = _threads(), Gate()
    with at.beside(frame(), TAKES):
        assert _threads() == before + 1
    at.close()
    wait_for(lambda: _threads() == before, 5.0, "the end of its thread")
    with pytest.raises(Problem, match="IMAGE_QUALITY"), at.beside(frame(), REFUSES):
        pass
    assert _threads() == before


@pytest.mark.parametrize(
    ("crowded", "queued", "side_px", "worth"),
    [
        (False, False, 64, True),  # a lone part: only its own time counts
        (False, True, 64, False),  # others wait for the work that a thread costs
        (False, True, 1024, True),  # the check is longer than that
        (True, False, 64, False),
        (True, True, 1024, False),  # no core is free for it
    ],
)
def test_a_thread_beside_is_worth_it_where_a_core_is_free_for_it(
    crowded: bool, queued: bool, side_px: int, worth: bool
) -> None:
    job = PartJob(1, "a", Trigger(), "p", 0, 0, 0, 0, crowded, queued)
    large = Frame(np.full((side_px, side_px, 3), 128, np.uint8), 1, 1.0, "drawn", True)
    assert gate.pays(job, large) == worth


def test_what_is_not_checked_aside_is_checked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    at, before = Gate(), _threads()
    with pytest.raises(Problem, match="IMAGE_QUALITY"), at.beside(frame(), REFUSES, aside=False):
        raise AssertionError("it was located")
    assert _threads() == before


def _threads() -> int:
    return sum(each.name == "gate" for each in threading.enumerate())


@pytest.mark.parametrize("priority", [0, 20])
def test_its_thread_has_the_priority_of_the_station_that_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, priority: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    asked: list[tuple[str, int]] = []

    def hurry(settings: StationSettings) -> Iterator[str]:
        asked.append((threading.current_thread().name, settings.priority))
        yield "priority = 20 is not possible"

    monkeypatch.setattr(manners, "hurry", hurry)
    workshop: Any = SimpleNamespace(node_id="n", shelf=None, pictures=None)
    settings = StationSettings(
        id="cam1", camera=SyntheticCamera(), lines=MemoryLines(), priority=priority
    )
    bench = make_bench(settings, Path(), workshop)
    for _ in range(2):
        with bench.gate.beside(frame(), TAKES):
            pass
    bench.close()
    assert asked == [("gate", priority)]
