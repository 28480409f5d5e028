"""The port that Prometheus asks: one thread, a page made at most once a second, and no more work
for a flood than for a scrape.

It is in the process that inspects, so no one who reaches the port may be able to slow that down: at
most a hundred connections a second are taken, 32 are open at a time, two seconds for the head and
two for the answer; the oldest makes room. Python runs one thread at a time, and takes up to 5 ms to
let another one in, at each step of an inspection: so the page is made in pieces of half a
millisecond, with rests in which an inspection goes on at once.
"""

import contextlib
import hmac
import re
import selectors
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from node.limits import CLOSE_S
from schemas import Problem
from schemas.settings.addresses import not_had

OPEN = 32
OPEN_S = 2.0
PACE_S = 0.01
PAGE_S = 1.0
TURN_S = 0.25
PIECE_S, REST_S = 0.0005, 0.0005
SENT_BYTES = 64 * 1024
HEAD_BYTES = 4096
REQUEST = re.compile(rb"(GET|HEAD) /metrics(?:\?[^ ]*)? HTTP/1\.[01]\r\n")
BEARER = re.compile(rb"\r\nauthorization:[ \t]*bearer[ \t]+([^\r\n]+?)[ \t]*\r\n", re.IGNORECASE)


@dataclass
class _Scraper:
    """An open connection: until when, what has come of its head, and what is still to be sent."""

    until: float
    head: bytearray = field(default_factory=bytearray)
    answer: memoryview | None = None


class InPieces(Collector):
    """The figures of a registry, with a rest whenever the thread that reads them has worked for
    half a millisecond."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """One family after the other; their samples can be read once."""
        for metric in self._registry.collect():
            metric.samples = _resting(metric.samples)  # type: ignore[assignment]
            yield metric
            _rest()


def _resting(samples: Iterable[Sample]) -> Iterator[Sample]:
    until = time.perf_counter() + PIECE_S
    for sample in samples:
        yield sample
        if time.perf_counter() > until:
            _rest()
            until = time.perf_counter() + PIECE_S


def _rest() -> None:
    time.sleep(REST_S)


class MetricsPort:
    """Serves the figures of a registry; `token` is what a scraper has to send, None for nothing."""

    def __init__(self, registry: CollectorRegistry, bind: str, token: str | None = None) -> None:
        """Open the port. Raises Problem SETTINGS_INVALID, which names it."""
        host, _, port = bind.rpartition(":")
        host = host.strip("[]")
        self._registry = InPieces(registry)
        self._token = token.encode() if token is not None else None
        self._page, self._made_at = b"", float("-inf")
        self._open: OrderedDict[socket.socket, _Scraper] = OrderedDict()
        self._listener = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
        )
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((host, int(port)))
            self._listener.listen(OPEN)
            self._listener.setblocking(False)
        except OSError as error:
            self._listener.close()
            raise Problem("SETTINGS_INVALID", not_had("metrics.bind", bind, error)) from error
        self.beat_ns = time.monotonic_ns()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the port; it can be called twice."""
        self._ended.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._ended.is_set():
                self.beat_ns = time.monotonic_ns()
                for key, _ in selector.select(TURN_S):
                    if key.fileobj is self._listener:
                        self._accept()
                    elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._open:
                        self._go_on(key.fileobj, self._open[key.fileobj])
                now = time.monotonic()
                while self._open and next(iter(self._open.values())).until <= now:
                    self._close(next(iter(self._open)))
            for sock in tuple(self._open):
                self._close(sock)
            self._listener.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # it has gone, or there is no descriptor left: slow down
            self._ended.wait(PACE_S)
            return
        sock.setblocking(False)
        if len(self._open) >= OPEN:
            self._close(next(iter(self._open)))
        self._open[sock] = _Scraper(time.monotonic() + OPEN_S)
        self._selector.register(sock, selectors.EVENT_READ)
        self._ended.wait(PACE_S)

    def _go_on(self, sock: socket.socket, connection: _Scraper) -> None:
        try:
            done = (
                self._hear(sock, connection)
                if connection.answer is None
                else self._tell(sock, connection.answer)
            )
        except BlockingIOError:
            return
        except OSError:
            done = True
        if done:
            self._close(sock)

    def _hear(self, sock: socket.socket, connection: _Scraper) -> bool:
        """Read some of the head; whether the connection is done with."""
        data = sock.recv(HEAD_BYTES)
        head = connection.head
        head += data
        if data and b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
            return False
        if data:
            connection.answer = memoryview(self._answer(bytes(head)))
            connection.until = time.monotonic() + OPEN_S
            self._open.move_to_end(sock)
            self._selector.modify(sock, selectors.EVENT_WRITE)
        return not data

    def _tell(self, sock: socket.socket, answer: memoryview) -> bool:
        """Send some of the answer; whether the connection is done with."""
        rest = answer[sock.send(answer[:SENT_BYTES]) :]
        self._open[sock].answer = rest
        if not rest:
            sock.shutdown(socket.SHUT_WR)
        return not rest

    def _answer(self, head: bytes) -> bytes:
        asked = REQUEST.match(head)
        if asked is None:
            return _http("404 Not Found", b"there is /metrics only\n")
        if self._token is not None:
            given = BEARER.search(head)
            if given is None or not hmac.compare_digest(given[1], self._token):
                return _http(
                    "401 Unauthorized", b"a token is needed\n", "WWW-Authenticate: Bearer\r\n"
                )
        return _http(
            "200 OK",
            self._made(),
            f"Content-Type: {CONTENT_TYPE_LATEST}\r\n",
            head_only=asked[1] == b"HEAD",
        )

    def _made(self) -> bytes:
        if time.monotonic() - self._made_at >= PAGE_S:
            self._page = generate_latest(self._registry)
            self._made_at = time.monotonic()
        return self._page

    def _close(self, sock: socket.socket) -> None:
        del self._open[sock]
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)
        sock.close()


def _http(status: str, body: bytes, more: str = "", *, head_only: bool = False) -> bytes:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()  # noqa: E501
    return head if head_only else head + body
