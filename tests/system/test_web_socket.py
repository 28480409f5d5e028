"""The web on a socket of this machine: only the proxy's account and group reach it, so only they
say who has which address."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rooms.installation.processes import ROOT
from tests.rooms.installation.web_process import COMMAND
from tests.rooms.people.people import settings
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.system


class Over(http.client.HTTPConnection):
    """HTTP over a socket's path."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self._path))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket has 107 bytes at most."""
    made = Path(tempfile.mkdtemp(prefix="web-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def ask(path: Path, method: str, where: str, address: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON, asked for as the proxy does on behalf of an address; 0 while nothing
    listens."""
    connection = Over(path)
    try:
        headers = {"X-Forwarded-For": address, "Content-Type": "application/json"}
        connection.request(method, where, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except OSError:
        return 0, None
    finally:
        connection.close()


def test_only_the_group_reaches_it_and_addresses_are_those_that_the_proxy_says(
    folder: Path,
) -> None:
    import grp

    path = folder / "web.sock"
    group = grp.getgrgid(os.getegid()).gr_name
    config = settings(
        folder, bind=f"unix:{path}", proxy_hops=1, sign_ins_per_minute=2, socket_group=group
    )
    with (folder / "log").open("wb") as log:
        web = subprocess.Popen(
            [*COMMAND, "--config", str(config)], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
    try:

        def ready() -> bool:
            assert web.poll() is None, (folder / "log").read_text()
            return ask(path, "GET", "/health", "10.0.0.1")[0] != 0

        wait_for(ready, 60, "the web")
        wait_for(lambda: path.stat().st_mode & 0o777 == 0o660, 20, "the socket's mode")
        assert path.stat().st_gid == os.getegid()
        wrong = {"username": "nobody", "password": "wrong"}
        codes = [ask(path, "POST", "/api/v1/auth/login", "10.0.0.1", wrong)[0] for _ in range(3)]
        assert codes == [401, 401, 429]
        assert ask(path, "POST", "/api/v1/auth/login", "10.0.0.2", wrong)[0] == 401, "somebody else"
    finally:
        web.terminate()
        web.wait(30)


def test_without_a_group_it_is_for_our_own_account_only(folder: Path) -> None:
    path = folder / "web.sock"
    config = settings(folder, bind=f"unix:{path}", proxy_hops=1)
    with (folder / "log").open("wb") as log:
        web = subprocess.Popen(
            [*COMMAND, "--config", str(config)], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(
            lambda: web.poll() is not None or ask(path, "GET", "/health", "10.0.0.1")[0] != 0,
            60,
            "the web",
        )
        assert web.poll() is None, (folder / "log").read_text()
        assert path.stat().st_mode & 0o077 == 0
    finally:
        web.terminate()
        web.wait(30)
