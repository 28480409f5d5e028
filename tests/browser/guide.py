"""The pictures of pages in the guides: `python -m tests.browser.guide [NAME ...]`, into docs/pages.

The case is a real one: photographs of a board with four screws, in some of which one or two are
missing.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from playwright.sync_api import Page

from broker.client import Client, Producer
from schemas import as_program
from schemas.settings import BrokerSettings
from schemas.store.programs import Programs
from tests.browser.plant import PICTURES, Plant, chromium, context_of, signed_in
from tests.browser.story import a_result, results, some_results

FOLDER = Path(__file__).parents[2] / "docs" / "pages"
WIDTH = 960  # px of a picture
QUALITY = 55
SETTLED_MS = 2500  # by then pictures and charts are drawn; nothing but the look depends on it
LACKING = "76_1011"


class Shot(NamedTuple):
    """A picture: its file, the page, what is done there first, and where the page ends, in px."""

    name: str
    path: str
    act: Callable[[Page], object] = lambda _page: None
    height: int = 850


def _edit(
    step: str, then: Callable[[Page], object] = lambda _page: None
) -> Callable[[Page], object]:
    def act(page: Page) -> None:
        page.wait_for_timeout(SETTLED_MS)
        then(page)

    return act


SHOTS = (
    Shot("run", "/app/run"),
    Shot("run-screws", "/app/run?station=cam2"),
    Shot("screws-master", "/app/programs/four-screws/edit#master", _edit("master")),
    Shot("screws-tools", "/app/programs/four-screws/edit#tools", _edit("tools")),
    Shot("screws-outputs", "/app/programs/four-screws/edit#outputs", _edit("outputs")),
    Shot("screws-program", "/app/programs/four-screws"),
    Shot("screws-result", "/app/history/{screw}"),
)


def main(names: list[str]) -> int:
    """Take those pictures, or all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as state, chromium() as browser:
        plant = Plant(Path(state))
        try:
            program = json.loads((PICTURES / "program.json").read_text())
            picture = (PICTURES / program["master"]).read_bytes()
            Programs(plant.node.state / "programs").save(as_program(program), picture, by="ada")
            plant.start()
            at = BrokerSettings(url=f"mqtt://127.0.0.1:{plant.broker.port}")
            with Client(at, "node-01") as client:
                client.request("select_program", {"station": "cam2", "program": "four-screws"}, 20)
            some_results(plant, 25)
            a_result(plant, "NG")
            with Producer(at, "node-01") as producer:
                for photo in sorted(PICTURES.glob("*.jpg"), key=lambda each: each.stem == LACKING):
                    producer.inspect("cam2", {"part_id": photo.stem}, 30)
            of = {row["part_id"]: str(row["result_id"]) for row in results(plant)}
            context = context_of(browser, plant)
            signed_in(context)
            for shot in SHOTS:
                if names and shot.name not in names:
                    continue
                page = context.new_page()
                page.set_viewport_size({"width": 1366, "height": shot.height})
                page.goto(shot.path.format(screw=of[LACKING]))
                shot.act(page)
                page.wait_for_timeout(SETTLED_MS)
                _save(page.screenshot(), FOLDER / f"{shot.name}.webp")
                page.close()
            context.close()
        finally:
            plant.end()
    return 0


def _save(png: bytes, path: Path) -> None:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    scale = WIDTH / image.shape[1]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    path.write_bytes(cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1].tobytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
