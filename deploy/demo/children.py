"""Child processes that end with us, however we end, and the ports they listen on."""

import ctypes
import os
import random
import signal
import socket
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
BELOW_CLIENTS = (15_000, 32_000)  # Linux gives clients 32768 and above
_LIBC = ctypes.CDLL(None, use_errno=True)


def as_child(**more: Any) -> dict[str, Any]:
    """Arguments of Popen: SIGTERM when the thread that started it ends, and no Ctrl-C of the
    terminal: we end it in order."""
    parent = os.getpid()

    def before_exec() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # we ended before the line above
            os._exit(1)

    return {"preexec_fn": before_exec, "start_new_session": True, **more}


def port_is_free(port: int) -> bool:
    """Whether a program could listen on the port of 127.0.0.1 now."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen(1)
        except OSError:
            return False
        return True


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now, below those that the kernel gives to clients,
    so that none takes it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(*BELOW_CLIENTS)
        if port_is_free(port):
            return port


def port_answers(port: int) -> bool:
    """Whether something accepts connections on the port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def last_lines(log: Path, count: int = 5) -> list[str]:
    """The end of a child's log; nothing if there is none."""
    return log.read_text(errors="replace").splitlines()[-count:] if log.exists() else []
