"""The state folder belongs to one process at a time."""

import fcntl
import os
from pathlib import Path

from schemas import Problem
from schemas.store.disk import private_mode


def lock_state(state: Path) -> int:
    """Take the state folder for this process; the lock goes with the file descriptor. Raises
    Problem STATE_LOCKED."""
    path = state / "lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, private_mode(state))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 32).decode(errors="replace").strip()
        os.close(lock)
        raise Problem("STATE_LOCKED", f"{state} is held by process {holder}") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
