"""The sockets of all MQTT clients of ours: dialled before paho sees them, and read in large pieces.

Names, addresses and certificates may take any time, and the thread that dials says where (`dial`
tells its step), so that a thread with a heartbeat can let another one wait. On every socket small
packets leave at once (TCP_NODELAY, which paho leaves off: 88 ms a round trip), and what comes is
acknowledged at once (TCP_QUICKACK, set again after each read, since the kernel takes it back: a
broker that keeps Nagle's algorithm holds its next packet back until we acknowledge, 44 ms a round
trip). What the kernel has is read in one call; paho asks for a packet in three pieces.
"""

import contextlib
import errno
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from schemas.settings import BrokerSettings

READ_BYTES = 65536
STAGGER_S = 0.25  # until the next address of a name is tried beside the earlier ones


class _Rest:
    """What was read, but not yet asked for."""

    quick_acks = True
    _rest = b""
    _at = 0

    def piece(self, size: int) -> bytes:
        """The next bytes, at most that many."""
        at = self._at
        self._at = min(at + size, len(self._rest))
        return self._rest[at : self._at]

    def packet(self) -> tuple[int, bytes, int] | None:
        """First byte of the next packet, what comes after its length, and where it ends; None if
        not all of it was read."""
        rest, at = self._rest, self._at + 1
        length = shift = 0
        while at < len(rest) and shift <= 21:
            byte = rest[at]
            at += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                end = at + length
                return (rest[self._at], rest[at:end], end) if end <= len(rest) else None
        return None

    def fill(self) -> None:
        """Read what the kernel has, unless something is left; what is wrong with the connection
        shows when more is asked for."""
        if self._at == len(self._rest):
            with contextlib.suppress(OSError):
                self.recv(0)  # type: ignore[attr-defined]

    def skip(self, end: int) -> None:
        """The packet that ends there is done with."""
        self._at = end


class _Buffered(_Rest, socket.socket):
    """A socket that is read in large pieces; `pending` bytes were read, but not yet asked for, and
    poll does not see them."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self._at == len(self._rest):
            self._rest, self._at = super().recv(READ_BYTES, flags), 0
            if self.quick_acks:
                quick(self)
        return self.piece(size)

    def pending(self) -> int:
        return len(self._rest) - self._at


class _Encrypted(_Rest, ssl.SSLSocket):
    """The same over TLS."""

    def recv(self, size: int = 1024, flags: int = 0) -> bytes:
        if self._at == len(self._rest):
            self._rest, self._at = super().recv(READ_BYTES, flags), 0
            if self.quick_acks:
                quick(self)
        return self.piece(size)

    def pending(self) -> int:
        return len(self._rest) - self._at + super().pending()


def quick(sock: socket.socket) -> None:
    """Acknowledge at once what comes next; to be called after each read."""
    with contextlib.suppress(OSError):  # the connection may be over
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def dial(
    settings: BrokerSettings, limit_s: float, told: Callable[[str], None] = lambda _: None
) -> "_Buffered | _Encrypted":
    """A connected socket, encrypted where the settings say so. Raises OSError (ssl.SSLError among
    them), UnicodeError.

    The limit holds for each step on the wire; how long a name or a file takes is up to the machine.
    told(step) hears what is waited for.
    """
    context = None
    if settings.tls:
        told(
            "reading the certificates"
            f" ({', '.join(filter(None, (settings.ca_file, settings.cert_file))) or 'the system'})"
        )
        context = _context(settings)
    told(f"asking the name server for {settings.host}")
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise OSError(
            f"the name {settings.host} cannot be resolved: {error.strerror or error}"
        ) from error
    told(f"connecting to {settings.host}:{settings.port}, {len(addresses)} addresses")
    sock = _first(addresses, limit_s)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(limit_s)
        if context is None:
            return _Buffered(fileno=sock.detach())
        told("waiting for the TLS greeting of the broker")
        wrapped = context.wrap_socket(sock, server_hostname=settings.host)
        assert isinstance(wrapped, _Encrypted)
        return wrapped
    except BaseException:
        sock.close()
        raise


def _first(hosts: list[Any], limit_s: float) -> socket.socket:
    """The first of these addresses that answers; each is tried a moment after the one before (RFC
    8305). Raises OSError."""
    trying: dict[int, socket.socket] = {}
    left = list(hosts)
    failure: OSError = TimeoutError(
        f"no answer within {limit_s:g} s from {', '.join(sorted({each[4][0] for each in hosts}))}"
    )
    poll = select.poll()
    until = time.monotonic() + limit_s
    try:
        while left or trying:
            if left:
                family, kind, protocol, _, address = left.pop(0)
                sock = socket.socket(family, kind, protocol)
                sock.setblocking(False)
                code = sock.connect_ex(address)
                if code not in (0, errno.EINPROGRESS):
                    failure = OSError(code, os.strerror(code))
                    sock.close()
                    continue
                trying[sock.fileno()] = sock
                poll.register(sock, select.POLLOUT)
                until = time.monotonic() + limit_s
            wait_s = STAGGER_S if left else until - time.monotonic()
            ready = poll.poll(max(0.0, wait_s) * 1000)
            for number, _ in ready:
                sock = trying.pop(number)
                poll.unregister(number)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    return sock
                failure = OSError(code, os.strerror(code))
                sock.close()
            if not left and time.monotonic() >= until:
                break
        raise failure
    finally:
        for other in trying.values():
            other.close()


def _context(settings: BrokerSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _Encrypted
    if settings.cert_file and settings.key_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


def reason_of(error: BaseException) -> str:
    """What went wrong, in words for people."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
