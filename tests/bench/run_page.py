"""How soon the Run page shows a result: `python -m tests.bench.run_page`.

The real stack on this machine: broker, node with two stations, web under Gunicorn, and a Chromium
that is signed in and shows both stations. Both sides use one clock: this process notes when the
result's MQTT message came, and a MutationObserver in the page when the card had changed, both by
the machine's wall clock. Needs Playwright and a Chromium (CHROMIUM names it).

One file: one measurement from message to screen, with everything that it starts.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy.demo.broker_process import start_broker
from schemas.store.users import Users
from tests.bench.figures import Figure, share
from tests.bench.plc import BASE, Plc, no_delay
from tests.bench.site import SMALL, Site
from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.promise.promise import wait_for
from web.credentials.password import hash_password

NODE = "node-run"
STATIONS = ("cam1", "cam2")
PASSWORD = "long enough 7391 rare"
RATES = (1, 10)  # results per second of each station
LIMIT_MS = 100.0
CONTENT_MS = 300.0
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
OBSERVE = """async () => {
  const now = () => performance.timeOrigin + performance.now();
  window.seen = [];
  const { live } = await import(document.querySelector("script[src*='/shell.js']").src.replace("shell.js", "events.js"));
  live.addEventListener("result", ({ detail }) => window.seen.push(["arrived", detail.station, detail.seq, now()]));
  const look = (records) => { const at = now(); for (const { target, attributeName } of records) {
    const { station } = target.closest("[data-station]").dataset;
    const kind = target.matches("figure") ? "picture" : "result";
    window.seen.push([kind, station, Number(target.dataset.seq), at]); } };
  const what = { subtree: true, attributes: true, attributeFilter: ["data-seq"] };
  new MutationObserver(look).observe(document.querySelector("#lines"), what);
}"""  # noqa: E501


class Times:
    """When each result's message came, in ms of the wall clock, by station and seq."""

    def __init__(self, port: int, node: str = NODE) -> None:
        self.node = node
        self.at: dict[tuple[str, int], float] = {}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_socket_open = no_delay
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(f"{BASE}/{node}/result/+", 1)
        self.client.loop_start()

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        at = 1000 * time.time()
        value: Any = json.loads(message.payload)
        self.at[value["station"], value["seq"]] = at


def chromium() -> str | None:
    """The path of the browser, None if there is none."""
    return (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )


def measure(site: Site, rounds: int, count: int = 40) -> list[Figure]:
    """p50 and p95 from the message to the page at one and at ten results per second at each
    station; `count` of each per round."""
    figures = []
    with (
        running(site, NODE, len(STATIONS)) as node,
        serving(node) as port,
        shown(port, "/app/run", {"width": 1366, "height": 850}) as page,
        Plc(site.broker.port) as plc,
    ):
        times = Times(site.broker.port)
        plc.await_state(NODE, "Ready")
        line(times, STATIONS, 2, 10)  # warm
        page.evaluate(OBSERVE)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        for rate in RATES:
            before = _counts(session)
            page.evaluate("() => { window.seen.length = 0 }")
            times.at.clear()
            for _ in range(rounds):
                line(times, STATIONS, rate, count, page)
            page.wait_for_timeout(1000)
            seen = page.evaluate("() => window.seen")
            results, own = delays(times.at, seen, "result")
            arrived, _ = delays(times.at, seen, "arrived")
            pictures, _ = delays(times.at, seen, "picture")
            after = _counts(session)
            change = {key: after[key] - before[key] for key in before}
            detail: dict[str, float | str] = {
                "p50 ms": round(median(results), 1),
                "max ms": round(max(results), 1),
                "message to the browser p50, p95 ms": (
                    f"{median(arrived):.1f}, {share(arrived, 0.95):.1f}"
                ),
                "results": len(times.at),
                "shown one by one": (
                    f"{100 * own:.0f} %, the others in one frame with a later one"
                ),
                "picture p50, p95 ms": f"{median(pictures):.0f}, {share(pictures, 0.95):.0f}",
                "DOM nodes": f"{before['Nodes']:.0f} to {after['Nodes']:.0f}",
                "heap MB": (
                    f"{before['JSHeapUsedSize'] / 1e6:.1f} to {after['JSHeapUsedSize'] / 1e6:.1f}"
                ),
                "main thread busy": (
                    f"{_share(change, 'Task')}: script {_share(change, 'Script')}, "
                    f"style {_share(change, 'RecalcStyle')}, layout {_share(change, 'Layout')}"
                ),
            }
            p95 = share(results, 0.95)
            name = f"result message to the Run page, {len(STATIONS)} stations at {rate}/s, p95"
            figures.append(
                Figure(name, round(p95, 1), "ms", f"<= {LIMIT_MS:g}", p95 <= LIMIT_MS, detail)
            )
        times.client.loop_stop()
        firsts = [_first_content(page) for _ in range(5)]
        name, first = "Run page to its first content, nothing cached", median(firsts)
        loads: dict[str, float | str] = {"loads ms": ", ".join(f"{ms:.0f}" for ms in firsts)}
        figures.append(
            Figure(name, round(first), "ms", f"<= {CONTENT_MS:g}", first <= CONTENT_MS, loads)
        )
    return figures


