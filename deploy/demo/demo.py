"""`inspection-node demo`: broker, node, web and a simulated PLC in one go, on 127.0.0.1 only, until
Ctrl-C.

The children end with us however we end: in order on Ctrl-C and SIGTERM (PLC, web, node, broker
last), by the kernel's parent death signal on `kill -9`. A child that ends by itself ends the demo.

One file: what is started, watched and ended is one list, in that order and in reverse.
"""

import argparse
import asyncio
import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import SecretStr

from deploy.demo.broker_process import BrokerProcess, start_broker
from deploy.demo.children import as_child, free_port, last_lines, port_is_free
from deploy.demo.demo_truth import DemoTruth
from deploy.demo.plc import Plc
from deploy.demo.screen import DemoScreen
from deploy.demo.state import (
    ADMIN,
    CAMERA,
    CLIENTS,
    CREDENTIALS,
    NODE,
    USERS,
    Ports,
    access,
    first_account,
    import_programs,
    make_folder,
    write_clients,
    write_settings,
)
from schemas import Problem
from schemas.settings import BrokerSettings

ROOT = Path(__file__).parents[2]
BASE = "inspection/v1"
STATIONS = {"cam1": "drawn parts", "cam2": "photographs"}
DEFAULTS = Ports(mqtt=1883, web=5000, metrics=9464)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOCK_S = 12.0
READY_S = 60.0
CHILD_END_S = 8.0
REFRESH_S = 0.25
Child: TypeAlias = subprocess.Popen[bytes]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the demo."""
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        default=Path("demo-state"),
        help="folder of everything it keeps (default ./demo-state)",
    )
    for name, default in DEFAULTS._asdict().items():
        what = {
            "mqtt": "the broker",
            "web": "the web application",
            "metrics": "the node's metrics",
        }[name]
        parser.add_argument(
            f"--{name}-port",
            type=_port,
            metavar="N",
            help=f"port of {what} (default {default}, or a free one; 0: a free one)",
        )
    parser.add_argument(
        "--broker", choices=("mosquitto", "iotcore"), help="default: mosquitto if it is installed"
    )
    parser.add_argument(
        "--no-plc", action="store_true", help="no simulated PLC: trigger the stations yourself"
    )


def main(args: argparse.Namespace) -> int:
    """0 after Ctrl-C or SIGTERM, 1 if a child ended by itself. Raises Problem if something does not
    start."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    try:
        with _locked(args.state.absolute()) as lock:
            return _run(args, lock)
    except KeyboardInterrupt:
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(args: argparse.Namespace, lock: int) -> int:
    folder = args.state.absolute()
    ports = Ports(*(_chosen(name, getattr(args, f"{name}_port")) for name in Ports._fields))
    config = write_settings(folder, ports)
    import_programs(folder)
    users = access(folder)
    write_clients(folder, users, ports.mqtt)
    broker = node = web = None
    code = 1
    try:
        broker = start_broker(folder / "broker", ports.mqtt, args.broker, access=users)
        node = _start("run", config, folder / "node.log", lock)
        url = f"mqtt://127.0.0.1:{ports.mqtt}"
        settings = BrokerSettings(
            url=url, base=BASE, username=USERS.plc, password=SecretStr(users.passwords[USERS.plc])
        )
        line = Plc(settings, NODE, lambda answer: screen.heard(answer))
        screen = DemoScreen(DemoTruth(CAMERA), STATIONS, line)
        # last, as it is shown only once: nothing may fail in between
        password = first_account(folder)
        web = _start("web", config, folder / "web.log", lock)
        print(_banner(folder, ports, broker, password), flush=True)
        code = asyncio.run(_follow(screen, line, broker, node, web, folder, plc=not args.no_plc))
    except KeyboardInterrupt:
        code = 0
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C does not break the order
        _end(web)
        ended = _end(node)
        if broker is not None:
            broker.stop()
    if code == 0 and ended != 0:
        print(f"the node ended with {ended}; its log: {folder / 'node.log'}", file=sys.stderr)
        return 1
    return code


async def _follow(
    screen: DemoScreen,
    line: Plc,
    broker: BrokerProcess,
    node: Child,
    web: Child,
    folder: Path,
    *,
    plc: bool,
) -> int:
    """Run the PLC and the screen until a signal (0), or until a child ends (1)."""
    stopped = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with line.connected():
        works = [
            stopped.wait(),
            line.listen(),
            _watch(broker, node, web),
            _draw(screen),
            _ready(line),
        ]
        if plc:
            works.append(line.trigger_all(tuple(STATIONS)))
        with screen:
            await _first_of(works)
    if stopped.is_set():
        return 0
    if broker.returncode is not None:
        told = f"the broker ended by itself with {broker.returncode}:", *broker.last_words()
    elif web.poll() is not None:
        told = f"the web ended by itself with {web.poll()}:", *last_lines(folder / "web.log")
    else:
        told = f"the node ended by itself with {node.poll()}:", *last_lines(folder / "node.log")
    print(f"inspection-node: {told[0]}", *told[1:], sep="\n  ", file=sys.stderr)
    return 1


