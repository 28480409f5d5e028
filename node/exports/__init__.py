"""Copies elsewhere: one file a kind of target, each with the same four methods.

Their libraries are loaded when a target is opened: who exports nothing needs none of them.
"""

import importlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.errors import Problem
from schemas.settings.exports import FolderTarget, S3Target, SftpTarget

KINDS = {
    "folder": "node.exports.folder:ExportFolder",
    "s3": "node.exports.s3:ExportBucket",
    "sftp": "node.exports.sftp:Sftp",
}
EXTRA = "exports"
CONNECT_S = 5.0  # to reach a target
QUIET_S = 20.0  # without an answer from one


class Stored(NamedTuple):
    """A file at a target: its name there, and when it arrived."""

    name: str
    at: datetime


class ExportPlace(Protocol):
    """An open target. One thread uses it; what fails raises Problem, and then it is closed.

    EXPORT_FAILED: the target is away, full or refuses us; the same may go well later.
    EXPORT_REFUSED: this one file has no place there, now or later.
    """

    def put(self, name: str, source: Path) -> None:
        """Copy a file there under a name with levels (`a/b.jpg`), over one of that name.

        It is there whole or not at all.
        """

    def list(self, beginning: str) -> Iterator[Stored]:
        """The files at the top whose names begin with this."""

    def remove(self, name: str) -> None:
        """Remove a file; one that has gone is not a problem."""

    def close(self) -> None:
        """Close the connection; it can be called twice."""


def open_place(target: FolderTarget | S3Target | SftpTarget, state: Path) -> ExportPlace:
    """Reach a target. `state`: the state folder, on whose disk a mounted share is not.

    Raises Problem EXPORT_FAILED, EXPORT_NOT_INSTALLED.
    """
    module, _, name = KINDS[target.kind].partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise Problem(
            "EXPORT_NOT_INSTALLED",
            f"{target.kind} needs {error.name}: pip install 'inspection-node[{EXTRA}]'",
        ) from None
    place: ExportPlace = kind(target, state)
    return place


def failed(where: str, error: BaseException) -> Problem:
    """A target took nothing, and why."""
    return Problem("EXPORT_FAILED", f"{where}: {str(error)[:300] or type(error).__name__}")
