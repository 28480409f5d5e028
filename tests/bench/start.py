"""From the start of the process, or from a SIGHUP, to `Ready` on the broker; with a new ledger and
with a million results."""

import signal
import time
from statistics import median

from tests.bench.figures import Figure
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.ledgers import fill

NAME = "node-start"
RESULTS = 1_000_000
KEPT = {"history": {"max_count": 2 * RESULTS, "max_days": 3650.0}}  # so that all of them stay


def measure(site: Site, rounds: int) -> list[Figure]:
    """The medians; among the starts without results, the first has a new state folder, and the
    others find one."""
    node = site.prepare(NAME, SMALL, 2, **KEPT)
    port = site.broker.port
    figures = [_figure("start of the process to Ready", _starts(port, node, rounds))]
    for path in node.state.glob("ledger*"):
        path.unlink()
    fill(node.ledger, RESULTS)
    figures.append(_figure(f"the same with {RESULTS:,} results", _starts(port, node, rounds)))
    figures.append(
        _figure(f"reload to Ready with {RESULTS:,} results", _reloads(port, node, rounds))
    )
    return figures


def _starts(port: int, node: NodeProcess, rounds: int) -> list[float]:
    seconds = []
    with Plc(port) as plc:
        for _ in range(rounds):
            began = time.monotonic_ns()
            node.start()
            try:
                seconds.append((plc.await_state(NAME, "Ready") - began) / 1e9)
            finally:
                node.end()
            plc.await_state(NAME, "Offline")
    return seconds


def _reloads(port: int, node: NodeProcess, rounds: int) -> list[float]:
    seconds = []
    node.start()
    try:
        with Plc(port) as plc:
            plc.await_state(NAME, "Ready")
            assert node.process is not None
            for number in range(rounds):
                changed = node.config.read_text().replace(
                    f"{2 * RESULTS + number}", f"{2 * RESULTS + number + 1}"
                )
                node.config.write_text(changed)  # settings that have not changed are no reload
                began, left = time.monotonic_ns(), plc.left[NAME]
                node.process.send_signal(signal.SIGHUP)
                seconds.append((plc.await_return(NAME, left) - began) / 1e9)
    finally:
        node.end()
    return seconds


def _figure(what: str, seconds: list[float]) -> Figure:
    value = median(seconds)
    detail: dict[str, float | str] = {
        "least s": round(min(seconds), 3),
        "most s": round(max(seconds), 3),
    }
    return Figure(what, round(value, 3), "s", "< 2", value < 2, detail)
