"""The audit's rows to a log server by syslog (RFC 5424), as they are written, by whomever: the web,
or the command line.

One thread reads what is new and sends it, so no change waits for the log server. How far it has
come is kept in `audit.sent`, under a lock: what was written while the web was away follows, and of
several workers one sends. Datagrams may be lost on their way: rows are numbered, so the log server
sees what is missing.
"""

import contextlib
import fcntl
import json
import logging
import os
import socket
import threading
from pathlib import Path

from schemas.base import plain
from schemas.store.accounts import Accounts
from schemas.store.accounts.audit import AuditEntry
from schemas.store.disk import private_mode

log = logging.getLogger(__name__)
PRIORITY = 13 * 8 + 5  # facility log audit, severity notice
EVERY_S = 1.0
MOST_BYTES = 2048  # what every receiver under RFC 5424 ought to take
SEND_S = 1.0


class Forwarding:
    """Sends to `target`, the path of a socket or HOST:PORT (UDP), until it is closed; a target that
    is away is tried again."""

    def __init__(self, accounts: Accounts, state: Path, node: str, target: str) -> None:
        self._accounts, self._node, self._target = accounts, node, target
        self._path = state / "audit.sent"
        self._ended = threading.Event()
        self._well = True
        threading.Thread(target=self._run, name="syslog", daemon=True).start()

    def close(self) -> None:
        """End with the row that is being sent."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                self._once()
                self._well = True
            except Exception as error:  # whatever it is, the rows wait and follow later
                if self._well:
                    log.error("audit: %s takes no rows (%s); they wait", self._target, error)
                self._well = False
        self._accounts.close()  # this thread's connection

    def _once(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with (
            os.fdopen(os.open(self._path, flags, private_mode(self._path.parent)), "r+b") as file,
            contextlib.suppress(BlockingIOError),
        ):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            said = file.read(32).strip()
            # from when it is first asked for
            sent = int(said) if said else self._accounts.audit_size()
            _keep(file.fileno(), sent)
            with self._connected() as sock:
                for entry in self._accounts.audit_after(sent):
                    sock.send(line(entry, self._node))
                    _keep(file.fileno(), entry.id)
                    if self._ended.is_set():
                        return

    def _connected(self) -> socket.socket:
        if self._target.startswith("/"):
            sock, address = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), self._target
        else:
            host, _, port = self._target.rpartition(":")
            family, kind, proto, _, where = socket.getaddrinfo(
                host.strip("[]"), int(port), type=socket.SOCK_DGRAM
            )[0]
            sock, address = socket.socket(family, kind, proto), where  # type: ignore[assignment]
        sock.settimeout(SEND_S)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock


def line(entry: AuditEntry, node: str) -> bytes:
    """A row as a message of RFC 5424: all of it as JSON, with nothing raw in it."""
    row = {**entry._asdict(), "details": json.loads(entry.details), "hash": entry.hash.hex()}
    head = f"<{PRIORITY}>1 {entry.at} {node} inspection-node - audit - "
    return (head + plain(json.dumps(row), MOST_BYTES - len(head))).encode(
        "ascii", "backslashreplace"
    )[:MOST_BYTES]


def _keep(fd: int, sent: int) -> None:
    os.pwrite(fd, b"%-31d\n" % sent, 0)
