"""Gunicorn's threaded worker, whose threads wait for nobody who says nothing.

As it comes, a new connection takes a thread until its first byte, and then until the head of its request is whole: 32 silent
connections stop everything for five seconds, and 32 half heads for ever. Here the main thread, which waits for all
connections anyway, collects heads, and a thread gets whole ones; a body or an answer has to move on.
"""

import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_S = 5.0
STUCK_S = 30.0
HEAD_BYTES = 65536  # of more than that the parser says what is wrong


class Patient(TConn):  # type: ignore[misc]
    """A connection that has a head before it gets a thread, and whose socket gives up when nothing moves."""

    head = b""

    def init(self) -> None:
        """On the thread, before each request; the worker has just made the socket wait for ever."""
        super().init()
        self.sock.settimeout(STUCK_S)
        if self.head:
            self.parser.unreader.unread(self.head)
            self.head = b""


class Threads(ThreadWorker):  # type: ignore[misc]
    """See the head of this file."""

    def accept(self, listener: Any) -> None:
        """A new connection."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        self._await(Patient(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Patient, client: Any) -> None:
        """A kept connection begins its next request."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)
        self.on_pending_socket_readable(conn, client)

    def on_pending_socket_readable(self, conn: Patient, client: Any) -> None:
        """More of a head: on to a thread when it is whole."""
        if not self.cfg.is_ssl:
            try:
                data = client.recv(HEAD_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.poller.unregister(client)
                self.pending_conns.remove(conn)
                self.nr_conns -= 1
                conn.close()
                return
            conn.head += data
            if b"\r\n\r\n" not in conn.head and len(conn.head) < HEAD_BYTES:
                return
        super().on_pending_socket_readable(conn, client)

    def _await(self, conn: Patient) -> None:
        conn.timeout = time.monotonic() + HEAD_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
