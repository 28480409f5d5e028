"""Stations side by side: two against one with a light and with a heavy program, and what a heavy
station costs a light one; both on a disk, and with node and broker keeping nothing on a disk.

`python -m tests.bench.workers --worker process` measures one kind of worker alone; `--priorities`
only what a heavy station costs a light one, without and with `priority` of the light one, and with
`yields` of the heavy one, in turns. With BENCH_PRIORITY (see undisturbed.py) the light station's
client and the broker go before all others then, as if they ran on another machine.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from rich.console import Console

from deploy.demo.broker_process import start_broker
from tests.bench import heavy
from tests.bench.broker import in_memory
from tests.bench.figures import Figure, ratio, share
from tests.bench.machine import facts, fsync_ms
from tests.bench.plc import Plc
from tests.bench.site import ALL_LINES, SMALL, Site, Target
from tests.bench.throughput import broker_process, busy, rate
from tests.bench.undisturbed import undisturbed
from tests.rooms.installation.processes import NodeProcess

LIGHT, HEAVY = ("cam1", "cam2"), ("cam3", "cam4")
COUNT = {LIGHT: 300, HEAVY: 40}  # triggers per station and round
WARM_UP = {LIGHT: 100, HEAVY: 10}
ALONE = 400  # triggers of the light station for its p99, alone and beside a heavy one
PRIORITY = 20  # of the light station, if it has one
MEMORY = Path("/dev/shm")


class Rig(NamedTuple):
    """A node with two light and two heavy stations, and the true verdicts of their parts."""

    site: Site
    node: Target
    truth: dict[tuple[str, str], dict[str, str]]


def measure(site: Site, rounds: int, worker: str | None = None) -> list[Figure]:
    """Two against one, light and heavy, with the disk and without; and a light one beside a heavy
    one."""
    figures = _figures(site, rounds, worker, f"fsync {fsync_ms(site.folder.parent):.2f} ms")
    if worker != "thread":
        figures += priorities(site, rounds)
    if not MEMORY.is_dir():
        return figures
    with tempfile.TemporaryDirectory(prefix="bench-", dir=MEMORY) as name:
        folder = Path(name)
        with in_memory(folder / "broker") as broker:
            figures += _figures(Site(folder / "site", broker), rounds, worker, "kept in memory")
    return figures


def _figures(site: Site, rounds: int, worker: str | None, where: str) -> list[Figure]:
    load: dict[str, list[float]] = {}
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = {LIGHT: [], HEAVY: []}
    port = site.broker.port
    with _rig(site, worker) as rig:
        with Plc(port) as plc:
            for stations in (LIGHT, HEAVY):
                plc.window(rig.node.name, rig.truth[stations], WARM_UP[stations], stations)
        for _ in range(rounds):
            with Plc(port) as plc:  # a new one: it must not hear what others ask for
                for stations, what in ((LIGHT, "light"), (HEAVY, "heavy")):
                    truth, count = rig.truth[stations], COUNT[stations]
                    one, two = (
                        rate(plc, site, rig.node, some, load, f"{len(some)} {what}", truth, count)
                        for some in (stations[:1], stations)
                    )
                    pairs[stations].append((two, one))
    figures = [
        ratio(
            f"triggers/s, two {what} stations / one, {where}",
            pairs[stations],
            "1/s",
            ">= 1.7",
            lambda value: value >= 1.7,
        )
        for stations, what in ((LIGHT, "light"), (HEAVY, "heavy"))
    ]
    for figure, what in zip(figures, ("light", "heavy"), strict=True):
        figure.detail.update(busy(load, f"2 {what}"))
    return figures


def priorities(site: Site, rounds: int, priority: int = PRIORITY) -> list[Figure]:
    """The light station's times beside a heavy one, against those alone: of a node without, of one
    with `priority` of its light stations, and of one with `yields` of its heavy ones, in turns."""
    with ExitStack() as end:
        rigs = {
            what: end.enter_context(_rig(site, "process", name, light_settings, heavy_settings))
            for what, name, light_settings, heavy_settings in (
                ("without priority", "node-plain", {}, {}),
                (f"priority = {priority}", "node-first", {"priority": priority}, {}),
                ("heavy one yields", "node-yields", {}, {"yields": True}),
            )
        }
        beside: dict[str, list[tuple[float, float]]] = {what: [] for what in rigs}
        middle: dict[str, list[tuple[float, float]]] = {what: [] for what in rigs}
        for number in range(rounds + 1):
            with Plc(site.broker.port) as plc:
                for what in sorted(rigs, reverse=bool(number % 2)):
                    rig = rigs[what]
                    alone = _times(plc, rig)
                    with _busy(rig):
                        both = _times(plc, rig)
                    if number:  # the first warms both up
                        beside[what].append((share(both, 0.99), share(alone, 0.99)))
                        middle[what].append((share(both, 0.5), share(alone, 0.5)))
    where = f"fsync {fsync_ms(site.folder.parent):.2f} ms"
    return [
        ratio(
            f"light station beside a heavy one / alone, {part}, {what}, {where}",
            pairs,
            "ms",
            "<= 1.3",
            lambda value: value <= 1.3,
        )
        for part, found in (("p50", middle), ("p99", beside))
        for what, pairs in found.items()
    ]


def _times(plc: Plc, rig: Rig) -> Sequence[float]:
    elsewhere = [broker_process(rig.site), psutil.Process()]
    with undisturbed(elsewhere):
        return plc.one_by_one(rig.node.name, rig.truth[LIGHT], ALONE, LIGHT[0]).times_ms


@contextmanager
def _rig(
    site: Site,
    worker: str | None,
    name: str = "node-workers",
    light_settings: dict[str, Any] | None = None,
    heavy_settings: dict[str, Any] | None = None,
) -> Iterator[Rig]:
    light, heavier = site.pictures(SMALL), site.folder / f"pictures-heavy-{name}"
    parts = heavy.pictures(heavier, SMALL)
    own = {LIGHT: light_settings or {}, HEAVY: heavy_settings or {}}
    stations: list[dict[str, Any]] = [
        {
            "id": station,
            "program": program,
            "camera": {"kind": "folder", "path": str(folder), "order": "part_id"},
            "lines": ALL_LINES,
            "max_age_ms": 60_000,  # of a busy machine
            **({} if worker is None else {"worker": worker}),
            **own[some],
        }
        for some, program, folder in (
            (LIGHT, "synthetic-part", light),
            (HEAVY, heavy.HEAVY, heavier),
        )
        for station in some
    ]
    folder = site.folder / name
    folder.mkdir()
    node = NodeProcess(folder, site.broker.port, stations, node_id=name)
    site.programs(node.state, SMALL)
    heavy.store(node.state, SMALL)
    with site.started(node, name) as target:
        yield Rig(site, target, {LIGHT: site.truth, HEAVY: dict.fromkeys(parts, "OK")})


@contextmanager
def _busy(rig: Rig) -> Iterator[None]:
    """Keeps a heavy station busy meanwhile, with triggers sent by a process of their own."""
    spawn = multiprocessing.get_context("spawn")
    began, ended = spawn.Event(), spawn.Event()
    arguments = (rig.site.broker.port, rig.node.name, rig.truth[HEAVY], began, ended)
    process = spawn.Process(target=_keep_busy, args=arguments, daemon=True)
    process.start()
    try:
        assert began.wait(30), "the heavy station was not begun"
        yield
    finally:
        ended.set()
        process.join(30)
    assert process.exitcode == 0, "the heavy station gave no results"


def _keep_busy(port: int, name: str, truth: dict[str, str], began: Any, ended: Any) -> None:
    with Plc(port) as plc:
        while not ended.is_set():
            plc.window(name, truth, 10, HEAVY[:1], width=2)
            began.set()


def main() -> int:
    """Measure and print; 0 if it ran."""
    from tests.bench.__main__ import table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", choices=("process", "thread"), help="default: the node's own")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on which disk to measure")
    parser.add_argument("--priorities", action="store_true", help="see above; as root")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.folder) as name, ExitStack() as end:
        Console().print(json.dumps(facts(Path(name))))
        broker = start_broker(Path(name) / "broker")
        end.callback(broker.stop)
        site = Site(Path(name) / "site", broker)
        figures = (
            priorities(site, args.rounds)
            if args.priorities
            else measure(site, args.rounds, args.worker)
        )
        Console().print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
