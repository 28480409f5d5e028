"""Errors to a Sentry: only by a setting, with nothing secret; without the setting not even its
package is loaded."""

import gzip
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.rooms.installation.processes import ROOT
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

SECRET = "a-password-of-the-broker"
PROGRAM = """
import logging, os, sys
from pathlib import Path
from schemas import logs
from schemas.settings.load import load
logs.begin(load(Path(sys.argv[1]), os.environ).settings, "node")
log = logging.getLogger("node.somewhere")
log.info("all is well")
try:
    raise ValueError("it said password=hunter2-hunter2")
except ValueError:
    log.exception("signing in with %s failed", os.environ["INSPECTION_BROKER__PASSWORD"])
if "sentry_sdk" in sys.modules:
    sys.modules["sentry_sdk"].flush(20)
    del os.environ["INSPECTION_LOGS__SENTRY_DSN"]  # and a reload
    logs.begin(load(Path(sys.argv[1]), os.environ).settings, "node")
    log.error("nobody is told any more")
    sys.modules["sentry_sdk"].flush(20)
print("loaded" if "sentry_sdk" in sys.modules else "not loaded")
"""


def run(folder: Path, **environ: str) -> str:
    config = folder / "node.toml"
    config.write_text(
        f'environment = "testing"\nstate_dir = "{folder}"\nbroker.username = "n"\n'
        'station = [{ id = "cam1", camera = { kind = "synthetic" } }]\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, "INSPECTION_BROKER__PASSWORD": SECRET, **environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done.stdout


def test_without_a_dsn_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    assert run(tmp_path) == "not loaded\n"


def test_an_error_is_told_without_secrets(tmp_path: Path) -> None:
    told: list[bytes] = []

    class Sentry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append(
                gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sentry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert (
            run(
                tmp_path,
                INSPECTION_LOGS__SENTRY_DSN=f"http://public@127.0.0.1:{server.server_port}/1",
            )
            == "loaded\n"
        )
        (event,) = wait_for(
            lambda: [body for body in told if b"ValueError" in body], 20, "the event"
        )
        assert b"node.somewhere" in event
        assert b"all is well" not in event
        assert not [body for body in told if b"nobody is told any more" in body]
        assert SECRET.encode() not in event
        assert b"hunter2" not in event
        assert b'"vars"' not in event
    finally:
        server.shutdown()
        server.server_close()
