"""Log files that cannot fill a disk: one grows to its size and is put aside; what is put aside has
an age and a space.

Several processes may write to one: lines are appended whole, and the one that finds it too large
puts it aside under a lock. A line that cannot be written is left to the caller.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from schemas.store.disk import private_mode

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
DAY_S = 86400.0


class LogFile:
    """`KIND.log` in a folder, and `KIND-TIME.log` of what was put aside."""

    def __init__(
        self, folder: Path, kind: str, most_bytes: int, keep_days: float, keep_bytes: int
    ) -> None:
        """Begin, or go on. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{kind}.log"
        self._most, self._days, self._keep = most_bytes, keep_days, keep_bytes
        self._mode = private_mode(folder)
        self._fd = os.open(self.path, FLAGS, self._mode)
        self._tidy()

    def write(self, line: bytes) -> None:
        """Append a line. Raises OSError."""
        self._follow()
        if os.fstat(self._fd).st_size + len(line) > self._most:
            self._put_aside(len(line))
        os.write(self._fd, line)

    def close(self) -> None:
        """Write nothing more."""
        os.close(self._fd)

    def _follow(self) -> None:
        """Another process has put the file aside, or somebody has removed it: go on with the new
        one."""
        try:
            same = os.path.samestat(self.path.lstat(), os.fstat(self._fd))
        except FileNotFoundError:
            same = False
        if not same:
            fd = os.open(self.path, FLAGS, self._mode)
            os.close(self._fd)
            self._fd = fd

    def _put_aside(self, more: int) -> None:
        lock = os.open(
            self.path.with_suffix(".lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
            self._mode,
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._follow()
            if os.fstat(self._fd).st_size + more > self._most:  # no other process did it meanwhile
                stamp = (
                    f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 10**9:09d}"
                )
                os.rename(self.path, self.path.with_name(f"{self.path.stem}-{stamp}.log"))  # noqa: PTH104
                self._follow()
                self._tidy()
        except BlockingIOError:
            # another process is doing it: that is not waited for, and this file grows by a line
            pass
        finally:
            os.close(lock)

    def _tidy(self) -> None:
        """Remove files that were put aside and are too old, or too many: the oldest first."""
        space, oldest = 0, time.time() - self._days * DAY_S
        for path in sorted(self.path.parent.glob(f"{self.path.stem}-*.log"), reverse=True):
            with contextlib.suppress(OSError):  # another process is removing it, too
                status = path.stat()
                space += status.st_size
                if status.st_mtime < oldest or space + self._most > self._keep:
                    path.unlink()
