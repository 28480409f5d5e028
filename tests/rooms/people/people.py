"""The web as its accounts see it: an application with settings that the test chooses, and people
who sign in."""

import json
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from schemas.settings.load import load
from schemas.user import UserRole
from web.app import create_app
from web.credentials import password as passwords
from web.site import NAME, Site

PASSWORD = "another tram 99 rose"
API = "/api/v1"
PROOF = {"own_password": PASSWORD}
SAME = {"Sec-Fetch-Site": "same-origin"}


def settings(folder: Path, environment: str = "testing", **web: Any) -> Path:
    """A settings file over a state folder in `folder`."""
    values = {"requests_per_minute": 1_000_000, "sign_ins_per_minute": 1_000_000, **web}
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    path = folder / "node.toml"
    path.write_text(
        f'environment = "{environment}"\nstate_dir = "{folder / "state"}"\nbroker = {{ url ='
        f' "mqtt://127.0.0.1:1" }}\n[web]\n{table}\n[[station]]\nid = "cam1"\ncamera = {{ kind ='
        ' "synthetic" }\n'
    )
    return path


def application(
    folder: Path, environment: str = "testing", environ: dict[str, str] | None = None, **web: Any
) -> Flask:
    """The web over a state folder; the same folder again is a restart."""
    return create_app(load(settings(folder, environment, **web), environ or {}))


def site_of(app: Flask) -> Site:
    """What its routes share."""
    found: Site = app.extensions[NAME]
    return found


def account(app: Flask, username: str, role: UserRole = "VIEWER") -> str:
    """An account with the usual password; its id."""
    return (
        site_of(app).users.add(username, username.title(), role, passwords.HASHER.hash(PASSWORD)).id
    )


def sign_in(
    client: FlaskClient, username: str, password: str = PASSWORD, **more: Any
) -> TestResponse:
    """POST /auth/login."""
    return client.post(
        f"{API}/auth/login", json={"username": username, "password": password, **more}, headers=SAME
    )


class Caller:
    """A person with a bearer token and no cookies."""

    def __init__(self, app: Flask, username: str, role: UserRole | None = None) -> None:
        self.id = account(app, username, role) if role else ""
        self.client = app.test_client(use_cookies=False)
        self.data: dict[str, Any] = data(sign_in(self.client, username))

    def ask(self, method: str, path: str, **given: Any) -> TestResponse:
        """A request below /api/v1."""
        headers = {
            "Authorization": f"Bearer {self.data['access_token']}",
            **given.pop("headers", {}),
        }
        return self.client.open(f"{API}{path}", method=method, headers=headers, **given)

    def get(self, path: str) -> Any:
        """The data of a GET that is answered."""
        return data(self.ask("GET", path))


def data(answer: TestResponse) -> Any:
    """The data of an answer that is a success."""
    assert answer.json is not None
    assert answer.json["success"] is True, answer.json
    return answer.json["data"]


def code(answer: TestResponse) -> str:
    """The code of an answer that is not."""
    assert answer.json is not None, answer.text
    assert answer.json["success"] is False, answer.json
    assert answer.headers["X-Request-ID"]
    return str(answer.json["error"])
