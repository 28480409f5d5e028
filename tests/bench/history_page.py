"""What the History page loads for parts with large pictures: `python -m tests.bench.history_page`.

The real stack: broker, a node that keeps every picture of 12 megapixels, the web, and a Chromium
that opens History with 19 rows and scrolls to their end. What came over the wire is counted.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from deploy.demo.broker_process import start_broker
from schemas import as_program
from schemas.store.programs import Programs
from tests.bench import run_page
from tests.bench.figures import Figure
from tests.bench.plc import Plc
from tests.bench.site import Site, Size

ROWS = 19
SIZE = Size(4000, 3000)
LIMIT_KB = 200.0  # of pictures
WINDOW = {"width": 1440, "height": 900}
NODE = "node-rows"
SETTLED_MS = 1500  # since the last picture came
KEPT = "() => [...document.querySelectorAll('.thumb img')].filter((one) => one.naturalWidth).length"


def measure(site: Site) -> list[Figure]:
    """kB of pictures for 19 rows, all of which have one."""
    node = site.prepare(NODE, SIZE)
    programs = Programs(node.state / "programs")
    (head,) = programs.list()
    document = programs.get(head.id).program.document()
    document |= {"keep": {"ng": True, "ok_every": 1}, "limits_ms": 10_000}
    programs.save(as_program(document), None, "bench", "", head.version)
    # a large PNG is decoded as long as it takes
    named = node.config.read_text().replace('"part_id"', '"name", timeout_ms = 20000')
    node.config.write_text(named)
    with (
        site.started(node, NODE),
        run_page.serving(node) as port,
        run_page.shown(port, "/app/health", WINDOW) as page,
        Plc(site.broker.port) as plc,
    ):
        times = run_page.Times(site.broker.port, NODE)
        plc.await_state(NODE, "Ready")
        run_page.line(times, ("cam1",), 0.25, ROWS, page)
        times.client.loop_stop()
        page.wait_for_timeout(SETTLED_MS)
        loaded = _loaded(page)
        page.goto(f"http://127.0.0.1:{port}/app/history")
        page.wait_for_selector("tr.link")
        for _ in range(20):  # pictures come as their rows come into sight
            page.mouse.wheel(0, 300)
            page.wait_for_timeout(100)
        page.wait_for_timeout(SETTLED_MS)
        shown = page.evaluate(KEPT)
    pictures = sum(size for path, size in loaded if "/pictures/" in path) / 1000
    kept = sum(path.stat().st_size for path in (node.state / "pictures").rglob("*.jpg")) / 1e6
    detail: dict[str, float | str] = {
        "pictures shown": f"{shown} of {ROWS}",
        "whole page kB": round(sum(size for _, size in loaded) / 1000),
        "kept pictures MB": round(kept, 1),
    }
    name = f"History of {ROWS} parts of 12 MP: pictures"
    met = pictures < LIMIT_KB and shown == ROWS
    return [Figure(name, round(pictures, 1), "kB", f"< {LIMIT_KB:g}", met, detail)]


def _loaded(page: Any) -> list[tuple[str, float]]:
    """Address and bytes on the wire of whatever the page loads from now on."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    asked: dict[str, str] = {}
    loaded: list[tuple[str, float]] = []
    session.on(
        "Network.requestWillBeSent", lambda said: asked.update({said["requestId"]: _url(said)})
    )
    session.on(
        "Network.loadingFinished",
        lambda said: loaded.append((asked.get(said["requestId"], ""), said["encodedDataLength"])),
    )
    return loaded


def _url(said: dict[str, Any]) -> str:
    return str(said["request"]["url"])


def main() -> int:
    """Measure and print; 1 if the target was missed."""
    argparse.ArgumentParser(prog="python -m tests.bench.history_page").parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        broker = start_broker(Path(name) / "broker")
        try:
            (figure,) = measure(Site(Path(name), broker))
        finally:
            broker.stop()
    print(f"{figure.name}: {figure.value:g} {figure.unit} ({figure.target}: {figure.met})")
    for key, value in figure.detail.items():
        print(f"  {key}: {value}")
    print(f"load {os.getloadavg()[0]:.1f}")
    return 0 if figure.met else 1


if __name__ == "__main__":
    raise SystemExit(main())
