"""Triggers per second with eight under way: one station against the bare loop, two stations against
one, and which processes are busy."""

from collections.abc import Mapping
from statistics import median

import psutil

from tests.bench.figures import Figure, ratio
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site, Target
from tests.bench.undisturbed import undisturbed

WARM_UP = 200
COUNT = 400


def measure(site: Site, rounds: int) -> list[Figure]:
    """Two ratios."""
    one_pairs, two_pairs = [], []
    load: dict[str, list[float]] = {}
    with (
        site.node("node-two", SMALL, stations=2) as node,
        site.bare("bare-one", SMALL) as bare,
        Plc(site.broker.port) as plc,
    ):
        both = ("cam1", "cam2")
        plc.window(node.name, site.truth, WARM_UP, both)
        plc.window(bare.name, site.truth, WARM_UP)
        for _ in range(rounds):
            theirs = rate(plc, site, bare, ("cam1",), load, "bare loop")
            ours = rate(plc, site, node, ("cam1",), load, "one station")
            two = rate(plc, site, node, both, load, "two stations")
            one_pairs.append((ours, theirs))
            two_pairs.append((two, ours))
    one = ratio(
        "triggers/s, one station / bare loop",
        one_pairs,
        "1/s",
        ">= 0.85",
        lambda value: value >= 0.85,
    )
    both_ = ratio(
        "triggers/s, two stations / one station",
        two_pairs,
        "1/s",
        ">= 1.5",
        lambda value: value >= 1.5,
    )
    one.detail.update(busy(load, "bare loop") | busy(load, "one station"))
    both_.detail.update(busy(load, "two stations"))
    return [one, both_]


def busy(load: dict[str, list[float]], what: str) -> dict[str, float | str]:
    """How many cores each process kept busy during `what`, and all of them together."""
    found = {
        key: round(median(values), 2) for key, values in load.items() if key.startswith(f"{what}:")
    }
    together = f"{sum(found.values()):.2f} of {psutil.cpu_count() or 1}"
    return {**found, f"{what}: all together, cores": together}


def rate(
    plc: Plc,
    site: Site,
    target: Target,
    stations: tuple[str, ...],
    load: dict[str, list[float]],
    what: str,
    truth: Mapping[str, str] | None = None,
    count: int = COUNT,
) -> float:
    """Results per second; the cores that node, broker and client kept busy meanwhile are added to
    `load`. truth: the parts' verdicts, None for those of the site."""
    processes = {
        "inspecting": target.process,
        "broker": broker_process(site),
        "client": psutil.Process(),
    }
    before = {who: cpu_s(process) for who, process in processes.items()}
    with undisturbed([*processes.values()]):
        run = plc.window(target.name, truth or site.truth, count, stations)
    for who, process in processes.items():
        load.setdefault(f"{what}: {who}, cores", []).append(
            (cpu_s(process) - before[who]) / run.seconds
        )
    return len(run.times_ms) / run.seconds


def cpu_s(process: psutil.Process) -> float:
    """Seconds of CPU that a process and its children have used; without children if it is our own,
    as all are its children."""
    children = process.children(recursive=True) if process != psutil.Process() else []
    found = [each.cpu_times() for each in (process, *children)]
    return float(sum(times.user + times.system for times in found))


def broker_process(site: Site) -> psutil.Process:
    """The process that listens on the broker's port."""
    for connection in psutil.net_connections("tcp"):
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr.port == site.broker.port
            and connection.pid
        ):
            return psutil.Process(connection.pid)
    raise AssertionError("nobody listens on the broker's port")