async def _first_of(works: list[Coroutine[Any, Any, Any]]) -> None:
    """Wait until one ends; the others are cancelled. Raises what it raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _watch(broker: BrokerProcess, node: Child, web: Child) -> None:
    while broker.returncode is None and node.poll() is None and web.poll() is None:
        await asyncio.sleep(0.1)


async def _draw(screen: DemoScreen) -> None:
    while True:
        screen.refresh()
        await asyncio.sleep(REFRESH_S)


async def _ready(line: Plc) -> None:
    """Waits until the node has said something, and does nothing from then on. Raises Problem
    NODE_AWAY if it does not."""
    until = time.monotonic() + READY_S
    while line.state is None or line.state.state == "Offline":
        if time.monotonic() > until:
            raise Problem("NODE_AWAY", f"it is not on line after {READY_S:.0f} s")
        await asyncio.sleep(0.1)
    await asyncio.Event().wait()


def _start(command: str, config: Path, log: Path, lock: int) -> Child:
    """`run` or `web`, with the file's settings and nothing from our environment; it holds the
    folder's lock as we do."""
    ours = ("INSPECTION_", "GUNICORN_", "CONFIG_PATH", "PORT", "RATELIMIT_")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as output:  # noqa: PTH123
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "deploy.cli.command", command, "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=config.parent,
            env=environ,
            **as_child(pass_fds=(lock,)),
        )


def _end(child: Child | None) -> int:
    """Its exit code: the node finishes its parts and sends its results; killed after 8 s."""
    if child is None:
        return 0
    if child.poll() is None:
        child.terminate()
    try:
        return child.wait(CHILD_END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _chosen(name: str, given: int | None) -> int:
    """The given port, or the default one, or a free one instead of the default. Raises Problem
    SETTINGS_INVALID if it is taken."""
    port = getattr(DEFAULTS, name) if given is None else given or free_port()
    if port_is_free(port):
        return int(port)
    if given is not None:
        raise Problem(
            "SETTINGS_INVALID",
            f"--{name}-port: port {port} of 127.0.0.1 is taken by another program"
            f" (`ss -ltnp 'sport = :{port}'` names it); give another, or 0 for a free one",
        )
    free = free_port()
    print(f"port {port} is taken by another program: --{name}-port is {free} instead")
    return free


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Only one demo in a folder; one that is just ending is waited for. Raises Problem
    STATE_LOCKED, STORE_FAILED."""
    make_folder(folder)
    lock = os.open(
        folder / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    try:
        until = time.monotonic() + LOCK_S
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Problem("STATE_LOCKED", f"another demo runs in {folder}") from None
            if not told:
                print(f"another demo in {folder} is running or ending: waiting for it", flush=True)
                told = True
            time.sleep(0.1)
        yield lock
    finally:
        os.close(lock)


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to 65535")
    return int(text)


def _banner(folder: Path, ports: Ports, broker: BrokerProcess, password: str | None) -> str:
    """Say what runs, and how to look at it."""
    program = (
        sys.argv[0]
        if Path(sys.argv[0]).name == "inspection-node"
        else f"{sys.executable} -m deploy.cli.command"
    )
    config = shlex.quote(str(folder / "node.toml"))
    topics = f"{BASE}/{NODE}"
    account = (
        f"{ADMIN}, password {password} (shown only now: the folder holds its hash)"
        if password
        else "there already"
    )
    less = (
        ""
        if broker.persistent
        else (
            "; everybody may do all, and sessions are kept in memory only: install mosquitto for"
            " more"
        )
    )
    users = {
        name: f"XDG_CONFIG_HOME={shlex.quote(str(folder / CLIENTS / name))}"
        for name in (USERS.operator, USERS.plc)
    }
    return f"""
Broker    mqtt://127.0.0.1:{ports.mqtt} ({broker.kind}{less})
MQTT      users {", ".join(USERS[2:])}: one file for each in {folder / CREDENTIALS} (mosquitto_pub: {folder / CLIENTS})
Node      {NODE}, topics {topics}/..., log {folder / "node.log"}
Web       http://127.0.0.1:{ports.web}/ (API under /api/v1), log {folder / "web.log"}
Metrics   http://127.0.0.1:{ports.metrics}/metrics
State     {folder}
Account   {account}

Look at it from another terminal:
  {users[USERS.operator]} mosquitto_sub -v -t '{topics}/#'
  {users[USERS.plc]} mosquitto_pub -q 1 -t {topics}/trigger/cam1 -m '{{"part_id":"part-7"}}'
  {program} trigger cam1 --part-id part-7 --config {config}
  {program} watch --config {config}
Ctrl-C ends everything.
"""  # noqa: E501
