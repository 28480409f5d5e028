"""Asking node and web to read their settings again, where we may: a signal, as `systemctl reload`
sends it."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Literal

Asked = Literal["asked", "not allowed", "not here"]
LOCKS = Path("/proc/locks")
NODE_COMMAND = "systemctl reload inspection-node"
WEB_COMMAND = "systemctl reload inspection-web"


def reload_node(state: Path) -> Asked:
    """SIGHUP for whoever holds the state folder as its node, if it runs here as our account.

    The holder of the lock is asked again once it cannot be another process any more (pidfd), so
    that no number that was given anew gets a signal; nor does a process that would end by it:
    whoever else works on the folder, or has just begun to.
    """
    process = _holder(state / "lock")
    if process is None:
        return "not here"
    try:
        fd = os.pidfd_open(process)
    except OSError:
        return "not here"
    try:
        if _holder(state / "lock") != process or not _hears(process):
            return "not here"
        signal.pidfd_send_signal(fd, signal.SIGHUP)
    except PermissionError:
        return "not allowed"
    except OSError:
        return "not here"
    finally:
        os.close(fd)
    return "asked"


def _hears(process: int) -> bool:
    """Whether a process has announced what it does on SIGHUP, and so is not ended by it."""
    with suppress(OSError, ValueError, IndexError):
        told = Path(f"/proc/{process}/status").read_text()
        caught = int(told.split("\nSigCgt:")[1].split()[0], 16)
        return bool(caught & 1 << (signal.SIGHUP - 1))
    return False


def _holder(path: Path) -> int | None:
    """The process that holds a lock (flock) on a file, by the kernel's list; None if none of our
    account does."""
    with suppress(OSError, ValueError):
        status = path.stat()
        where = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        for line in LOCKS.read_text().splitlines():
            fields = line.split()  # 1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF
            if fields[1] == "FLOCK" and fields[3] == "WRITE" and fields[5] == where:
                process = int(fields[4])
                return process if process > 0 else None
    return None
