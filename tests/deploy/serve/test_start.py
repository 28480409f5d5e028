"""Ways to start the web: the script for production, the Procfile with $PORT, and what runs where
Gunicorn is missing."""

import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.serve import serving
from deploy.serve.start import main
from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.installation.web_process import Web, asked
from tests.rooms.people.people import settings
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

SCRIPT = ROOT / "deploy" / "serve" / "start_production.sh"
KEY = "0123456789abcdefghijklmnopqrstuvwxyz-ABCD"
HIDDEN = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "gunicorn" else find(name, *more)
from deploy.serve.start import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Path]:
    """The folder of a daemon, which is ended however the test ends."""
    yield tmp_path / "run"
    for file in (tmp_path / "run").glob("web.pid"):
        try:
            os.killpg(int(file.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            continue


def start(config: Path, *words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("INSPECTION_", "GUNICORN_"))
    }
    environ = {**known, "CONFIG_PATH": str(config), "INSPECTION_ENVIRONMENT": "testing", **environ}
    words = tuple(map(str, words))
    return subprocess.run(
        [str(SCRIPT), *words], capture_output=True, text=True, timeout=100, env=environ, check=False
    )


@pytest.mark.system
def test_the_script_starts_a_daemon_that_answers_where_it_was_told_to_and_once(
    tmp_path: Path, daemon: Path
) -> None:
    port = free_port()
    words = (
        "--daemon",
        "--folder",
        daemon,
        "--workers",
        "1",
        "--bind",
        f"127.0.0.1:{port}",
        "--log-level",
        "warning",
    )
    done = start(settings(tmp_path), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert asked(port, "GET", "/api/v1/health/ready")[0] == 200
    again = start(settings(tmp_path), *words)
    assert again.returncode == 1
    assert "it runs already" in again.stderr
    pid = int((daemon / "web.pid").read_text())
    assert str(pid) in done.stdout
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: asked(port, "GET", "/health")[0] == 0, 40, "its end")
    assert "web on" not in (daemon / "web.out").read_text(), "a line of level info"


@pytest.mark.system
@pytest.mark.parametrize(
    ("words", "environ", "code", "said"),
    [
        (["--what"], {}, 64, "--daemon"),
        (["--workers"], {}, 64, "--daemon"),
        (["--daemon", "--workers", "4"], {}, 1, "RATELIMIT_STORAGE_URI"),
        ([], {"INSPECTION_ENVIRONMENT": "production"}, 1, "INSPECTION_WEB__JWT_KEY"),
    ],
)
def test_what_cannot_be_started_is_said(
    tmp_path: Path, daemon: Path, words: list[str], environ: dict[str, str], code: int, said: str
) -> None:
    where = ["--folder", str(daemon)] if "--daemon" in words else []
    done = start(settings(tmp_path), *where, *words, **environ)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not (daemon / "web.pid").exists()


@pytest.mark.system
def test_without_gunicorn_a_threaded_server_says_so_loudly_and_serves_on_the_given_port(
    tmp_path: Path,
) -> None:
    assert re.search(
        r"^web: python -m deploy\.serve\.start$", (ROOT / "Procfile").read_text(), re.M
    )
    port = free_port()
    web = Web(tmp_path, _command=[sys.executable, "-c", HIDDEN], PORT=str(port))
    web.port = port
    try:
        token = web.ready().sign_in()
        found = web.ask("GET", "/health", token=token)[1]["data"]
        assert found["wsgi_server"].startswith("WSGIServer")
        line = r'ada "GET /health" 200 \d+ bytes \d+ ms [0-9a-f-]{36}'
        wait_for(lambda: re.search(line, web.log.read_text()), 20, "the access log")
        assert "PLAIN THREADED SERVER" in web.log.read_text()
        assert f"0.0.0.0:{port}" in web.log.read_text()
    finally:
        web.end()


def test_an_address_that_is_taken_is_told_with_its_setting_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = serving.taken(f"127.0.0.1:{port}", {})
        assert serving.taken(f"127.0.0.1:{port}", {"LISTEN_FDS": "1"}) is None, "it is our own"
    assert told is not None
    assert told.startswith(f"web.bind 127.0.0.1:{port}: Address already in use; another program")
    assert f"ss -ltnp 'sport = :{port}'" in told
    assert serving.taken(f"127.0.0.1:{port}", {}) is None
    assert "an address that this machine has" in str(serving.taken("203.0.113.9:5000", {}))


@pytest.mark.system
def test_without_gunicorn_an_address_that_is_taken_is_told_by_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        command = [sys.executable, "-c", HIDDEN, "--config", str(settings(tmp_path, bind=bind))]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
        )
    assert done.returncode == 1
    assert (
        f"SETTINGS_INVALID: The settings are wrong: web.bind {bind}: Address already in use"
        in done.stderr.splitlines()[-1]
    )


@pytest.mark.parametrize("status", [200, 503])
def test_whether_the_web_answers_is_asked_by_the_named_settings_and_on_a_socket_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    class Answers(socketserver.StreamRequestHandler):
        """One answer to whatever is asked."""

        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(f"HTTP/1.0 {status} Said\r\n\r\n".encode())

    monkeypatch.setattr(serving, "_last", None)
    monkeypatch.setenv("CONFIG_PATH", "/nowhere/node.toml")
    config = settings(tmp_path, bind=f"unix:{tmp_path}/web.sock", proxy_hops=1)
    with socketserver.UnixStreamServer(str(tmp_path / "web.sock"), Answers) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert main(["--answers", "--config", str(config)]) == (0 if status == 200 else 1)
