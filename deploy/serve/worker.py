"""Gunicorn's threaded worker, changed so that its threads wait for no client.

Theory of operation. In Gunicorn as it comes, a thread reads a request from its socket as slowly as
the client likes to send it, and the main thread waits up to two seconds for a client that does not
close: forty slow clients stop the web (measured: docs/web.md). Here the main thread, which waits
for all connections anyway, collects whole requests, and a thread gets one that it can answer
without reading from the network any more. A request has `WHOLE_S` to come in. Bodies of more than
`BODY_BYTES` (pictures, programs) and chunked ones are read by a thread, but by few at a time, each
with a least rate.

Those who sign in have a quarter of the threads, and a line of their own: however many they are,
nobody else's page waits for them, and the last ones are refused before anything is read. A body
that a thread reads takes none of these threads, whatever it is for.

No address has more than three quarters of the threads at a time, half of those for large bodies or
for signing in, half of the line of those who sign in, or more than `OPEN` connections that say
nothing; when all places are taken, the connection that has been silent longest makes room. Behind
our own proxy (`web.proxy_hops`) all connections are the proxy's: it counts them, and these limits
are off.

One file: three small classes that replace parts of one Gunicorn worker and rely on each other.
"""

import contextlib
import re
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable
from functools import partial
from selectors import EVENT_READ
from typing import Any
from urllib.parse import unquote_to_bytes

from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from web.address import counted

WHOLE_S = 5.0
STUCK_S = 30.0
LINGER_S = 2.0
HEAD_BYTES = 32 * 1024
BODY_BYTES = 64 * 1024
GRACE_S = 10.0  # of a large body, before its rate counts
LEAST_BYTES_S = 16 * 1024
OPEN = 64
SPARE = 32  # places that are kept for the next to come
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*\r\n", re.IGNORECASE)
PROVES = re.compile(rb"/auth/(?:login|setup)[ ?#]")  # a password is hashed there
UNKNOWN = re.compile(rb"\r\n(?:transfer-encoding|expect)[ \t]*:", re.IGNORECASE)
REFUSED = "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n"


class Held(SocketUnreader):  # type: ignore[misc]
    """What a thread reads of a request: from the network only for a large body, and as long as that
    comes fast enough."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.large = False
        self._began, self._read = 0.0, 0

    def begin(self, data: bytes, *, large: bool) -> None:
        """The next request, as far as it has come."""
        self.large, self._began, self._read = large, time.monotonic(), 0
        self.unread(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece; nothing where the request is whole, or too slow."""
        left_s = GRACE_S + self._read / LEAST_BYTES_S - (time.monotonic() - self._began)
        if not self.large or left_s <= 0:
            return b""
        self.sock.settimeout(left_s)
        try:
            data: bytes = super().chunk(size_hint)
        except TimeoutError:
            return b""
        finally:
            self.sock.settimeout(STUCK_S)
        self._read += len(data)
        return data


