"""What the demo costs per part: a node that keeps all pictures, with the web open on it, against
the bare loop.

The bare loop does the same work and the same two durable commits, and nothing else; beside both
there is a node that keeps and shows nothing, so that the cost of the promise can be told from that
of pictures and web. Triggers come one at a time with a pause, as from a line: the work on one part
is over when the next one comes. The web is the real one, under Gunicorn, and somebody (watcher.py)
follows its events and fetches each picture as the Run page does.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from schemas import as_program
from schemas.store.programs import Programs
from schemas.store.users import Users
from tests.bench.figures import Figure, share
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site, Target
from tests.bench.throughput import cpu_s
from tests.bench.watcher import watching
from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.installation.web_process import asked
from tests.rooms.people.people import PASSWORD
from tests.rooms.promise.promise import wait_for
from web.credentials.password import hash_password

PAUSE_S = 0.1
LIMIT_MS = 2.4
WARM_UP = 100


def measure(site: Site, rounds: int, count: int = 40) -> list[Figure]:
    """The median over rounds of the difference between the two medians, in ms."""
    with ExitStack() as stack:
        demo = site.prepare("node-demo", SMALL)
        _keep_all(demo)
        sides = {
            "bare": stack.enter_context(site.bare("bare-demo", SMALL)),
            "quiet": stack.enter_context(site.node("node-quiet", SMALL)),
            "demo": stack.enter_context(site.started(demo, "node-demo")),
        }
        stack.enter_context(_web(demo))
        plc = stack.enter_context(Plc(site.broker.port))
        for side in sides.values():
            plc.one_by_one(side.name, site.truth, WARM_UP)
        times: dict[str, list[float]] = {what: [] for what in sides}
        busy_s = {what: cpu_s(side.process) for what, side in sides.items()}
        for number in range(rounds):
            found = _in_turns(plc, site, sides, count, number)
            for what, values in found.items():
                times[what].append(share(values, 0.5))
        busy_ms = {
            what: 1000 * (cpu_s(side.process) - busy_s[what]) / (rounds * count)
            for what, side in sides.items()
        }
    over = [ours - theirs for ours, theirs in zip(times["demo"], times["bare"], strict=True)]
    shown = [ours - theirs for ours, theirs in zip(times["demo"], times["quiet"], strict=True)]
    value = share(over, 0.5)
    detail: dict[str, float | str] = {
        f"{what} ms": round(share(values, 0.5), 2) for what, values in times.items()
    }
    detail["of it pictures and web, ms"] = round(share(shown, 0.5), 2)
    detail["over bare, ms"] = f"{min(over):.2f} to {max(over):.2f}, {rounds} rounds"
    detail["CPU ms a part"] = ", ".join(f"{what} {ms:.1f}" for what, ms in busy_ms.items())
    return [
        Figure(
            "demo overhead over the bare loop, p50",
            round(value, 2),
            "ms",
            f"<= {LIMIT_MS:g}",
            value <= LIMIT_MS,
            detail,
        )
    ]


def _in_turns(
    plc: Plc, site: Site, sides: dict[str, Target], count: int, number: int
) -> dict[str, list[float]]:
    """The times of each side in ms; taken in turns, so that all have the same neighbours on this
    machine."""
    found: dict[str, list[float]] = {what: [] for what in sides}
    order = list(sides)
    for each in range(count):
        for place in range(len(order)):
            what = order[(each + place + number) % len(order)]
            found[what] += plc.one_by_one(sides[what].name, site.truth, 1).times_ms
            time.sleep(PAUSE_S)
    return found


def _keep_all(node: NodeProcess) -> None:
    """Make its program keep the pictures of every part."""
    programs = Programs(node.state / "programs")
    kept = programs.get("synthetic-part")
    document = kept.program.model_dump(mode="json", by_alias=True) | {
        "keep": {"ng": True, "ok_every": 1}
    }
    programs.save(
        as_program(document), programs.master(kept.program), by="bench", expect_version=kept.version
    )


@contextlib.contextmanager
def _web(node: NodeProcess) -> Iterator[None]:
    """The web over a node's state folder, and somebody watching."""
    Users(node.state / "users").add("bench", "Bench", "OPERATOR", hash_password(PASSWORD, "bench"))
    port = free_port()
    environ = {
        **os.environ,
        "GUNICORN_BIND": f"127.0.0.1:{port}",
        "INSPECTION_WEB__REQUESTS_PER_MINUTE": "100000",
    }
    command = [sys.executable, "-m", "deploy.cli.command", "web", "--config", str(node.config)]
    with (node.folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environ
        )
    try:
        wait_for(lambda: asked(port, "GET", "/health")[0] == 200, 60, "the web")
        status, answer = asked(
            port, "POST", "/api/v1/auth/login", {"username": "bench", "password": PASSWORD}
        )
        assert status == 200, answer
        with watching(port, answer["data"]["access_token"]):
            yield
    finally:
        process.terminate()
        process.wait(20)
