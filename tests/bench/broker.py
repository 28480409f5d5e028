"""The brokers: the shipped one, and mosquitto with its default settings."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.rooms.installation.processes import free_port

IN_MEMORY = """\
persistence false
set_tcp_nodelay true
max_queued_messages 100000
max_inflight_messages 100
"""


class Listening(NamedTuple):
    """A broker of ours."""

    port: int


@contextlib.contextmanager
def library_defaults(folder: Path) -> Iterator[Listening]:
    """Mosquitto with nothing set but the port."""
    with _mosquitto(folder, "") as broker:
        yield broker


@contextlib.contextmanager
def in_memory(folder: Path) -> Iterator[Listening]:
    """Mosquitto as shipped, except that it keeps nothing: nothing is written anywhere."""
    with _mosquitto(folder, IN_MEMORY) as broker:
        yield broker


@contextlib.contextmanager
def _mosquitto(folder: Path, settings: str) -> Iterator[Listening]:
    folder.mkdir(parents=True)
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{settings}")
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert program, "mosquitto is not installed"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(conf)], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 10
        while not any(
            c.laddr.port == port for c in psutil.Process(process.pid).net_connections("tcp")
        ):
            assert time.monotonic() < until, f"mosquitto does not listen: see {folder}"
            assert process.poll() is None, f"mosquitto ended: see {folder}"
            time.sleep(0.02)
        yield Listening(port)
    finally:
        process.terminate()
        process.wait(10)
