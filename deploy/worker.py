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

    def init_process(self) -> None:
        """As Gunicorn's; what its settings say of TLS is looked up in all of them, and here at every read."""
        self._tls = bool(self.cfg.is_ssl)
        super().init_process()

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
        whole = self._hear(conn, client)
        if whole is None:
            self._end(conn)
        elif whole:  # without a place among those that wait, who may be a thousand
            self.enqueue_req(conn)
        else:
            self._await(conn)

    def on_pending_socket_readable(self, conn: Patient, client: Any) -> None:
        """More of a head: on to a thread when it is whole."""
        whole = self._hear(conn, client)
        if whole is None:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._end(conn)
        elif whole:
            super().on_pending_socket_readable(conn, client)

    def _hear(self, conn: Patient, client: Any) -> bool | None:
        """Whether the head is whole with what has just come; None if the client has gone."""
        if self._tls:
            return True
        try:
            data = client.recv(HEAD_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return None
        if not data:
            return None
        conn.head += data
        return b"\r\n\r\n" in conn.head or len(conn.head) >= HEAD_BYTES

    def _end(self, conn: Patient) -> None:
        self.nr_conns -= 1
        conn.close()

    def _await(self, conn: Patient) -> None:
        conn.timeout = time.monotonic() + HEAD_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
