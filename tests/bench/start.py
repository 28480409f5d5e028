"""From the start of the process to `Ready` on the broker."""

import time
from statistics import median

from tests.bench.figures import Figure
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site


def measure(site: Site, rounds: int) -> list[Figure]:
    """The median over starts; the first has a new state folder, the others find one."""
    node = site.prepare("node-start", SMALL)
    seconds = []
    with Plc(site.broker.port) as plc:
        plc.subscribe("inspection/v1/node-start/state")
        for _ in range(rounds):
            began = time.monotonic_ns()
            node.start()
            try:
                seconds.append((plc.await_state("node-start", "Ready") - began) / 1e9)
            finally:
                node.end()
            plc.await_state("node-start", "Offline")
    detail: dict[str, float | str] = {"least s": round(min(seconds), 3), "most s": round(max(seconds), 3)}
    value = median(seconds)
    return [Figure("start of the process to Ready", round(value, 3), "s", "< 2", value < 2, detail)]
