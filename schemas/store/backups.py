"""The backups that the web made, in a folder of the state, with what is known of each.

What is known is believed of a file that still has its size; of any other nothing is known until it
was checked.
"""

import json
import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from schemas.base import Shape
from schemas.errors import Problem
from schemas.store.disk import failed, replace

FOLDER = "backups"
INDEX = "index.json"
NAME = re.compile(r"inspection-node-[a-z0-9-]{1,32}-\d{4}-\d{2}-\d{2}T\d{9}Z\.tar\.gz")


class Archive(Shape):
    """A backup. people: whether accounts, second factors and the audit are in it, null where that
    is not known; problem: what was found wrong when it was checked."""

    name: str
    bytes: Annotated[int, Field(ge=0)]
    made_at: str | None = None
    pictures: str | None = None
    people: bool | None = None
    checked_at: str | None = None
    problem: str | None = None


_INDEX = TypeAdapter(dict[str, Archive])


class Backups:
    """The backups in a state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER

    def begin(self) -> Path:
        """The folder, made if it is missing. Raises Problem STORE_FAILED."""
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise failed(str(self.folder), error) from error
        return self.folder

    def list(self) -> list[Archive]:
        """All of them, newest first. Raises Problem STORE_FAILED."""
        known = self._known()
        archives = []
        try:
            for path in self.folder.glob("*.tar.gz") if self.folder.is_dir() else ():
                if NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                    size = path.stat().st_size
                    told = known.get(path.name)
                    same = told is not None and told.bytes == size
                    archives.append(told if same and told else Archive(name=path.name, bytes=size))
        except OSError as error:
            raise failed(str(self.folder), error) from error
        return sorted(archives, key=lambda each: each.name[-26:], reverse=True)

    def get(self, name: str) -> Archive:
        """One backup. Raises Problem BACKUP_NOT_FOUND, STORE_FAILED."""
        for each in self.list():
            if each.name == name:
                return each
        raise Problem("BACKUP_NOT_FOUND", f"{name!r:.100}")

    def note(self, archive: Archive) -> None:
        """Note what is known of a backup now; what is known of backups that are gone is forgotten.
        Raises Problem STORE_FAILED."""
        known = {each.name: each for each in self.list()} | {archive.name: archive}
        text = json.dumps({name: each.model_dump() for name, each in known.items()})
        try:
            replace(self.folder / INDEX, text.encode())
        except OSError as error:
            raise failed(INDEX, error) from error

    def remove(self, name: str) -> None:
        """Remove a backup. Raises Problem BACKUP_NOT_FOUND, STORE_FAILED."""
        try:
            (self.folder / self.get(name).name).unlink(missing_ok=True)
        except OSError as error:
            raise failed(name, error) from error

    def prune(self, most: int) -> None:
        """Keep only the newest ones. Raises Problem STORE_FAILED."""
        for each in self.list()[most:]:
            self.remove(each.name)

    def _known(self) -> dict[str, Archive]:
        try:
            return _INDEX.validate_json((self.folder / INDEX).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return {}
        except OSError as error:
            raise failed(INDEX, error) from error
