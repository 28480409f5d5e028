"""From trigger published to result received, one at a time: the node against the bare loop, in
turns."""

from collections.abc import Sequence

import psutil

from tests.bench.figures import Figure, ratio, share
from tests.bench.plc import Plc
from tests.bench.site import LARGE, SMALL, Site, Size, Target
from tests.bench.throughput import broker_process
from tests.bench.undisturbed import FIRST, PRIORITY, allowed, undisturbed

WARM_UP = 150
BLOCKS = 4  # of each side in a round


def measure(site: Site, rounds: int, count: int = 300) -> list[Figure]:
    """p50 and p99 for both sizes of frames: as it is, and with a priority of all who take part."""
    figures = []
    for priority in (0, FIRST) if allowed() else (0,):
        for size in (SMALL, LARGE):
            figures += _figures(site, rounds, count, size, priority)
    return figures


def _figures(site: Site, rounds: int, count: int, size: Size, priority: int) -> list[Figure]:
    name = f"{size}-{priority}"
    with (
        site.node(f"node-{name}", size, priority=priority) as node,
        site.bare(f"bare-{name}", size) as bare,
        Plc(site.broker.port) as plc,
    ):
        samples = in_turns(plc, site, (node, bare), rounds, count, priority)
    aim = 1.10 if size == SMALL else 1.05
    how = "with priority" if priority else "without priority"
    figures = []
    for what, part, target, limit in (
        ("p50", 0.5, f"<= {aim}" if priority else f"<= 1.3 (aim {aim})", aim if priority else 1.3),
        ("p99", 0.99, "<= 2", 2.0),
    ):
        pairs = [(share(ours, part), share(theirs, part)) for ours, theirs in samples]
        figures.append(
            ratio(
                f"latency {size} {what}, node / bare loop, {how}",
                pairs,
                "ms",
                target,
                lambda value, limit=limit: value <= limit,  # type: ignore[misc]
            )
        )
    return figures


def in_turns(
    plc: Plc,
    site: Site,
    sides: tuple[Target, Target],
    rounds: int,
    count: int,
    priority: int = PRIORITY,
) -> list[tuple[Sequence[float], Sequence[float]]]:
    """The times of both sides in each round, in ms, taken in small blocks one after the other; both
    are warmed up."""
    for side in sides:
        plc.one_by_one(side.name, site.truth, WARM_UP)
    taking_part = [*(side.process for side in sides), broker_process(site), psutil.Process()]
    samples: list[tuple[Sequence[float], Sequence[float]]] = []
    for number in range(rounds):
        times: tuple[list[float], list[float]] = ([], [])
        for block in range(2 * BLOCKS):
            which = (block + number) % 2
            with undisturbed(taking_part, priority):
                run = plc.one_by_one(sides[which].name, site.truth, count // BLOCKS)
            times[which].extend(run.times_ms)
        samples.append(times)
    return samples
