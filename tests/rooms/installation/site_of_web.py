"""The web application over a test's state folder, and people who are signed in to it."""

import secrets
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from schemas.settings.load import load
from schemas.user import UserRole
from web.app import create_app
from web.credentials.password import hash_password
from web.site import NAME, Site

PASSWORD = "long-enough-and-rare-" + "7391"
_hashes: dict[str, str] = {}


def application(
    folder: Path, config: Path | None = None, broker_port: int = 1, **web: Any
) -> Flask:
    """The web over the state folder of a node's settings file, or over an empty one of its own."""
    if config is None:
        config = folder / "web.toml"
        lines = ", ".join(
            f"{key} = {value}"
            for key, value in {
                "sign_ins_per_minute": 1000,
                "requests_per_minute": 100000,
                **web,
            }.items()
        )
        state, url = folder / "state", f"mqtt://127.0.0.1:{broker_port}"
        config.write_text(
            f'environment = "testing"\nstate_dir = "{state}"\nbroker = {{ url = "{url}" }}\nweb ='
            f" {{ {lines} }}\n"
            + "".join(
                f'[[station]]\nid = "{station}"\ncamera = {{ kind = "synthetic" }}\n'
                for station in ("cam1", "cam2")
            )
        )
    environ = {
        "INSPECTION_WEB__SIGN_INS_PER_MINUTE": "1000",
        "INSPECTION_WEB__REQUESTS_PER_MINUTE": "100000",
    }
    app = create_app(load(config, environ))
    app.testing = True
    return app


class Someone:
    """A person with a role and a bearer token."""

    def __init__(self, app: Flask, role: UserRole) -> None:
        here: Site = app.extensions[NAME]
        self.username = f"{role.lower()}-{secrets.token_hex(3)}"
        if not _hashes:
            _hashes["hash"] = hash_password(PASSWORD, "somebody")
        self.user = here.users.add(self.username, self.username, role, _hashes["hash"])
        self.client: FlaskClient = app.test_client(use_cookies=False)
        answer = self.client.post(
            "/api/v1/auth/login", json={"username": self.username, "password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        self.token = str(answer.json["data"]["access_token"])  # type: ignore[index]

    @property
    def headers(self) -> dict[str, str]:
        """What proves who is asking."""
        return {"Authorization": f"Bearer {self.token}"}

    def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **given: Any
    ) -> TestResponse:
        """Any request below /api/v1."""
        return self.client.open(
            f"/api/v1{path}", method=method, headers={**self.headers, **(headers or {})}, **given
        )

    def get(self, path: str, **given: Any) -> Any:
        """The data of an answer that must be a success."""
        answer = self.ask("GET", path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json["data"]  # type: ignore[index]

    def refused(self, method: str, path: str, **given: Any) -> tuple[int, str]:
        """Status and code of an answer that must be a refusal."""
        answer = self.ask(method, path, **given)
        assert answer.json is not None, answer.text
        assert answer.json["success"] is False
        return answer.status_code, str(answer.json["error"])
