"""A whole installation for browser tests: broker, node and web as processes, accounts, and Chromium
to look at it.

Playwright drives the Chromium that the system has; nothing is downloaded. axe-core comes with
axe-playwright-python.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from argon2 import PasswordHasher
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from deploy.demo.broker_process import start_broker
from schemas import SyntheticCamera
from schemas.store.users import Users
from schemas.user import UserRole
from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.installation.web_process import COMMAND
from tests.rooms.people.people import PASSWORD
from tests.rooms.promise.promise import wait_for

PICTURES = ROOT / "deploy" / "pictures" / "screws"
LINES = {
    "kind": "memory",
    **{
        role: place
        for place, role in enumerate(
            ("ok", "ng", "error", "busy", "ready", "result_valid", "heartbeat")
        )
    },
    "outputs": {"OUT1": 8, "OUT2": 9, "OUT3": 10, "OUT4": 11},
}
FLAGS = [  # this Chromium asks no server but ours
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1366, "height": 850}
PHONE = {"width": 390, "height": 844}
LIMIT_MS = 15_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# the rules whose answers change with the colours
OF_COLOURS = ["color-contrast", "link-in-text-block"]


class Plant:
    """Broker, node and web over one state folder: cam1 draws its parts, cam2 shows photographs by
    part id.

    stations: settings that these have besides, by their id.
    """

    def __init__(self, folder: Path, stations: Mapping[str, dict[str, Any]] = {}) -> None:
        self.broker = start_broker(folder / "broker", 0)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.node = NodeProcess(
            folder,
            self.broker.port,
            [
                {
                    "id": "cam1",
                    "program": "synthetic-part",
                    "camera": {"kind": "synthetic", "seed": 3},
                    "lines": LINES,
                    **stations.get("cam1", {}),
                },
                {
                    "id": "cam2",
                    "camera": {"kind": "folder", "path": str(PICTURES), "order": "part_id"},
                    "lines": LINES,
                    **stations.get("cam2", {}),
                },
            ],
            logs={"format": "json"},
            web={
                "bind": f"127.0.0.1:{self.port}",
                "sign_ins_per_minute": 1000,
                "requests_per_minute": 100_000,
            },
        )
        self._programs()
        self.users = Users(self.node.state / "users")
        for name, role in (("ada", "ADMIN"), ("olga", "OPERATOR"), ("vera", "VIEWER")):
            self.user(name, role)  # type: ignore[arg-type]
        self.web: subprocess.Popen[bytes] | None = None

    def start(self) -> "Plant":
        """Node and web, until the web says that all is well."""
        self.node.start()
        with (self.folder / "web.log").open("ab") as log:
            command = [*COMMAND, "--config", str(self.node.config)]
            self.web = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        wait_for(lambda: self._curl("/api/v1/health").get("success") is True, 60, "the web")
        self._hears()
        return self

    def _hears(self) -> None:
        """Wait until the drawn line is Ready: what is triggered before may reach nobody."""
        states: list[dict[str, Any]] = []
        client = mqtt.Client(CallbackAPIVersion.VERSION2)

        def connected(*_: Any) -> None:
            client.subscribe("inspection/v1/node-01/state", 1)

        client.on_connect = connected
        client.on_message = lambda _, __, message: states.append(json.loads(message.payload))
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        try:
            wait_for(lambda: any(_ready(told) for told in states), 60, "the node")
        finally:
            client.disconnect()
            client.loop_stop()

    def user(self, name: str, role: UserRole) -> None:
        """An account with the usual password."""
        self.users.add(name, name.title(), role, PasswordHasher(1, 1024, 1).hash(PASSWORD))

    def end(self) -> None:
        """Stop everything."""
        if self.web is not None:
            self.web.terminate()
            self.web.wait(20)
        self.node.end()
        self.broker.stop()

    def logged(self) -> list[dict[str, Any]]:
        """Every line that node and web have logged; what they print as they start or end is not
        among them."""
        text = (self.folder / "web.log").read_text() + self.node.log.read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def _programs(self) -> None:
        import cv2

        from node.cameras import synthetic
        from schemas import as_program
        from schemas.store.programs import Programs

        camera = SyntheticCamera(seed=3)
        master = cv2.imencode(".png", synthetic.master(camera))[1].tobytes()
        Programs(self.node.state / "programs").save(
            as_program(synthetic.program(camera)), master, by="test"
        )

    def _curl(self, path: str) -> dict[str, Any]:
        import urllib.error
        import urllib.request

        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return dict(json.load(answer))
        except (OSError, urllib.error.HTTPError):
            return {}


def _ready(told: dict[str, Any]) -> bool:
    return bool(told.get("stations", {}).get("cam1", {}).get("state") == "Ready")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Skips without it, with the reason; in CI that is a failure."""
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs chromium")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def context_of(
    browser: Browser, plant: Plant, *, phone: bool = False, **more: Any
) -> BrowserContext:
    """A browser profile of its own; what its pages complain about is collected in `complaints`."""
    options = {
        "viewport": PHONE if phone else DESKTOP,
        "has_touch": phone,
        "is_mobile": phone,
        "locale": "en-GB",
    }
    context = browser.new_context(**{"base_url": plant.url, **options, **more})  # type: ignore[arg-type]
    context.set_default_timeout(LIMIT_MS)
    expect.set_options(timeout=LIMIT_MS)
    return context


def signed_in(context: BrowserContext, name: str = "ada") -> None:
    """Sign in without using the page."""
    body = {"username": name, "password": PASSWORD, "tokens": False}
    answer = context.request.post(
        "/api/v1/auth/login", data=body, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.ok, answer.text()


def quiet(page: Page) -> list[str]:
    """What goes wrong in the page from now on: script errors, what its policy refuses, 5xx
    answers."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"script: {error}"))
    page.on(
        "console", lambda said: found.append(f"console: {said.text}") if _unexpected(said) else None
    )
    page.on(
        "response",
        lambda answer: found.append(f"{answer.status} {answer.url}") if _failed(answer) else None,
    )
    return found


def _unexpected(said: ConsoleMessage) -> bool:
    # judged by its status
    return said.type == "error" and not said.text.startswith("Failed to load resource")


def _failed(answer: Response) -> bool:
    """cam2 shows the picture that has the name of a part: without a part there is none."""
    return answer.status >= 500 and not answer.url.endswith("/cam2/capture")


def violations(page: Page, rules: list[str] = RULES) -> list[str]:
    """What axe-core finds wrong with the page by these rules or tags of rules."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    source = (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    session = page.context.new_cdp_session(page)  # the page's own policy lets no foreign script in
    session.send("Runtime.evaluate", {"expression": source})
    session.detach()
    found: list[dict[str, Any]] = page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: tags})).violations", rules
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]}"
        for one in found
        for node in one["nodes"][:3]
    ]


def overflow(page: Page) -> int:
    """How many px the page is wider than its window; 0 is good."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def answered(page: Page, path: str, change: str) -> None:
    """The page reads an answer at this path that is not the web's: `change`, a function in
    JavaScript, is given its data. Unlike a route it leaves the browser's cache on."""
    page.add_init_script(
        f"""{{ const real = fetch; window.fetch = async (...asked) => {{
          const answer = await real(...asked);
          if (!answer.ok || new URL(answer.url).pathname !== "{path}") return answer;
          const whole = await answer.json();
          ({change})(whole.data);
          return Response.json(whole);
        }}; }}"""
    )


def named(text: str) -> re.Pattern[str]:
    """A whole name, whatever its case."""
    return re.compile(rf"^\s*{re.escape(text)}\s*$", re.IGNORECASE)
