"""What the demo costs a part: pictures kept and drawn for those who watch, against the same node that keeps and shows nothing.

Triggers come one at a time with a pause, as from a line: what is done with the part before is over when the next one comes, so
whatever is dearer than on the quiet node stands between a trigger and its own result.
"""

import json
import time
from contextlib import ExitStack
from uuid import uuid4

from schemas import as_program
from schemas.store.programs import Programs
from tests.bench.figures import Figure, share
from tests.bench.plc import BASE, Plc
from tests.bench.site import SMALL, Site
from tests.processes import NodeProcess

PAUSE_S = 0.1
LIMIT_MS = 2.4


def measure(site: Site, rounds: int, count: int = 40) -> list[Figure]:
    """The median over rounds of the difference of both medians, in ms."""
    with ExitStack() as stack:
        names = ("node-quiet", "node-demo")
        nodes = [site.prepare(name, SMALL) for name in names]
        _keep_all(nodes[1])
        for name, node in zip(names, nodes, strict=True):
            stack.enter_context(site.started(node, name))
        plc = stack.enter_context(Plc(site.broker.port))
        for name in names:
            plc.one_by_one(name, site.truth, 100)
        times: dict[str, list[float]] = {name: [] for name in names}
        for number in range(rounds):
            _watch(plc, names[1])
            one: dict[str, list[float]] = {name: [] for name in names}
            for each in range(2 * count):  # in turns, so that both have the same neighbours on this machine
                name = names[(each + number) % 2]
                one[name] += plc.one_by_one(name, site.truth, 1).times_ms
                time.sleep(PAUSE_S)
            for name in names:
                times[name].append(share(one[name], 0.5))
    quiet, demo = (times[name] for name in names)
    value = share([ours - theirs for ours, theirs in zip(demo, quiet, strict=True)], 0.5)
    detail: dict[str, float | str] = {"quiet ms": round(share(quiet, 0.5), 2), "demo ms": round(share(demo, 0.5), 2)}
    return [Figure("demo overhead, p50", round(value, 2), "ms", f"<= {LIMIT_MS:g}", value <= LIMIT_MS, detail)]


def _keep_all(node: NodeProcess) -> None:
    """Its program keeps the pictures of every part."""
    programs = Programs(node.state / "programs")
    kept = programs.get("synthetic-part")
    document = kept.program.model_dump(mode="json", by_alias=True) | {"keep": {"ng": True, "ok_every": 1}}
    programs.save(as_program(document), programs.master(kept.program), by="bench", expect_version=kept.version)


def _watch(plc: Plc, name: str) -> None:
    """Somebody has the Run page open: the newest picture is drawn, for a minute."""
    request = {"request_id": f"show-{uuid4()}", "station": "cam1"}
    plc.client.publish(f"{BASE}/{name}/cmd/show", json.dumps(request), 1)
