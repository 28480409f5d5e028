"""A folder of this machine as a target: a mounted share (SMB, NFS), or another disk."""

import errno
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from node.exports import Stored, failed
from schemas.errors import Problem
from schemas.settings.exports import FolderTarget

UNFIT = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # of this name only


class ExportFolder:
    """See node.exports.Place."""

    def __init__(self, target: FolderTarget, state: Path) -> None:
        self._path = Path(target.path)
        self._state = state if target.mounted else None
        self._look()

    def put(self, name: str, source: Path) -> None:
        """See Place. It is on the target's disk before it has its name."""
        self._look()
        to = self._path / name
        part = to.with_name(f".{to.name[:200]}.part")
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)  # left by an end in the middle
            # x: a link of that name would lead elsewhere on this machine
            with source.open("rb") as read, part.open("xb") as written:
                shutil.copyfileobj(read, written)
                written.flush()
                os.fsync(written.fileno())
            part.replace(to)
        except OSError as error:
            if error.errno in UNFIT:
                raise Problem("EXPORT_REFUSED", f"{to}: {error.strerror}") from error
            raise failed(str(to), error) from error

    def list(self, beginning: str) -> Iterator[Stored]:
        """See Place."""
        self._look()
        try:
            for path in self._path.iterdir():
                if path.name.startswith(beginning) and path.is_file():
                    yield Stored(path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        except OSError as error:
            raise failed(str(self._path), error) from error

    def remove(self, name: str) -> None:
        """See Place."""
        try:
            (self._path / name).unlink(missing_ok=True)
        except OSError as error:
            raise failed(name, error) from error

    def close(self) -> None:
        """See Place."""

    def _look(self) -> None:
        """Whether the share is there. An empty folder where it should be would take everything."""
        try:
            status = self._path.stat()
            home = self._state.stat() if self._state is not None else None
        except OSError as error:
            raise failed(str(self._path), error) from error
        if home is not None and home.st_dev == status.st_dev:
            why = (
                "it is on the disk of the state: the share is not mounted (or say mounted = false)"
            )
            raise Problem("EXPORT_FAILED", f"{self._path}: {why}")
