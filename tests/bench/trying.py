"""How long an administrator waits for a changed tool in the editor: `python -m tests.bench.trying`.

The real stack on this machine: broker, node, web under Gunicorn, and a program of 18 tools over a
picture of 12 megapixels whose master is not saved yet. Each try changes one number of one tool, as
typing in a field does, and asks as the editor asks: what the node has said that it keeps is sent by
its hash.
"""

import argparse
import base64
import http.client
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2

from deploy.demo.broker_process import start_broker
from node.cameras import Request, synthetic
from schemas import SyntheticCamera
from tests.bench.figures import Figure, share
from tests.bench.site import SMALL, Site
from tests.rooms.installation.web_process import Web

LARGE = SyntheticCamera(width=4000, height=3000, seed=1)
TOOLS = 18
LIMIT_MS = 400.0
NAME = "node-try"


class _Editor:
    """Asks as the editor does, over one connection."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._kept: dict[str, str] = {}

    def tried(
        self, program: dict[str, Any], pictures: dict[str, bytes]
    ) -> tuple[float, dict[str, Any]]:
        """Ms until the whole answer has arrived, and what was found."""
        body: dict[str, Any] = {"station": "cam1", "program": program}
        for name, data in pictures.items():
            known = self._kept.get(name)
            body[name if known is None else f"{name}_sha256"] = (
                known or base64.b64encode(data).decode()
            )
        sent = json.dumps(body)
        began = time.perf_counter()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        self._connection.close()
        self._connection.request("POST", "/api/v1/programs/try", sent, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        took_ms = 1000 * (time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {data[:500]!r}")
        (found,) = json.loads(data)["data"]
        for name in pictures:
            if f"{name}_sha256" in found:
                self._kept[name] = found[f"{name}_sha256"]
        return took_ms, found


def measure(site: Site, rounds: int) -> list[Figure]:
    """First and later tries of the program with one tool and with 18."""
    camera = synthetic.SyntheticLine(LARGE, site.folder)
    camera.open()
    pictures = {
        "master": _jpeg(synthetic.master(LARGE)),
        "image": _jpeg(camera.grab(Request(0, 1 << 62, "part-1")).pixels),
    }
    document = synthetic.program(LARGE) | {"master": "master.jpg", "limits_ms": 10_000}
    figures = []
    with site.node(NAME, SMALL):
        web = Web(
            site.folder,
            site.broker.port,
            INSPECTION_NODE_ID=NAME,
            INSPECTION_WEB__REQUESTS_PER_MINUTE="100000",
        )
        try:
            token = web.ready().sign_in()
            for count in (1, TOOLS):
                program = document | {"tools": _tools(document["tools"], count)}
                editor = _Editor(web.port, token)
                first, found = editor.tried(program, pictures)
                assert len(found["tools"]) == count
                assert all(tool["error"] is None for tool in found["tools"]), found
                later = []
                for number in range(4 * rounds):
                    changed = program["tools"][0] | {"threshold": 120 + number}
                    tools = [changed, *program["tools"][1:]]
                    took_ms, found = editor.tried(program | {"tools": tools}, pictures)
                    later.append(took_ms)
                    time.sleep(max(0.0, 0.55 - took_ms / 1000))  # 120 a minute
                p95 = share(later, 0.95)
                detail: dict[str, float | str] = {
                    "first ms": round(first),
                    "p50 ms": round(median(later)),
                    "max ms": round(max(later)),
                    "answer kB": round(len(json.dumps(found)) / 1000),
                    "picture kB": round(sum(map(len, pictures.values())) / 1000),
                }
                name = f"a changed tool tried on 12 MP, {count} tool{'s' if count > 1 else ''}, p95"
                figures.append(
                    Figure(name, round(p95), "ms", f"<= {LIMIT_MS:g}", p95 <= LIMIT_MS, detail)
                )
        finally:
            web.end()
    return figures


def _jpeg(pixels: Any) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1])


def _tools(tools: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """That many tools, made from these, each with a name of its own."""
    return [
        tools[number % len(tools)] | {"name": f"{tools[number % len(tools)]['name']}_{number}"}
        for number in range(count)
    ]


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.trying")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trying-") as folder:
        broker = start_broker(Path(folder) / "broker")
        try:
            for figure in measure(Site(Path(folder), broker), args.rounds):
                print(f"{figure.name}: {figure.value} ms (target {figure.target}); {figure.detail}")
        finally:
            broker.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
