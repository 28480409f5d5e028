"""The web as it is served: Gunicorn as a process, signed in to, reloaded, told to end."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rooms.installation.processes import ROOT
from tests.rooms.installation.web_process import COMMAND, Web
from tests.rooms.people.people import PASSWORD, settings
from tests.rooms.promise.promise import wait_for


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path)
    yield made
    made.end()


@pytest.mark.system
def test_from_the_first_account_over_a_reload_to_the_end(web: Web, tmp_path: Path) -> None:
    web.ready()
    token = re.search(r'"token": "([^"]+)"', web.log.read_text())
    assert token is not None
    body = {"token": token[1], "username": "ada", "password": PASSWORD}
    assert web.ask("POST", "/api/v1/auth/setup", body)[0] == 201
    status, signed = web.ask(
        "POST", "/api/v1/auth/login", {"username": "ada", "password": PASSWORD}
    )
    assert status == 200
    access = signed["data"]["access_token"]
    assert web.ask("GET", "/api/v1/auth/me", token=access)[1]["data"]["role"] == "ADMIN"

    statuses: list[int] = []
    done = threading.Event()
    asking = threading.Thread(target=lambda: _keep_asking(web, access, statuses, done))
    asking.start()
    web.config.write_text(web.config.read_text().replace("[web]", "[web]\naccess_minutes = 7"))
    web.process.send_signal(signal.SIGHUP)
    wait_for(lambda: _setting(web, access, "web.access_minutes") == 7, 60, "the new settings")
    web.config.write_text(
        web.config.read_text().replace("access_minutes = 7", "access_minutes = -7")
    )
    web.process.send_signal(signal.SIGHUP)
    wait_for(
        lambda: "the old settings stay" in web.log.read_text(), 60, "word of the wrong settings"
    )
    assert _setting(web, access, "web.access_minutes") == 7
    wait_for(lambda: len(statuses) > 5, 30, "some answers")
    done.set()
    asking.join(30)
    assert set(statuses) == {200}, "requests were lost over a reload"

    web.process.terminate()
    assert web.process.wait(20) == 0
    log = web.log.read_text()
    assert re.search(r'ada "GET /api/v1/auth/me" 200 \d+ bytes \d+ ms [0-9a-f-]{36}', log), (
        "no duration in the access log"
    )
    assert access not in log
    assert PASSWORD not in log


@pytest.mark.system
@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"GUNICORN_WORKERS": "4"}, "RATELIMIT_STORAGE_URI"),
        ({"GUNICORN_WORKERS": "many"}, "GUNICORN_WORKERS"),
        ({"PORT": "70000"}, "PORT"),
        ({"INSPECTION_ENVIRONMENT": "production"}, "INSPECTION_WEB__JWT_KEY"),
        ({"INSPECTION_WEB__ACCESS_MINUTES": "0"}, "access_minutes"),
    ],
)
def test_a_wrong_start_is_refused_with_the_reason(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    ended = subprocess.run(
        [*COMMAND, "--config", str(settings(tmp_path))],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.system
def test_nothing_is_imported_from_where_it_is_started(tmp_path: Path) -> None:
    for name in ("flask", "gunicorn", "jwt"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\nraise SystemExit(9)\n"
        )
    (tmp_path / "bin").mkdir()
    # as the console script: a file elsewhere that calls main
    started = tmp_path / "bin" / "inspection-node"
    started.write_text("import sys\nfrom deploy.cli.command import main\nsys.exit(main())\n")
    web = Web(tmp_path, _command=(sys.executable, str(started), "web"), _cwd=str(tmp_path))
    try:
        web.ready()
        assert not (tmp_path / "ran").exists()
        assert all(path.stat().st_mode & 0o077 == 0 for path in web.state.rglob("*")), (
            "others can read the state folder"
        )
    finally:
        web.end()


def _keep_asking(web: Web, access: str, statuses: list[int], done: threading.Event) -> None:
    while not done.wait(0.1):
        statuses.append(web.ask("GET", "/api/v1/auth/me", token=access)[0])


def _setting(web: Web, access: str, key: str) -> Any:
    status, answer = web.ask("GET", "/api/v1/settings", token=access)
    return (
        next(row["value"] for row in answer["data"]["settings"] if row["key"] == key)
        if status == 200
        else None
    )


@pytest.mark.system
def test_what_is_no_http_is_refused_and_the_next_request_is_answered(web: Web) -> None:
    web.ready()
    head = (
        f"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nContent-Type:"
        " application/json\r\n"
    )
    floods = {
        "a flood of headers": head + "".join(f"X-{n}: 1\r\n" for n in range(200)) + "\r\n",
        "a huge header": head + f"X: {'x' * 100_000}\r\n\r\n",
        "a broken chunk": head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "two lengths": head + "Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}",
        "a length and chunks": head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "a chunk cut off": head + "Transfer-Encoding: chunked\r\n\r\n2000\r\n" + "x" * 100,
        "a long line": f"GET /{'a' * 9000} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    }
    for what, text in floods.items():
        with socket.create_connection(("127.0.0.1", web.port), timeout=20) as sock:
            sock.sendall(text.encode())
            if what == "a chunk cut off":
                sock.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                answer = sock.recv(4096)
        assert answer == b"" or re.match(rb"HTTP/1.1 4\d\d ", answer), (what, answer[:200])
        assert web.ask("GET", "/health")[0] == 200, what


@pytest.mark.system
def test_nothing_raw_stands_in_the_access_log(web: Web) -> None:
    web.ready()
    for path in (
        '/x%0a127.0.0.1 "GET /forged" 200',
        "/%1b[2J",
        "/%00",
        "/\x80\xff",
        '/"quote"',
        "/%0d%0aSet-Cookie:x",
    ):
        with socket.create_connection(("127.0.0.1", web.port), timeout=10) as sock:
            sock.sendall(
                f"GET {path.replace(' ', '%20')} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode(
                    "latin-1"
                )
            )
            sock.recv(4096)
    log = wait_for(
        lambda: (text := web.log.read_bytes()).count(b"404") >= 3 and text, 10, "lines of the log"
    )
    assert all(c.isprintable() or c == "\n" for c in log.decode())
    assert b"\n127.0.0.1" not in log
    assert re.search(
        rb'\[\d\d/\w{3}/\d{4}:[\d:]{8} \+0000\] 127.0.0.1 - "GET /%1b\[2J" 404|"GET /%1b%5B2J" 404',
        log,
    )
