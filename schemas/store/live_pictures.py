"""The newest pictures of each station for people who watch: a few files that the node draws and the
web shows.

These are not records: they are not made durable, and the oldest goes with each new one, so that
most never reach the disk.
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
WHOLE = 1000
PLACE = r"-([0-9]{1,4})-([0-9]{1,4})-([0-9]{1,4})-([0-9]{1,4})"
NAME = re.compile(rf"([0-9]{{1,15}})-([0-9a-f-]{{36}})(?:{PLACE})?\.jpg")

# left, top, width, height in thousandths of the picture
Place = tuple[int, int, int, int]


class LivePicture(NamedTuple):
    """The picture of a result, as JPEG; `place` is where the part failed, if a tool says so."""

    seq: int
    result_id: str
    path: Path
    place: Place | None = None


class LivePictures:
    """The pictures in a folder, in one folder a station; one process writes, any may read."""

    def __init__(self, folder: Path, disk: Disk = DISK) -> None:
        self._folder = folder
        self._disk = disk

    def put(
        self, station: str, seq: int, result_id: str, jpeg: bytes, place: Place | None = None
    ) -> None:
        """Add the newest one. Raises Problem DISK_SPACE, STORE_FAILED."""
        folder = self._folder / station
        temporary = folder / f".{secrets.token_hex(4)}"
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            write_new(temporary, jpeg, self._disk, durable=False)
            name = "-".join(str(part) for part in (seq, result_id, *(place or ())))
            self._disk.rename(temporary, folder / f"{name}.jpg")
            for name in os.listdir(folder):  # noqa: PTH208
                if name.startswith("."):
                    (folder / name).unlink(missing_ok=True)  # left by a process that was killed
            pictures = self.all(station)
            # from a ledger before this one
            anew = [picture for picture in pictures if picture.seq > seq]
            for picture in (*anew, *pictures[: -KEPT - len(anew)]):
                picture.path.unlink(missing_ok=True)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if error.errno in FULL:
                raise Problem("DISK_SPACE", f"{station}: no picture to show") from error
            raise failed(station, error) from error

    def all(self, station: str) -> list[LivePicture]:
        """The pictures of a station, the oldest first."""
        folder = self._folder / station
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []
        matches = (NAME.fullmatch(name) for name in names)
        return sorted(
            (_picture(folder, match) for match in matches if match), key=lambda each: each[:2]
        )

    def newest(self, station: str) -> LivePicture | None:
        """The newest picture of a station."""
        return next(reversed(self.all(station)), None)

    def find(self, station: str, result_id: str) -> LivePicture | None:
        """The picture of a result."""
        return next(
            (picture for picture in self.all(station) if picture.result_id == result_id), None
        )


def _picture(folder: Path, match: re.Match[str]) -> LivePicture:
    seq, result_id, *place = match.groups()
    left, top, width, height = (int(part or 0) for part in place)
    where = (left, top, width, height) if place[0] else None
    return LivePicture(int(seq), result_id, folder / match[0], where)
