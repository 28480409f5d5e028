"""A measurement beside busy neighbours: with BENCH_PRIORITY=5 (as root) all processes that take
part have that real-time priority while they are measured, so that they wait for each other and for
nothing else. The stations of the nodes have it as their setting `priority`.

Others get the processor between two blocks, so keep the blocks short. Ratios come out as on an idle
machine, but caches are still shared.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence

import psutil

PRIORITY = int(os.environ.get("BENCH_PRIORITY", "0"))
FIRST = PRIORITY or 5  # where a figure is measured with a priority as well
REST_S = 0.5


@contextlib.contextmanager
def undisturbed(processes: Sequence[psutil.Process], priority: int = PRIORITY) -> Iterator[None]:
    """While the block lasts, these and the processes that they have started go before all others; 0
    leaves them as they are."""
    if not priority:
        yield
        return
    try:
        _schedule(processes, os.SCHED_RR | os.SCHED_RESET_ON_FORK, priority)
        yield
    finally:
        _schedule(processes, os.SCHED_OTHER, 0)
        time.sleep(REST_S)


def allowed() -> bool:
    """Whether we may have a priority."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(FIRST))
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


def _schedule(processes: Sequence[psutil.Process], policy: int, priority: int) -> None:
    for process in processes:
        ours = process.pid == os.getpid()  # whose children are all the others
        for each in [process] if ours else [process, *process.children(recursive=True)]:
            for thread in each.threads():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setscheduler(thread.id, policy, os.sched_param(priority))
