"""A broker of our own as a child process: mosquitto with the shipped mosquitto.conf, else the
rumqttd of the iotcore wheel."""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from deploy.demo.children import as_child, free_port, last_lines, port_answers, port_is_free
from schemas import Problem
from schemas.store.disk import replace

Kind = Literal["mosquitto", "iotcore"]

CONF = Path(__file__).parents[1] / "mosquitto.conf"
DURABLE = Path(__file__).parents[1] / "mosquitto-durable.conf"
SBIN = "/usr/sbin:/usr/local/sbin"  # where distributions put mosquitto; not on everybody's PATH
ROOT = Path(__file__).parents[2]
START_RUMQTTD = (
    "import sys; sys.path.append(sys.argv.pop(1)); from runpy import run_module; "
    "run_module('deploy.demo.rumqttd', run_name='__main__')"
)
# the settings of rumqttd, which deploy/demo/rumqttd.py puts behind a front of its own
RUMQTTD = """\
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 16777216
max_inflight_count = 100
dynamic_filters = true
"""
PASSWORDS, ACL = "passwords", "acl.conf"  # of mosquitto
ACCOUNTS = "accounts.toml"  # of rumqttd
ROUNDS = 10_000
START_S = 15.0
STOP_S = 5.0


class BrokerAccess(NamedTuple):
    """Who gets in: passwords by user name, and which user may do what (mosquitto's acl_file;
    iotcore knows no rights)."""

    passwords: Mapping[str, str]
    acl: str


class BrokerProcess:
    """A broker on 127.0.0.1 with its files in a folder; the same port again at every start. Without
    `access` everybody gets in."""

    def __init__(
        self,
        folder: Path,
        port: int,
        kind: Kind,
        program: str,
        conf: Path = CONF,
        access: BrokerAccess | None = None,
    ) -> None:
        self.folder = folder
        self._conf = conf
        self._access = access
        self.port = port
        self.kind: Kind = kind
        self.log = folder / "broker.log"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def persistent(self) -> bool:
        """Whether sessions and queued messages survive a restart of the broker."""
        return self.kind == "mosquitto"

    def start(self) -> None:
        """Start it and wait until its port answers. Raises Problem BROKER_AWAY with the last lines
        of its log."""
        if self.returncode is None and self._process is not None:
            return
        if not port_is_free(self.port):
            raise Problem(
                "BROKER_AWAY", f"port {self.port} of 127.0.0.1 is taken by another program"
            )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **as_child(),
            )
        until = time.monotonic() + START_S
        while not port_answers(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise Problem(
                    "BROKER_AWAY", f"{self.kind} does not start: {' '.join(self.last_words())}"
                )
            time.sleep(0.02)

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self.returncode is None else None

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs, or before its first start."""
        return self._process.poll() if self._process is not None else None

    def stop(self) -> None:
        """End it in order (mosquitto stores its sessions); killed after 5 s. May be called
        twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`."""
        self._end(signal.SIGKILL)

    def last_words(self) -> list[str]:
        """The end of its log."""
        return last_lines(self.log)

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)

    def _command(self) -> list[str]:
        access = self._access
        if self.kind == "mosquitto":
            conf = self.folder / "mosquitto.conf"
            if access is not None:
                lines = (_hashed(user, password) for user, password in access.passwords.items())
                replace(self.folder / PASSWORDS, "".join(lines).encode())
                replace(self.folder / ACL, access.acl.encode())
            conf.write_text(
                render(self._conf.read_text(), self.port, self.folder, closed=access is not None)
            )
            return [self._program, "-c", str(conf)]
        passwords = access.passwords if access is not None else {}
        accounts = (
            f"{json.dumps(user)} = {json.dumps(password)}\n" for user, password in passwords.items()
        )
        replace(self.folder / ACCOUNTS, "".join(accounts).encode())
        # -P: no folder in the working folder that has the name of a wheel may stand in for it; ours
        # is found where we were found
        return [
            self._program,
            "-P",
            "-c",
            START_RUMQTTD,
            str(ROOT),
            str(self.port),
            str(self.folder),
        ]


def start_broker(
    folder: Path,
    port: int = 0,
    kind: Kind | None = None,
    conf: Path = CONF,
    access: BrokerAccess | None = None,
) -> BrokerProcess:
    """A running broker on 127.0.0.1 that keeps its files in `folder` (made if missing); port 0
    takes a free one.

    kind: None takes mosquitto if it is installed, else iotcore. conf: a mosquitto.conf other than
    the shipped one. access: who gets in; None lets everybody in. The broker ends when the thread
    that started it ends, however that happens. Raises Problem BROKER_AWAY if it is not up within 15
    s.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mosquitto = find_mosquitto() if kind != "iotcore" else None
    if kind == "mosquitto" and mosquitto is None:
        raise Problem("BROKER_AWAY", "mosquitto is not installed")
    program = mosquitto or sys.executable
    for tries in range(3):
        kind = "mosquitto" if mosquitto else "iotcore"
        process = BrokerProcess(folder.absolute(), port or free_port(), kind, program, conf, access)
        try:
            process.start()
        except Problem:
            if port or tries == 2:
                raise
        else:
            break
    return process


def find_mosquitto() -> str | None:
    """The mosquitto on PATH or in the usual folders beside it."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=SBIN)


def render(conf: str, port: int, folder: Path, *, closed: bool = False) -> str:
    """The shipped configuration for another port and folder, run as the user who runs us; closed:
    with passwords and rights."""
    conf, listeners = re.subn(
        r"^listener .*$", f"listener {port} 127.0.0.1", conf, flags=re.MULTILINE
    )
    conf, places = re.subn(
        r"^persistence_location .*$", f"persistence_location {folder}/", conf, flags=re.MULTILINE
    )
    assert listeners == places == 1, "mosquitto.conf has one listener and one persistence_location"
    if closed:
        rules = (
            f"allow_anonymous false\npassword_file {folder / PASSWORDS}\nacl_file {folder / ACL}"
        )
        conf, opened = re.subn(r"^allow_anonymous true$", lambda _: rules, conf, flags=re.MULTILINE)
        assert opened == 1, "mosquitto.conf says once who gets in"
    # started by root, mosquitto would become its own user, to whom our folder does not belong
    return f"{conf}user root\n" if os.geteuid() == 0 else conf


def _hashed(user: str, password: str) -> str:
    """A line of mosquitto's password_file, as mosquitto_passwd of 2.0 makes it (PBKDF2 with
    SHA-512)."""
    salt = os.urandom(12)
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return (
        f"{user}:$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}\n"
    )
