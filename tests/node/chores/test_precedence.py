"""The threads of the node go before others where a station asks for priority, and only there."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from node.chores.precedence import Precedence
from node.chores.station_care import StationCare
from schemas import MemoryLines, StationSettings, SyntheticCamera
from tests.node.worker.test_manners import beside

ON_THE_WAY = ("broker first", "lines", "sources", "station cam1")


def station(priority: int = 0, name: str = "cam1", **more: Any) -> StationSettings:
    given: dict[str, Any] = {"worker": "process", "priority": priority, **more}
    return StationSettings(id=name, camera=SyntheticCamera(), lines=MemoryLines(), **given)


def at_work(
    settings: list[StationSettings], busy: Sequence[Callable[[], bool]] | None = None
) -> Precedence:
    """That of a node with these stations; none has a part."""
    return Precedence(settings, [lambda: False] * len(settings) if busy is None else busy)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """What was asked of the system: how and at which priority, by thread."""
    told: dict[int, tuple[int, int]] = {}

    def ask(thread: int, how: int, of: os.sched_param) -> None:
        told[thread] = how, of.sched_priority

    monkeypatch.setattr(os, "sched_setscheduler", ask)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    return told


@pytest.fixture
def where(
    asked: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> dict[int, set[int]]:
    """On which cores threads were put, of four."""
    put: dict[int, set[int]] = {}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", put.__setitem__)
    return put


@pytest.fixture
def threads() -> Any:
    """One thread of each kind, by name."""
    end = threading.Event()
    names = (*ON_THE_WAY, "broker control", "chores", "worker cam1", "station inside")
    started = {name: threading.Thread(target=end.wait, name=name, daemon=True) for name in names}
    for thread in started.values():
        thread.start()
    yield {name: thread.native_id for name, thread in started.items()}
    end.set()
    for thread in started.values():
        thread.join(5)


@pytest.mark.parametrize(("priority", "first", "lines"), [(20, 21, 22), (48, 49, 49), (49, 49, 49)])
def test_threads_on_the_way_of_a_part_go_before_its_worker_and_the_others_with_it(
    asked: dict[int, tuple[int, int]],
    threads: dict[str, int],
    priority: int,
    first: int,
    lines: int,
) -> None:
    inside = station(0, "inside", worker="thread")
    at = at_work([station(), station(priority, "cam2"), station(1, "cam3"), inside])
    at.keep()
    assert at.unmet is None
    found = {name: asked[number] for name, number in threads.items()}
    how = os.SCHED_RR | os.SCHED_RESET_ON_FORK  # what they start has none
    assert found == {
        name: (how, lines if name == "lines" else first if name in ON_THE_WAY else priority)
        for name in threads
    }


def test_a_thread_that_comes_later_gets_it_too_and_no_other_is_asked_for_again(
    asked: dict[int, tuple[int, int]], threads: dict[str, int]
) -> None:
    at = at_work([station(20)])
    at.keep()
    assert set(asked) >= set(threads.values())
    asked.clear()
    end = threading.Event()
    later = threading.Thread(target=end.wait, name="station cam1", daemon=True)
    later.start()
    try:
        at.keep()
        assert asked == {later.native_id: (os.SCHED_RR | os.SCHED_RESET_ON_FORK, 21)}
    finally:
        end.set()
        later.join(5)


def test_the_thread_that_goes_on_after_the_node_is_as_others_again(
    asked: dict[int, tuple[int, int]],
) -> None:
    at = at_work([station()])
    at.keep()
    at.let_go()
    assert asked == {}
    at = at_work([station(20)])
    at.keep()
    at.let_go()
    assert asked[0] == (os.SCHED_OTHER, 0)


def on_the_way(threads: dict[str, int]) -> set[int]:
    return {threads[name] for name in ON_THE_WAY}


@pytest.mark.parametrize(
    ("named", "core"), [([""], 3), (["3", "2"], 1), (["2-3", ""], 1), (["0-3"], 3)]
)
def test_threads_on_the_way_share_the_last_core_that_no_worker_is_given(
    where: dict[int, set[int]], threads: dict[str, int], named: list[str], core: int
) -> None:
    at = at_work([station(20, f"cam{n}", cpus=cpus) for n, cpus in enumerate(named, 1)])
    at.keep()
    assert where == {each: {core} for each in on_the_way(threads)}
    where.clear()
    at.keep()
    assert where == {}


def test_while_parts_are_under_way_for_all_cores_they_may_be_on_any(
    where: dict[int, set[int]], threads: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, now = [False] * 6, [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    at = at_work([station(20)] * 5 + [station()], [lambda n=n: busy[n] for n in range(6)])  # type: ignore[misc]
    seen = []
    for at_s, parts in ((0, 3), (0.1, 4), (0.5, 1), (1.0, 5), (1.9, 0), (2.1, 0)):
        busy[:] = [*(n < parts for n in range(5)), True]  # the last one goes before nobody
        now[0] = 100.0 + at_s
        at.keep()
        seen.append({each: len(cores) for each, cores in where.items()})
    expected = [dict.fromkeys(on_the_way(threads), many) for many in (1, 4, 4, 4, 4, 1)]
    assert seen == expected


def test_where_no_station_asks_for_priority_all_stay_as_they_are(
    asked: dict[int, tuple[int, int]], where: dict[int, set[int]]
) -> None:
    at = at_work([station()], [lambda: True])
    at.keep()
    assert asked == where == {}
    assert at.unmet is None


def test_a_system_that_does_not_allow_it_is_an_alarm_of_the_stations_that_asked() -> None:
    code = """
from node.chores.precedence import Precedence
without_rights()
at = Precedence([station(priority=20)], [lambda: False])
at.keep()
print(at.unmet)
"""
    said = beside(code)
    assert said.startswith("priority = 20 is not possible: "), said
    alarms: dict[tuple[str, str], str | None] = {}
    stations: Any = {
        name: SimpleNamespace(
            id=name,
            settings=station(priority, name),
            worker=SimpleNamespace(camera_problem=None, unmet=None),
            active_program=lambda: None,
            thread=SimpleNamespace(hanging=0),
            crash=None,
            fault=None,
        )
        for name, priority in (("cam1", 20), ("cam2", 0))
    }
    board: Any = SimpleNamespace(
        active={}, set=lambda code, message, name: alarms.update({(code, name): message})
    )
    driver: Any = SimpleNamespace(problem=lambda _: None)
    precedence: Any = SimpleNamespace(unmet=said)
    StationCare(stations, driver, board, SimpleNamespace(), precedence).cameras()  # type: ignore[arg-type]
    assert alarms["REALTIME", "cam1"] == said
    assert alarms["REALTIME", "cam2"] is None


def test_on_this_system_they_have_it_or_it_is_told() -> None:
    code = """
import threading
from node.chores.precedence import Precedence
end = threading.Event()
lines = threading.Thread(target=end.wait, name="lines")
lines.start()
at = Precedence([station(priority=20)], [lambda: False])
at.keep()
policy = os.sched_getscheduler(lines.native_id) & ~os.SCHED_RESET_ON_FORK
last = {max(os.sched_getaffinity(0))}
assert at.unmet is not None or os.sched_getaffinity(lines.native_id) == last
print(policy == os.SCHED_RR, os.sched_getparam(lines.native_id).sched_priority, at.unmet)
print(subprocess.run([sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"],
    capture_output=True, text=True).stdout)
end.set()
"""
    had, started = beside(code).splitlines()[:2]
    assert had == "True 22 None" or "False 0 priority = 20 is not possible: " in had
    assert started == str(os.SCHED_OTHER)
