"""The newest pictures of each station for people who watch: a few files that the node draws and the
web shows.

These are no records: they are not made durable, and the oldest goes with each new one, so that most
never reach the disk.
"""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from schemas.errors import Problem
from schemas.store.disk import DISK, FULL, Disk, failed, write_new

KEPT = 20
NAME = re.compile(r"([0-9]{1,15})-([0-9a-f-]{36})\.jpg")


class LivePicture(NamedTuple):
    """A picture of a result, as JPEG."""

    seq: int
    result_id: str
    path: Path


class LivePictures:
    """The pictures in a folder, in one folder a station; one process writes, any may read."""

    def __init__(self, folder: Path, disk: Disk = DISK) -> None:
        self._folder = folder
        self._disk = disk

    def put(self, station: str, seq: int, result_id: str, jpeg: bytes) -> None:
        """Add the newest one. Raises Problem DISK_SPACE, STORE_FAILED."""
        folder = self._folder / station
        temporary = folder / f".{secrets.token_hex(4)}"
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            write_new(temporary, jpeg, self._disk, durable=False)
            self._disk.rename(temporary, folder / f"{seq}-{result_id}.jpg")
            for name in os.listdir(folder):  # noqa: PTH208
                if name.startswith("."):
                    (folder / name).unlink(missing_ok=True)  # of a process that was killed
            found = self.all(station)
            # of a ledger before this one
            anew = [picture for picture in found if picture.seq > seq]
            for picture in (*anew, *found[: -KEPT - len(anew)]):
                picture.path.unlink(missing_ok=True)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if error.errno in FULL:
                raise Problem("DISK_SPACE", f"{station}: no picture to show") from error
            raise failed(station, error) from error

    def all(self, station: str) -> list[LivePicture]:
        """Those of a station, the oldest first."""
        folder = self._folder / station
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []
        matches = (NAME.fullmatch(name) for name in names)
        return sorted(
            LivePicture(int(match[1]), match[2], folder / match[0]) for match in matches if match
        )

    def newest(self, station: str) -> LivePicture | None:
        """The newest of a station."""
        return next(reversed(self.all(station)), None)

    def find(self, station: str, result_id: str) -> LivePicture | None:
        """The one of a result."""
        return next(
            (picture for picture in self.all(station) if picture.result_id == result_id), None
        )