class Patient(TConn):  # type: ignore[misc]
    """A connection that gets a thread once its request is there, and whose socket gives up when
    nothing moves."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.data_ready = True
        self.came = bytearray()
        self.address = counted(self.client[0]) if isinstance(self.client, tuple) else ""
        self.large = False
        self.proving = False
        self._needed = 0  # bytes; 0 while the head is not whole

    def init(self) -> None:
        """On the thread, before each request; the worker has just made the socket wait for ever."""
        first = self.parser is None
        super().init()
        self.sock.settimeout(STUCK_S)
        if first and not self.cfg.is_ssl:
            self.parser.unreader = Held(self.sock)
        if not self.cfg.is_ssl:
            self.parser.unreader.begin(bytes(self.came), large=self.large)
            self.came.clear()
            self._needed = 0

    def whole(self) -> bool:
        """Whether a thread can answer: the request is there, or all but a large body."""
        if not self._needed:
            end = self.came.find(b"\r\n\r\n") + 4
            if end < 4:
                return False
            head = bytes(self.came[:end])
            length = LENGTH.search(head)
            body = int(length[1]) if length is not None else 0
            self.large = body > BODY_BYTES or UNKNOWN.search(head) is not None
            asked = unquote_to_bytes(head.partition(b"\r\n")[0])
            self.proving = not self.large and PROVES.search(asked) is not None
            self._needed = end if self.large else end + body
        return len(self.came) >= self._needed

    def head_ends(self) -> bool:
        """Whether the head is whole, or may still become so."""
        return self._needed > 0 or len(self.came) < HEAD_BYTES

    def gone(self) -> bool:
        """Whether the client has hung up while its request waited."""
        try:
            return not self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def refused(self, status: str) -> None:
        """Say why, if it can be said at once."""
        with contextlib.suppress(OSError):
            self.sock.setblocking(False)
            self.sock.send(REFUSED.format(status).encode())


class Threads(ThreadWorker):  # type: ignore[misc]
    """See the head of this file."""

    fair = True  # whether addresses are told apart: not behind a proxy

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.share = max(1, self.cfg.threads * 3 // 4)
        self.large = max(1, self.cfg.threads // 8)
        # more than web.credentials.password has places for: the others are told BUSY at once
        self.few = max(1, self.cfg.threads // 4)
        self.running: Counter[str] = Counter()
        self.reading: list[Patient] = []
        self.proving: list[Patient] = []
        self.waiting: deque[Patient] = deque()
        self.silent: Counter[str] = Counter()
        self.lingering: deque[Patient] = deque()
        self.cut = 0
        self.told_at = 0.0

    def accept(self, listener: Any) -> None:
        """A new connection; where there is no place, it takes that of the one that has been silent
        longest."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = Patient(self.cfg, client, address, listener.getsockname())
        if self.cfg.is_ssl:  # Gunicorn reads these itself: TLS that should hold belongs to a proxy
            self.enqueue_req(conn)
            return
        if self.fair and self.silent[conn.address] >= OPEN:
            self._forget(
                next(each for each in self.pending_conns if each.address == conn.address),
                "429 Too Many Requests",
            )
        if self.nr_conns > self.worker_connections - SPARE:
            oldest = self.pending_conns or self.keepalived_conns or self.lingering
            if oldest:
                self._forget(oldest[0], "503 Service Unavailable")
        self._await(conn)

    def on_client_socket_readable(self, conn: Patient, client: Any) -> None:
        """A kept connection begins its next request."""
        if self.cfg.is_ssl:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        if not self._read(conn):
            self._end(conn)
        elif conn.whole():  # without a place among those that wait, maybe a thousand
            self._start(conn)
        else:
            self._await(conn)

    def on_pending_socket_readable(self, conn: Patient, client: Any) -> None:  # noqa: ARG002
        """Take more of a request, and pass it on to a thread when it is whole."""
        if not self._read(conn):
            self._forget(conn)
        elif conn.whole():
            self._leave(conn)
            self._start(conn)
        elif not conn.head_ends():
            self._forget(conn, "431 Request Header Fields Too Large")

    def finish_request(self, conn: Patient, fs: Any) -> None:
        """A thread has answered. Closing holds up nothing."""
        if self.cfg.is_ssl:
            super().finish_request(conn, fs)
            return
        _less(self.running, conn.address)
        if (few := self._few(conn)) is not None:
            few[0].remove(conn)
        kept = False
        with contextlib.suppress(Exception):  # what a request raised is in the log
            kept = bool(fs.result()) if not fs.cancelled() else False
        try:
            self._finished(conn, kept)
        except OSError:
            self._end(conn)
        self._next()

    def _finished(self, conn: Patient, kept: bool) -> None:
        conn.sock.setblocking(False)
        if not kept:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.timeout = time.monotonic() + LINGER_S
            self.lingering.append(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
            return
        conn.came += conn.parser.unreader.take_buffered()
        if conn.came:
            if conn.whole():
                self._start(conn)
            else:
                self._await(conn)
            return
        conn.timeout = time.monotonic() + (
            self.cfg.keepalive if self.alive else min(self.cfg.keepalive, LINGER_S)
        )
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_client_socket_readable, conn))

    def murder_pending(self) -> None:
        """Close what has waited too long: for a request, for a thread, or for the client's own
        end."""
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            conn = self.pending_conns[0]
            self._forget(conn, "408 Request Timeout" if conn.came else "")
        while self.waiting and self.waiting[0].timeout <= now:
            conn = self.waiting.popleft()
            conn.refused("503 Service Unavailable")
            self._end(conn)
        while self.lingering and self.lingering[0].timeout <= now:
            self._forget(self.lingering[0])
        if self.cut and now - self.told_at >= 10.0:  # one line for a flood of them
            self.log.warning(
                "%d connections were cut off: slow, silent, or too many of one address", self.cut
            )
            self.cut, self.told_at = 0, now

    def _keepalive_after(self, conn: Patient, keepalive: bool) -> bool:
        """After a large body, which may not have been read, the connection ends: draining it would
        hold the thread."""
        if self.cfg.is_ssl:
            return bool(super()._keepalive_after(conn, keepalive))
        return bool(keepalive and not conn.large and conn.parser.finish_body())

    def _start(self, conn: Patient) -> None:
        """Give it a thread, or a place in the line where its address has its share."""
        if self._may(conn):
            self._run(conn)
            return
        status = self._refusal(conn)
        if status:
            conn.refused(status)
            self._end(conn)
            return
        conn.timeout = time.monotonic() + STUCK_S
        self.waiting.append(conn)

    def _refusal(self, conn: Patient) -> str:
        """Why it has no place in the line; empty if it has one."""
        signing_in = [each for each in self.waiting if each.proving] if conn.proving else []
        if self.fair and (
            _of(conn.address, self.waiting) >= OPEN or _of(conn.address, signing_in) >= OPEN // 2
        ):
            return "429 Too Many Requests"
        return "503 Service Unavailable\r\nRetry-After: 2" if len(signing_in) >= OPEN else ""

    def _few(self, conn: Patient) -> tuple[list[Patient], int] | None:
        """Who has the few threads of which it needs one, and how many there are; None where any
        thread will do."""
        if conn.large:
            return self.reading, self.large
        return (self.proving, self.few) if conn.proving else None

    def _may(self, conn: Patient) -> bool:
        if (few := self._few(conn)) is not None:
            having, most = few
            if len(having) >= most:
                return False
            if self.fair and _of(conn.address, having) >= max(1, most // 2):
                return False
        return not self.fair or self.running[conn.address] < self.share

    def _run(self, conn: Patient) -> None:
        self.running[conn.address] += 1
        if (few := self._few(conn)) is not None:
            few[0].append(conn)
        self.enqueue_req(conn)

    def _next(self) -> None:
        for conn in tuple(self.waiting):
            if self._may(conn):
                self.waiting.remove(conn)
                if conn.gone():
                    self._end(conn)
                else:
                    self._run(conn)

    def _read(self, conn: Patient) -> bool:
        """Take what has arrived; False if the client has gone."""
        try:
            data = conn.sock.recv(HEAD_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        conn.came += data
        return bool(data)

    def _drain(self, conn: Patient, client: Any) -> None:
        """Read on until the client closes: otherwise the part of the answer that it has not yet
        read would be lost (RFC 9112, 9.6)."""
        with contextlib.suppress(OSError):
            if client.recv(65536):
                return
        self._forget(conn)

    def _await(self, conn: Patient) -> None:
        conn.timeout = time.monotonic() + WHOLE_S
        self.silent[conn.address] += 1
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _leave(self, conn: Patient) -> None:
        """Take it out of the places where it may wait."""
        self.poller.unregister(conn.sock)
        for places in (self.pending_conns, self.keepalived_conns, self.lingering):
            if conn in places:
                places.remove(conn)
                if places is self.pending_conns:
                    _less(self.silent, conn.address)

    def _forget(self, conn: Patient, status: str = "") -> None:
        self._leave(conn)
        if status:
            self.cut += 1
            conn.refused(status)
        self._end(conn)

    def _end(self, conn: Patient) -> None:
        self.nr_conns -= 1
        conn.close()


def _of(address: str, among: Iterable[Patient]) -> int:
    return sum(each.address == address for each in among)


def _less(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
