"""The brokers of the matrix: where each is found, how it is told to keep what it can, and how it is
started and killed."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from deploy.demo.broker_process import CONF, DURABLE, find_mosquitto, start_broker
from deploy.demo.children import as_child, free_port, last_lines

START_S = 60.0
STOP_S = 20.0
AEDES = """\
import { Aedes } from 'aedes'; import net from 'node:net';
const broker = typeof Aedes.createBroker === 'function' ? await Aedes.createBroker() : new Aedes();
net.createServer(broker.handle).listen(Number(process.argv[2]), '127.0.0.1');
"""
RABBITMQ = """\
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
mqtt.listeners.ssl = none
mqtt.allow_anonymous = true
mqtt.subscription_ttl = 86400000
mqtt.prefetch = 100
loopback_users = none
"""
EJABBERD = """\
hosts: [localhost]
loglevel: warning
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: mod_mqtt
    backlog: 100
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
acl:
  everybody: {{ user_regexp: "" }}
access_rules:
  everybody: {{ allow: all }}
modules:
  mod_mqtt:
    access_publish: {{ "#": [allow: all] }}
    access_subscribe: {{ "#": [allow: all] }}
    max_queue: 100000
    queue_type: file
    session_expiry: 1 day
    db_type: mnesia
"""
NATS = """\
server_name: matrix
listen: 127.0.0.1:{client}
jetstream {{ store_dir: "{folder}/jetstream" }}
mqtt {{ listen: "127.0.0.1:{port}", max_ack_pending: 1000 }}
"""


class Broker(Protocol):
    """A broker of the test's own on 127.0.0.1: the same port and folder at every start."""

    port: int

    def start(self) -> None:
        """Start it and wait until its port answers."""

    def stop(self) -> None:
        """End it in order."""

    def kill(self) -> None:
        """`kill -9` all of it."""


class Program:
    """A broker by its command line."""

    def __init__(
        self, folder: Path, port: int, command: list[str], environ: dict[str, str] | None = None
    ) -> None:
        self.port = port
        self._log = folder / "broker.log"
        self._command = command
        self._environ = environ or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """See Broker. Raises AssertionError with the end of its log."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environ},
                **as_child(),
            )
        until = time.monotonic() + START_S
        while not greets(self.port):
            assert self._process.poll() is None, f"it ended: {last_lines(self._log)}"
            assert time.monotonic() < until, f"it does not answer: {last_lines(self._log)}"
            time.sleep(0.1)

    def stop(self) -> None:
        """See Broker."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """See Broker."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)


class Kind(NamedTuple):
    """A row of the matrix. `missing` says what to install, None if it is there; user: a name for
    brokers that need one."""

    name: str
    make: Callable[[Path], Broker]
    missing: Callable[[], str | None]
    version: Callable[[], str]
    user: str | None = None


