"""The web as it is served: Gunicorn as a process, over a test's state folder."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from schemas.store.users import Users
from schemas.user import UserRole
from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.people.people import PASSWORD, settings
from tests.rooms.promise.promise import wait_for

COMMAND = (sys.executable, "-m", "deploy.cli.command", "web")


def asked(
    port: int, method: str, path: str, body: Any = None, token: str | None = None
) -> tuple[int, Any]:
    """Status and JSON of an answer from a web on this machine; 0 while nothing answers."""
    headers = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


class Web:
    """`inspection-node web` over a state folder."""

    def __init__(self, folder: Path, broker_port: int = 1, **environ: Any) -> None:
        self.port = free_port()
        self.state = folder / "state"
        self.config = settings(folder, bind=f"127.0.0.1:{self.port}")
        self.config.write_text(
            self.config.read_text().replace("mqtt://127.0.0.1:1", f"mqtt://127.0.0.1:{broker_port}")
        )
        self.log = folder / "web.log"
        command, cwd = environ.pop("_command", COMMAND), environ.pop("_cwd", ROOT)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(self.config)],
                cwd=cwd,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environ},
            )

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of an answer; 0 while nothing answers."""
        return asked(self.port, method, path, body, token)

    def ready(self) -> "Web":
        """Returns once it answers."""
        wait_for(
            lambda: self.process.poll() is not None or self.ask("GET", "/health")[0] == 200,
            60,
            "the web",
        )
        assert self.process.poll() is None, self.log.read_text()
        return self

    def sign_in(self, username: str = "ada", role: UserRole = "ADMIN") -> str:
        """A token for an account that is made for it."""
        Users(self.state / "users").add(
            username, username, role, PasswordHasher(1, 1024, 1).hash(PASSWORD)
        )
        status, answer = self.ask(
            "POST", "/api/v1/auth/login", {"username": username, "password": PASSWORD}
        )
        assert status == 200, answer
        return str(answer["data"]["access_token"])

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
