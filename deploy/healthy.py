"""`healthy`: wait until node and web of this version work, or say what is missing: what an update
asks before it stays."""

import argparse
import http.client
import socket
import time
from importlib.metadata import version as package_version

from broker.client import Client
from deploy import show, target
from schemas import Problem, Settings

ASK_S = 2.0
PAUSE_S = 0.2
IDLE = ("Preoperational", "Initialized", "Error", "Offline")


def healthy(args: argparse.Namespace) -> int:
    """0 once node and web are well; 1 if they are not within --wait seconds, and then why."""
    settings = target.loaded(args).settings
    end = time.monotonic() + args.wait
    while True:
        missing = [told for told in (_node(args, args.any_station), of_web(settings)) if told]
        if not missing or time.monotonic() >= end:
            break
        time.sleep(PAUSE_S)
    if args.json:
        show.document({"healthy": not missing, "missing": missing})
    else:
        print("\n".join(missing) or "node and web are well")
    return 1 if missing else 0


def _node(args: argparse.Namespace, any_station: bool) -> str:
    """What is wrong with the node: that it does not answer, is another version, or has a station
    that takes no trigger."""
    asking, node = target.reached(args)
    wanted = package_version("inspection-node")
    try:
        with Client(asking, node) as client:
            reply = client.request("ping", {}, ASK_S)
            state = client.retained("state") or {}
    except Problem as problem:
        return f"node: {problem.code}: {problem.message}"
    found = (reply.data or {}).get("version")
    if found != wanted:
        return f"node: version {found} runs, not {wanted}"
    if any_station:
        return ""
    stations = {id: told.get("state") for id, told in (state.get("stations") or {}).items()}
    idle = [f"station {id} is {told}" for id, told in stations.items() if told in IDLE]
    return f"node: {', '.join(idle) or 'it tells no stations'}" if idle or not stations else ""


def of_web(settings: Settings) -> str:
    """What is wrong with the web: that it does not answer, or cannot use its stores."""
    connection = _connection(settings.web.bind)
    try:
        connection.request("GET", "/api/v1/health/ready")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"web: {settings.web.bind} does not answer ({error or type(error).__name__})"
    finally:
        connection.close()
    return (
        ""
        if status == 200
        else f"web: {settings.web.bind} answers {status} to /api/v1/health/ready"
    )


def _connection(bind: str) -> http.client.HTTPConnection:
    if bind.startswith("unix:"):
        return _OnSocket(bind.removeprefix("unix:"))
    host, _, port = bind.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    return http.client.HTTPConnection(host, int(port), timeout=ASK_S)


class _OnSocket(http.client.HTTPConnection):
    """HTTP over a socket of this machine, where only a proxy and we can ask."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ASK_S)
        self._path = path

    def connect(self) -> None:
        """Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ASK_S)
        self.sock.connect(self._path)
