"""The hall view with 20 stations, or with two side by side: `python -m tests.bench.hall [--stations
2]`.

The real stack: broker, a node with 20 stations, the web, and a Chromium that shows all tiles at
1440 x 900, without scrolling. Measured: how soon a tile changes after its result's message, how
much of a core the renderer takes meanwhile, and how long after its verdict the picture of a card in
sight comes.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from deploy.demo.broker_process import start_broker
from tests.bench import run_page
from tests.bench.figures import Figure, share
from tests.bench.plc import Plc
from tests.bench.site import Site

MANY, FEW = 20, 2  # stations: in a hall; side by side on one screen
RATE = 1.0  # parts per second of each
EVENT_MS = 100.0
RENDERER = 0.2  # of a core
PICTURE_MS = {MANY: 300.0, FEW: 100.0}  # from a verdict to its picture
WINDOW = {"width": 1440, "height": 900}
NODE = "node-hall"


def measure(site: Site, rounds: int, count: int = 10, stations: int = MANY) -> list[Figure]:
    """p95 from the message to the tile and the renderer's share of a core, where there are many;
    the picture's delay.

    `count` parts of each station per round.
    """
    node_id = f"{NODE}-{stations}"
    names = tuple(f"cam{number + 1}" for number in range(stations))
    with (
        run_page.running(site, node_id, stations) as node,
        run_page.serving(node) as port,
        run_page.shown(port, "/app/run", WINDOW) as page,
        Plc(site.broker.port) as plc,
    ):
        times = run_page.Times(site.broker.port, node_id)
        plc.await_state(node_id, "Ready")
        run_page.line(times, names, RATE * 2, 5, page)  # warm
        page.evaluate(run_page.OBSERVE)
        found = []
        if stations > FEW:
            found = [*_hall(page, times, names, count, rounds), *_scrolls(page, names)]
            page.goto(f"http://127.0.0.1:{port}/app/run?view=cards")
            page.wait_for_selector("#link[data-state=ok]")
            page.evaluate(run_page.OBSERVE)
        found.append(_cards(page, times, names, count, rounds))
        times.client.loop_stop()
    return found


Names = tuple[str, ...]


def _hall(page: Any, times: run_page.Times, names: Names, count: int, rounds: int) -> list[Figure]:
    begin = _seconds(page)
    times.at.clear()
    page.evaluate("() => { window.seen.length = 0 }")
    for _ in range(rounds):
        run_page.line(times, names, RATE, count, page)
    page.wait_for_timeout(500)
    end = _seconds(page)
    delays, own = run_page.delays(times.at, page.evaluate("() => window.seen"), "result")
    p95 = share(delays, 0.95)
    detail: dict[str, float | str] = {
        "p50 ms": round(median(delays), 1),
        "max ms": round(max(delays), 1),
        "results": len(times.at),
        "shown one by one": f"{100 * own:.0f} %",
    }
    busy = (end[0] - begin[0]) / (end[1] - begin[1])
    name = f"{len(names)} stations, {RATE * len(names):g} parts a second"
    return [
        Figure(
            f"{name}: message to the tile, p95", round(p95, 1), "ms", f"<= {EVENT_MS:g}",
            p95 <= EVENT_MS, detail,
        ),
        Figure(
            f"{name}: the renderer", round(busy, 3), "of a core", f"<= {RENDERER:g}",
            busy <= RENDERER,
            {"whole browser": f"{(end[2] - begin[2]) / (end[1] - begin[1]):.2f} of a core"},
        ),
    ]  # fmt: skip


def _scrolls(page: Any, names: Names) -> list[Figure]:
    """How many px the page is taller than its window."""
    script = "document.documentElement.scrollHeight - document.documentElement.clientHeight"
    px = page.evaluate(script)
    tiles = page.locator(".tile").count()
    name = f"{tiles} tiles at {WINDOW['width']} x {WINDOW['height']}: beyond the window"
    return [Figure(name, px, "px", "<= 0", px <= 0 and tiles == len(names), {})]


def _cards(page: Any, times: run_page.Times, names: Names, count: int, rounds: int) -> Figure:
    """The delay from verdict to picture of the cards in sight, as only those ask for pictures."""
    times.at.clear()
    page.evaluate("() => { window.seen.length = 0 }")
    for _ in range(rounds):
        run_page.line(times, names, RATE, count, page)
    page.wait_for_timeout(1500)
    seen = page.evaluate("() => window.seen")
    verdicts = {(where, seq): at for what, where, seq, at in seen if what == "result"}
    in_sight = {where for what, where, _, _ in seen if what == "picture"}
    watched = {key: at for key, at in verdicts.items() if key[0] in in_sight}
    lags, own = run_page.delays(watched, seen, "picture")
    p95 = share(lags, 0.95)
    detail: dict[str, float | str] = {
        "p50 ms": round(median(lags), 1),
        "max ms": round(max(lags), 1),
        "cards that asked": len(in_sight),
        "pictures shown": f"{100 * own:.0f} %",
    }
    name = f"{len(names)} stations as cards: verdict to its picture, p95"
    most = PICTURE_MS[FEW if len(names) <= FEW else MANY]
    return Figure(name, round(p95, 1), "ms", f"<= {most:g}", p95 <= most, detail)


def _seconds(page: Any) -> tuple[float, float, float]:
    """CPU of the renderer that shows the page, the clock, CPU of the whole browser: seconds."""
    info = page.context.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    spent = {one["type"]: 0.0 for one in info["processInfo"]}
    for one in info["processInfo"]:
        spent[one["type"]] = max(spent[one["type"]], one["cpuTime"])
    whole = sum(one["cpuTime"] for one in info["processInfo"])
    return spent.get("renderer", 0.0), time.monotonic(), whole


def main() -> int:
    """Measure and print; 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hall")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--count", type=int, default=10, help="parts of each station in a round")
    parser.add_argument("--stations", type=int, default=MANY, help="2: the picture's delay alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        broker = start_broker(Path(name) / "broker")
        try:
            figures = measure(Site(Path(name), broker), args.rounds, args.count, args.stations)
        finally:
            broker.stop()
    for figure in figures:
        print(f"{figure.name}: {figure.value:g} {figure.unit} ({figure.target}: {figure.met})")
        for key, value in figure.detail.items():
            print(f"  {key}: {value}")
    print(f"load {os.getloadavg()[0]:.1f}")
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