def greets(port: int) -> bool:
    """Whether something answers CONNECT of MQTT 3.1.1 there; an open port alone is not yet a
    broker."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as sock:
            user = b"probe@localhost"
            body = (
                b"\x00\x04MQTT\x04\xc2\x00\x0a\x00\x05probe"
                + bytes((0, len(user)))
                + user
                + b"\x00\x01x"
            )
            sock.sendall(bytes((0x10, len(body))) + body)
            sock.settimeout(2.0)
            return sock.recv(4)[:1] == b"\x20"
    except OSError:
        return False


def _mosquitto(conf: Path) -> Callable[[Path], Broker]:
    return lambda folder: start_broker(folder, 0, "mosquitto", conf)  # type: ignore[return-value]


def _iotcore(folder: Path) -> Broker:
    return start_broker(folder, 0, "iotcore")


def _aedes(folder: Path) -> Broker:
    modules = os.environ["NODE_MODULES"]
    # beside the modules: that is where node looks for them
    script = Path(modules).parent / "matrix-aedes.mjs"
    script.write_text(AEDES)
    return _started(Program(folder, port := free_port(), ["node", str(script), str(port)]))


def _rabbitmq(folder: Path) -> Broker:
    port, dist, epmd = free_port(), free_port(), free_port()
    (folder / "rabbitmq.conf").write_text(RABBITMQ.format(port=port))
    (folder / "enabled_plugins").write_text("[rabbitmq_mqtt].")
    environ = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"matrix{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_DIST_PORT": str(dist),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    # epmd in our process group, or RabbitMQ would leave one of its own behind
    command = ["sh", "-c", "epmd & exec /usr/lib/rabbitmq/bin/rabbitmq-server"]
    return _started(Program(folder, port, command, environ))


def _ejabberd(folder: Path) -> Broker:
    port = free_port()
    (folder / "ejabberd.yml").write_text(EJABBERD.format(port=port))
    ebin = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin")) + sorted(
        Path("/usr/lib").glob("*/*/ebin")
    )
    paths = [word for each in dict.fromkeys(ebin) for word in ("-pa", str(each))]
    mnesia = ["-mnesia", "dir", f'"{folder}/mnesia"']
    environ = {
        "HOME": str(folder),
        "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
        "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
        "ERL_CRASH_DUMP": str(folder / "crash.dump"),
    }
    return _started(
        Program(folder, port, ["erl", "-noinput", *paths, *mnesia, "-s", "ejabberd"], environ)
    )


def _nats(folder: Path) -> Broker:
    port = free_port()
    conf = folder / "nats.conf"
    conf.write_text(NATS.format(port=port, client=free_port(), folder=folder))
    return _started(
        Program(folder, port, [shutil.which("nats-server") or "nats-server", "-c", str(conf)])
    )


def _started(program: Program) -> Program:
    program.start()
    return program


def _needs(*programs: str, advice: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:/usr/lib/rabbitmq/bin"
        lacking = [each for each in programs if shutil.which(each, path=path) is None]
        return f"{', '.join(lacking)} is not installed: {advice}" if lacking else None

    return missing


def _no_aedes() -> str | None:
    if shutil.which("node") is None:
        return "node is not installed: apt install nodejs npm"
    modules = os.environ.get("NODE_MODULES")
    if not modules or not (Path(modules) / "aedes").is_dir():
        return "run `npm install aedes` in some folder, and set NODE_MODULES=FOLDER/node_modules"
    return None


def _said(*command: str) -> Callable[[], str]:
    def version() -> str:
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        found = re.search(r"\d+\.\d+(\.\d+)?", told.stdout + told.stderr)
        return found[0] if found else "?"

    return version


def _package(name: str) -> Callable[[], str]:
    return _said("dpkg-query", "-W", "-f", "${Version}", name)


def _aedes_version() -> str:
    found = re.search(
        r'"version": "([^"]+)"',
        (Path(os.environ["NODE_MODULES"]) / "aedes" / "package.json").read_text(),
    )
    return found[1] if found else "?"


def _iotcore_version() -> str:
    from importlib.metadata import version

    return version("iotcore")


_MOSQUITTO = _needs("mosquitto", advice="apt install mosquitto")
_MOSQUITTO_VERSION = _said(find_mosquitto() or "false", "-h")
_RABBITMQ = _needs("rabbitmq-server", advice="apt install rabbitmq-server")
_EJABBERD = _needs("ejabberdctl", "erl", advice="apt install ejabberd")
_NATS = _needs("nats-server", advice="apt install nats-server")
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("mosquitto", _mosquitto(CONF), _MOSQUITTO, _MOSQUITTO_VERSION),
        Kind("mosquitto-durable", _mosquitto(DURABLE), _MOSQUITTO, _MOSQUITTO_VERSION),
        Kind("iotcore", _iotcore, lambda: None, _iotcore_version),
        Kind("aedes", _aedes, _no_aedes, _aedes_version),
        Kind("rabbitmq", _rabbitmq, _RABBITMQ, _package("rabbitmq-server")),
        Kind("ejabberd", _ejabberd, _EJABBERD, _package("ejabberd"), "{}@localhost"),
        Kind("nats", _nats, _NATS, _package("nats-server")),
    )
}
