"""What somebody without an account does to stop the web or the node: connections that are slow,
silent or many.

Each load holds its connections for as long as its block runs, from an address of its own (all of
127/8 is this machine), while a `Probe` asks from another address how the site answers.
"""

import contextlib
import http.client
import json
import secrets
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

ATTACKER = "127.0.0.66"
BYSTANDER = "127.0.0.7"
TRICKLE_S = 0.5
Load = Callable[[int], contextlib.AbstractContextManager[None]]


class Answers(NamedTuple):
    """How a site answered a bystander: worst and median in ms, how many were answered, and how many
    were not."""

    worst_ms: float
    median_ms: float
    answered: int
    failed: int


class Probe:
    """Somebody else, who asks again and again over new connections."""

    def __init__(
        self, port: int, path: str, token: str = "", every_s: float = 0.25, limit_s: float = 8.0
    ) -> None:
        self.waits: list[float] = []
        self.failed = 0
        self._ask = (port, path, token, limit_s)
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._done.wait(self._every_s):
            took_s = ask(*self._ask)
            if took_s is None:
                self.failed += 1
            else:
                self.waits.append(took_s)

    @property
    def answers(self) -> Answers:
        """What came of it."""
        waits = self.waits or [float("inf")]
        return Answers(
            1000 * max(waits), 1000 * statistics.median(waits), len(self.waits), self.failed
        )


def ask(port: int, path: str, token: str = "", limit_s: float = 8.0) -> float | None:
    """Seconds until a page is there, as a bystander; None if it is not, or says that it cannot."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=limit_s, source_address=(BYSTANDER, 0)
    )
    try:
        connection.request("GET", path, headers={"Cookie": f"access={token}"} if token else {})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return time.monotonic() - began if answer.status < 500 else None


def connect(port: int, address: str = ATTACKER) -> socket.socket:
    """A connection of the attacker."""
    sock = socket.socket()
    sock.settimeout(5)
    sock.bind((address, 0))
    sock.connect(("127.0.0.1", port))
    return sock


@contextlib.contextmanager
def trickling(
    port: int, count: int, head: bytes, drop: bytes = b"x", every_s: float = TRICKLE_S
) -> Iterator[None]:
    """Connections that begin with these bytes, and go on with a byte now and then; those that are
    closed come again."""
    done = threading.Event()

    def run() -> None:
        socks: list[socket.socket] = []
        while not done.is_set():
            while len(socks) < count and not done.is_set():
                with contextlib.suppress(OSError):
                    sock = connect(port)
                    socks.append(sock)
                    sock.sendall(head)
            for sock in tuple(socks):
                try:
                    sock.sendall(drop)
                    sock.setblocking(False)
                    if sock.recv(4096) == b"":
                        raise OSError
                except BlockingIOError:
                    sock.settimeout(5)
                except OSError:
                    socks.remove(sock)
                    sock.close()
            done.wait(every_s)
        for sock in socks:
            sock.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    time.sleep(1.0)
    try:
        yield
    finally:
        done.set()
        thread.join(20)


def _post(more: str) -> bytes:
    return (
        "POST /api/v1/auth/logout HTTP/1.1\r\nHost: localhost\r\nContent-Type:"
        f" application/json\r\n{more}\r\n\r\n".encode()
    )


def slow_bodies(port: int) -> contextlib.AbstractContextManager[None]:
    """40 bodies of 60,000 bytes, a byte now and then."""
    return trickling(port, 40, _post("Content-Length: 60000"))


def slow_large_bodies(port: int) -> contextlib.AbstractContextManager[None]:
    """40 bodies of 8 MB, for routes that take large ones."""
    head = _post("Content-Length: 8000000").replace(b"auth/logout", b"programs/import")
    return trickling(port, 40, head)


def slow_chunks(port: int) -> contextlib.AbstractContextManager[None]:
    """40 bodies in chunks of one byte."""
    return trickling(port, 40, _post("Transfer-Encoding: chunked"), b"1\r\nx\r\n")


def endless_heads(port: int) -> contextlib.AbstractContextManager[None]:
    """40 heads of 65 kB that do not end."""
    return trickling(port, 40, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 65_500)


def slow_heads(port: int) -> contextlib.AbstractContextManager[None]:
    """40 heads, a byte now and then."""
    return trickling(port, 40, b"GET / HTTP/1.1\r\nHost: local")


def silent(port: int) -> contextlib.AbstractContextManager[None]:
    """2,100 connections that say nothing."""
    return trickling(port, 2100, b"", b"", 1.0)


def never_closing(port: int) -> contextlib.AbstractContextManager[None]:
    """40 that are answered with Connection: close, and do not close."""
    return trickling(port, 40, b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n", b"", 0.2)


def not_reading(port: int) -> contextlib.AbstractContextManager[None]:
    """40 that ask for the largest public answer again and again, and read none of it."""
    head = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return trickling(port, 40, head, head, 0.2)


@contextlib.contextmanager
def sign_ins(port: int) -> Iterator[None]:
    """80 sign-ins at once from 80 addresses, repeated every second."""
    done = threading.Event()

    def run() -> None:
        while not done.is_set():
            socks = []
            for n in range(80):
                with contextlib.suppress(OSError):
                    socks.append(connect(port, f"127.0.1.{n + 1}"))
            # a different name each: one that is locked is refused before anything is hashed
            for sock in socks:
                body = json.dumps(
                    {"username": f"u{secrets.token_hex(4)}", "password": "never the right one"}
                ).encode()
                head = _post(f"Content-Length: {len(body)}").replace(b"auth/logout", b"auth/login")
                with contextlib.suppress(OSError):
                    sock.sendall(head + body)
            done.wait(1.0)
            for sock in socks:
                sock.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(20)


WEB: tuple[Load, ...] = (
    slow_bodies,
    slow_large_bodies,
    slow_chunks,
    endless_heads,
    slow_heads,
    silent,
    never_closing,
    not_reading,
    sign_ins,
)
