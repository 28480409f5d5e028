"""Space that is kept for the ledger: a file that is given up when the disk is full, so that results
still fit."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from schemas.store.disk import private_mode

RESERVE_BYTES = 8 * 1024 * 1024
SPARE = 4  # this many times as much must be free for the reserve to be taken again


class Reserve:
    """The reserve at `path`; there is none until keep() makes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.given_up = False

    def released(self, error: sqlite3.Error) -> bool:
        """Give the reserve up if the disk is full; returns whether it is worth trying again."""
        if (
            getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_FULL
            or not self.path.exists()
        ):
            return False
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.given_up = True
        return True

    def keep(self) -> None:
        """Make it, if it is not there and the disk has room. Raises OSError."""
        if self.path.exists():
            return
        if shutil.disk_usage(self.path.parent).free < SPARE * RESERVE_BYTES:
            return
        fd = os.open(
            self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, private_mode(self.path.parent)
        )
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        except OSError:
            self.path.unlink()
            raise
        finally:
            os.close(fd)
        self.given_up = False
