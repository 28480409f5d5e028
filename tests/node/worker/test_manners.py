"""How a worker shares the machine: what its settings ask for is done, or reported as impossible."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from node.worker import manners
from schemas import MemoryLines, StationSettings, SyntheticCamera

NOBODY = 65534
NO_CORE = "1023"


def station(**settings: Any) -> StationSettings:
    return StationSettings(
        id="cam1", camera=SyntheticCamera(), lines=MemoryLines(), worker="process", **settings
    )


def beside(code: str) -> str:
    """What is printed by a process that does this with `station`, and may have priority."""
    head = "from tests.node.worker.test_manners import *\n"
    done = subprocess.run(
        [sys.executable, "-c", head + code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def without_rights() -> None:
    """As somebody who may not ask for priority, whichever user the tests run as."""
    import resource

    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    if os.geteuid() == 0:
        os.setresuid(NOBODY, NOBODY, NOBODY)


@pytest.mark.parametrize(
    ("named", "found"),
    [("", set()), ("1", {1}), ("0,2-3", {0, 2, 3}), ("2-2,", {2}), ("3-1", set())],
)
def test_cores_are_named_one_by_one_or_from_one_to_another(named: str, found: set[int]) -> None:
    assert manners.cores(station(cpus=named).cpus) == found


@pytest.mark.parametrize("named", ["a", "-1", "1;2", "1--2", "12345"])
def test_what_names_no_cores_is_no_setting(named: str) -> None:
    with pytest.raises(ValueError, match="cpus"):
        station(cpus=named)


@pytest.mark.parametrize(
    "asked", [{"priority": 20}, {"yields": True}, {"cpus": "0"}, {"lock_memory": True}]
)
def test_a_station_whose_worker_is_a_thread_cannot_ask_for_them(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need worker = process at cam1"):
        StationSettings(id="cam1", camera=SyntheticCamera(), worker="thread", **asked)


def test_it_runs_on_the_cores_that_are_named() -> None:
    one = max(os.sched_getaffinity(0))
    code = f"print([*manners.settle_in(station(cpus='{one}'))], os.sched_getaffinity(0))"
    assert beside(code) == f"[] {{{one}}}"


@pytest.mark.parametrize("named", [NO_CORE, "3-1"])
def test_cores_that_are_not_there_are_told_and_nothing_is_changed(named: str) -> None:
    before = os.sched_getaffinity(0)
    (said,) = manners.settle_in(station(cpus=named))
    assert said.startswith(f"cpus = {named} is not possible: the cores of the node are ")
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("do", "asked", "said"),
    [
        ("hurry", "priority=20", "priority = 20 is not possible: "),
        ("settle_in", "lock_memory=True", "lock_memory is not possible: it needs LimitMEMLOCK"),
    ],
)
def test_what_the_system_does_not_allow_is_told(do: str, asked: str, said: str) -> None:
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))
without_rights()
print(*manners.{do}(station({asked})))
"""
    assert beside(code).startswith(said)


def test_one_that_yields_gives_way_with_all_its_threads() -> None:
    code = """
import threading
assert [*manners.settle_in(station(yields=True))] == []
seen = []
other = threading.Thread(target=lambda: seen.append(os.sched_getscheduler(0)))
other.start()
other.join()
print(os.sched_getscheduler(0) == seen[0] == os.SCHED_IDLE)
"""
    assert beside(code) == "True"


@pytest.mark.parametrize(("priority", "behind"), [(20, 19), (1, 1)])
def test_threads_that_share_the_lock_of_one_with_priority_are_one_behind_it(
    priority: int, behind: int
) -> None:
    code = f"""
import threading
end = threading.Event()
names = ("hearing", "pictures", "showing", "telling", "care_0", "commands_0")
others = [threading.Thread(target=end.wait, name=name) for name in names]
for other in others:
    other.start()
said = [*manners.hurry(station(priority={priority}), followed=True)]
numbers = [0, *(each.native_id for each in others)]
found = [os.sched_getparam(number).sched_priority for number in numbers]
ask = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]
started = subprocess.run(ask, capture_output=True)
end.set()
print(int(started.stdout), said or found)
"""
    said = beside(code)
    expected = f"{os.SCHED_OTHER} [{priority}, {behind}, {behind}, {behind}, {behind}, 0, 0]"
    assert said == expected or said.startswith("0 ['priority = "), said


def test_a_station_cannot_go_first_and_give_way() -> None:
    with pytest.raises(ValueError, match="cam1 cannot both have priority and yield"):
        station(priority=20, yields=True)


def test_whoever_asks_for_nothing_is_as_all_others() -> None:
    calls: tuple[Callable[..., Any], ...] = (manners.settle_in, manners.hurry)
    assert [said for call in calls for said in call(station())] == []
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
