"""Signing in through an identity provider that others have written: npm's oidc-provider, with its
own pages and forms.

Where it is: `npm install --prefix .venv/npm oidc-provider@8.8.1`, or
NODE_MODULES=FOLDER/node_modules. `.ci/run` installs it.
"""

import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from schemas.settings.load import load
from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.people.people import API, SAME, settings, site_of
from tests.rooms.promise.promise import wait_for
from web.app import create_app

pytestmark = pytest.mark.system
ORIGIN = "http://localhost:5000"
SECRET = "a client secret of the plant 77"
PEOPLE = {"erna": ["line-operators", "choir"], "gast": ["choir"]}


class Plant:
    """The provider as a process."""

    def __init__(self, folder: Path) -> None:
        modules = Path(os.environ.get("NODE_MODULES") or ROOT / ".venv" / "npm" / "node_modules")
        missing = (
            "nodejs"
            if shutil.which("node") is None
            else ""
            if (modules / "oidc-provider").is_dir()
            else "npm's oidc-provider"
        )
        if missing and os.environ.get("CI"):
            pytest.fail(f"CI needs {missing}")
        if missing:
            pytest.skip(f"{missing} is not installed: see the head of this file")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        shutil.copy(Path(__file__).with_name("oidc-provider.mjs"), folder)
        # beside the script: that is where node looks
        (folder / "node_modules").symlink_to(modules.resolve())
        told = {
            "PORT": str(self.port),
            "ISSUER": self.url,
            "SECRET": SECRET,
            "PEOPLE": json.dumps(PEOPLE),
        }
        told["REDIRECT"] = f"{ORIGIN}/app/oidc/callback"
        self.log = folder / "provider.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["node", "oidc-provider.mjs"],
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **told},
            )
        wait_for(self._answers, 60, "the provider")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            urllib.request.urlopen(
                f"{self.url}/.well-known/openid-configuration", timeout=5
            ).close()
        except OSError:
            return False
        return True


class Browser(urllib.request.HTTPRedirectHandler):
    """Follows the provider's redirects with its cookies, and stops when one leads to us."""

    def __init__(self) -> None:
        self.home: str | None = None
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(self, cookies)

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if newurl.startswith(ORIGIN):
            self.home = newurl
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def open(self, url: str, form: dict[str, str] | None = None) -> str:
        """A page's text; empty once it has led home."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with self._opener.open(url, data, timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            if self.home is None:
                raise AssertionError(error.read().decode()) from error
            return ""

    def sign_in(self, url: str, name: str) -> str:
        """Go through its forms as this person; returns where that leads."""
        self.home = None
        page = self.open(url)
        for _ in range(6):
            if self.home is not None:
                return self.home
            action = re.search(r'action="([^"]+)"', page)
            assert action is not None, page
            # one that submits itself has nothing else
            hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
            page = self.open(
                urllib.parse.urljoin(url, action[1]), {**hidden, "login": name, "password": "any"}
            )
        raise AssertionError(page)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    made = Plant(tmp_path_factory.mktemp("provider"))
    yield made
    made.process.terminate()
    made.process.wait(20)


@pytest.fixture
def app(tmp_path: Path, plant: Plant) -> Flask:
    path = settings(tmp_path, origin=ORIGIN)
    block = (
        f'[oidc]\nissuer = "{plant.url}"\nclient_id = "inspection-node"\nroles = {{ line-operators'
        ' = "OPERATOR" }\n'
    )
    path.write_text(path.read_text().replace("[[station]]", f"{block}[[station]]"))
    return create_app(load(path, {"INSPECTION_OIDC__CLIENT_SECRET": SECRET}))


def enter(client: FlaskClient, browser: Browser, name: str) -> int:
    """Go to the provider, through its pages, and back; returns the status of the last answer."""
    away = client.get("/app/oidc/start?next=/app/health", base_url=ORIGIN)
    assert away.status_code == 302, away.text
    home = browser.sign_in(str(away.location), name)
    return client.get(home.removeprefix(ORIGIN), base_url=ORIGIN).status_code


def test_a_person_with_a_group_comes_in_again_and_again_and_one_without_does_not(
    app: Flask,
) -> None:
    browser, client = Browser(), app.test_client()
    assert enter(client, browser, "erna") == 302
    told = client.get(f"{API}/auth/me", base_url=ORIGIN).json
    assert told is not None
    assert (told["data"]["username"], told["data"]["role"]) == ("erna", "OPERATOR")
    answer = client.post(f"{API}/auth/logout", json={}, headers=SAME, base_url=ORIGIN)
    assert answer.status_code == 200
    assert client.get(f"{API}/auth/me", base_url=ORIGIN).status_code == 401
    assert enter(client, browser, "gast") == 403, (
        "the same browser, where somebody was signed in before"
    )
    assert client.get(f"{API}/auth/me", base_url=ORIGIN).status_code == 401
    assert [user.username for user in site_of(app).users.list()] == ["erna"]
    assert enter(client, browser, "erna") == 302
    assert len(site_of(app).accounts.sessions()) == 1