def _first_content(page: Any) -> float:
    """First contentful paint after the address was asked for, in ms (Paint Timing), in a tab that
    has loaded nothing before."""
    fresh = page.context.new_page()
    session = page.context.new_cdp_session(fresh)
    session.send("Network.clearBrowserCache")
    fresh.goto(page.url)
    paint = (
        "async () => { for (;;) { const [first] ="
        " performance.getEntriesByName('first-contentful-paint');"
    )
    paint += " if (first) return first.startTime; await new Promise((r) => setTimeout(r, 20)) } }"
    found = float(fresh.evaluate(paint))
    fresh.close()
    return found


def delays(
    came: dict[tuple[str, int], float], seen: list[Any], kind: str
) -> tuple[list[float], float]:
    """From each message to the first change that shows it or a later one, in ms; and the share of
    messages that were themselves shown."""
    delays, own = [], 0
    for (station, seq), at in came.items():
        shown = [
            (time_ms, number)
            for what, where, number, time_ms in seen
            if (what, where) == (kind, station) and number >= seq
        ]
        if shown:
            delays.append(shown[0][0] - at)
            own += shown[0][1] == seq
    assert kind != "result" or len(delays) == len(came), "a result was never shown"
    return delays, own / max(1, len(came))


def _share(change: dict[str, float], what: str) -> str:
    return f"{100 * change[f'{what}Duration'] / change['Timestamp']:.1f} %"


def line(
    times: Times, stations: tuple[str, ...], rate: float, count: int, page: Any = None
) -> None:
    """`count` parts at each station, at that many per second."""

    def run() -> None:
        began = time.monotonic()
        for number in range(count):
            for place, station in enumerate(stations):
                wait_s = began + (number + place / len(stations)) / rate - time.monotonic()
                time.sleep(max(0.0, wait_s))
                times.client.publish(
                    f"{BASE}/{times.node}/trigger/{station}",
                    f'{{"part_id":"part-{number % 50 + 1}"}}',
                    1,
                )

    thread = threading.Thread(target=run)
    before = len(times.at)
    thread.start()
    while thread.is_alive():
        page.wait_for_timeout(100) if page is not None else thread.join(0.1)
    wait_for(lambda: len(times.at) >= before + count * len(stations), 60, "all results")


@contextmanager
def running(site: Site, name: str, stations: int) -> Iterator[NodeProcess]:
    """A node of that many stations, Ready."""
    node = site.prepare(name, SMALL, stations)
    # the parts need no names of their own
    node.config.write_text(node.config.read_text().replace('"part_id"', '"name"'))
    with site.started(node, name):
        yield node


@contextmanager
def serving(node: NodeProcess) -> Iterator[int]:
    """Its port; one account, `bench`."""
    Users(node.state / "users").add("bench", "Bench", "OPERATOR", hash_password(PASSWORD, "bench"))
    port = free_port()
    environ = {
        **os.environ,
        "GUNICORN_BIND": f"127.0.0.1:{port}",
        "INSPECTION_WEB__REQUESTS_PER_MINUTE": "100000",
    }
    log = (node.folder / "web.log").open("wb")
    command = [sys.executable, "-m", "deploy.cli.command", "web", "--config", str(node.config)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environ)
    try:
        wait_for(lambda: _answers(port), 60, "the web")
        yield port
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def shown(port: int, path: str, window: dict[str, int]) -> Iterator[Any]:
    """A page, signed in, with its first stream open."""
    from playwright.sync_api import sync_playwright

    origin = f"http://127.0.0.1:{port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        context = browser.new_context(viewport=window)
        body = {"username": "bench", "password": PASSWORD, "tokens": False}
        answer = context.request.post(
            f"{origin}/api/v1/auth/login", data=body, headers={"Origin": origin}
        )
        assert answer.ok, answer.text()
        page = context.new_page()
        page.goto(f"{origin}{path}")
        page.wait_for_selector("#link[data-state=ok]")
        yield page
        browser.close()


def _counts(session: Any) -> dict[str, float]:
    """Chromium's own figures of the page, after its garbage was collected; durations in s."""
    session.send("HeapProfiler.collectGarbage")
    return {
        each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]
    }


def main() -> int:
    """Measure and print; 1 if the target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.run_page")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--count", type=int, default=40, help="results of each station in a round")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        broker = start_broker(Path(name) / "broker")
        try:
            figures = measure(Site(Path(name), broker), args.rounds, args.count)
        finally:
            broker.stop()
    for figure in figures:
        print(
            f"{figure.name}: {figure.value:g} {figure.unit} ({figure.target}:"
            f" {'met' if figure.met else 'NOT met'})"
        )
        for key, value in figure.detail.items():
            print(f"  {key}: {value}")
    print(f"load {os.getloadavg()[0]:.1f}")
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
