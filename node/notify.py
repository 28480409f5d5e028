"""Telling systemd how the node is doing (sd_notify(3)): ready, reloading, stopping, alive. Silent
without systemd."""

import contextlib
import os
import socket
import time

NOTIFY_S = 0.5


def notify(message: str) -> None:
    """Send a state such as `READY=1` to $NOTIFY_SOCKET, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
    ):
        sock.settimeout(NOTIFY_S)
        sock.connect(address)
        sock.sendall(message.encode())


def reloading() -> None:
    """Say that a reload begins (Type=notify-reload wants the monotonic time with it)."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
