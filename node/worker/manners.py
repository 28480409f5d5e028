"""How a worker process shares the machine with all else that runs there, as its settings ask: the
cores it runs on, memory that is not paged out, and the real-time priority of the thread that looks
at parts; or that all of it gives way to others.

A thread that shares Python's lock with one that has priority needs some as well: if it were held up
by others while it has the lock, both would be.

What the system does not allow is reported, and the worker goes on without it. A thread with
priority that never waits is ended by the kernel, since nothing else may get the time to do so.
"""

import ctypes
import os
import resource
import threading
from collections.abc import Callable, Iterator

from schemas import StationSettings

HIGHEST = 49  # priority that may be asked for
BEHIND = ("hearing", "pictures", "showing", "telling")  # threads that go one behind
SPAN_S = 20  # for which a thread with priority may compute without a wait: longer than any part
POLICY = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK  # threads and processes that it starts have none
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # mlockall(2)


def settle_in(station: StationSettings) -> Iterator[str]:
    """Before the other threads begin, which are as this one: cores, memory, and whether it gives
    way. What is not allowed, for people."""
    if station.cpus:
        yield from tried(f"cpus = {station.cpus}", lambda: _run_on(station.cpus))
    if station.lock_memory:
        yield from tried("lock_memory", _lock_memory)
    if station.yields:
        yield from tried("yields", _give_way)


def hurry(station: StationSettings, *, followed: bool = False) -> Iterator[str]:
    """The calling thread goes before all that have no priority; threads that it starts do not. What
    is not allowed, for people.

    followed: the other threads of the process go one behind it, but those that load programs and
    follow commands, which may take long.
    """
    if station.priority:
        what = f"priority = {station.priority}"
        yield from tried(what, lambda: _go_before(station.priority, followed=followed))


def cores(named: str) -> set[int]:
    """The numbers of cores of a list such as 0,2-3."""
    numbers: set[int] = set()
    for part in filter(None, named.split(",")):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


def tried(what: str, do: Callable[[], None]) -> Iterator[str]:
    """Do it, or say that `what` is not possible and why, for people."""
    try:
        do()
    except (OSError, ValueError) as error:
        yield f"{what} is not possible: {error}"


def _run_on(named: str) -> None:
    there, wanted = os.sched_getaffinity(0), cores(named)
    if not wanted or not wanted <= there:
        raise ValueError(f"the cores of the node are {','.join(map(str, sorted(there)))}")
    os.sched_setaffinity(0, wanted)


def _lock_memory() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY and os.geteuid() != 0:
        # below a limit the first allocation beyond it would fail, in the middle of a part
        raise ValueError("it needs LimitMEMLOCK=infinity")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _give_way() -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _go_before(priority: int, *, followed: bool) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    span_us = SPAN_S * 1_000_000
    if hard == resource.RLIM_INFINITY or hard > span_us:
        resource.setrlimit(resource.RLIMIT_RTTIME, (span_us, span_us))
    os.sched_setscheduler(0, POLICY, os.sched_param(priority))
    behind = os.sched_param(max(1, priority - 1))
    for thread in threading.enumerate() if followed else ():
        if thread.name in BEHIND and thread.native_id is not None:
            os.sched_setscheduler(thread.native_id, POLICY, behind)
