"""The settings file as the web may change it: some of its keys, whole and checked, with what people
wrote around them, and the text before it kept beside it.

The file belongs to whoever keeps the machine. Where it is ours, and we may write beside it, a
change is a new file in its place; else it is read only, and says why.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import tomlkit
from tomlkit.exceptions import TOMLKitError

from schemas.errors import Problem
from schemas.settings.editable import why
from schemas.settings.load import Loaded
from schemas.store.disk import DISK, failed, write_new

TAG_DIGITS = 16
Closed = Literal["not ours", "a link", "a folder we cannot write"]


class SettingsFile:
    """The file that settings were read from. One change at a time, over all processes."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.path = loaded.path
        self.previous = loaded.path.with_name(f"{loaded.path.name}.previous")

    @property
    def tag(self) -> str:
        """The tag by which a change says what it changes. Raises Problem STORE_FAILED."""
        return _tag(self._read(self.path))

    def now(self) -> Loaded:
        """What the file says now. Raises Problem SETTINGS_INVALID."""
        return self._loaded.again()

    def closed(self) -> Closed | None:
        """Why the file cannot be changed from here; None where it can."""
        try:
            status = self.path.lstat()
        except OSError as error:
            raise failed(str(self.path), error) from error
        if stat.S_ISLNK(status.st_mode):
            return "a link"
        if status.st_uid != os.geteuid():
            return "not ours"
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            return "a folder we cannot write"
        return None

    def planned(self, tag: str, changes: Mapping[str, Any]) -> "Planned":
        """What the file would be with other values, None for a default; nothing is written yet.

        Raises Problem SETTINGS_CONFLICT where it is no longer what `tag` names, SETTINGS_READ_ONLY,
        SETTINGS_INVALID with all errors, STORE_FAILED.
        """
        old = self._current(tag)
        sources = self._loaded.again().sources
        for key in changes:
            if why(key) is None:
                raise Problem("SETTINGS_READ_ONLY", f"{key} is changed in the file only")
            if sources.get(key) == "environment":
                raise Problem("SETTINGS_READ_ONLY", f"{key} comes from the environment")
        return self._planned(old, edited(old, changes), list(changes))

    def back(self, tag: str) -> "Planned":
        """What was there before the last change. Raises Problem as `planned`, and NOT_FOUND."""
        old = self._current(tag)
        if not self.previous.is_file():
            raise Problem("NOT_FOUND", "no earlier settings are kept")
        return self._planned(old, self._read(self.previous), None)

    def write(self, planned: "Planned") -> Loaded:
        """Keep the text that was there, and put the new one in its place; durable then. Raises
        Problem SETTINGS_CONFLICT, STORE_FAILED."""
        try:
            with self._alone():
                self._current(_tag(planned.old))
                self._put(self.previous, planned.old)
                self._put(self.path, planned.new)
        except OSError as error:
            raise failed(str(self.path), error) from error
        return planned.loaded

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the file as it is now; whoever else changes it just now will have changed it."""
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Problem("SETTINGS_CONFLICT") from None
        finally:
            os.close(fd)

    def _planned(self, old: bytes, new: bytes, keys: list[str] | None) -> "Planned":
        loaded = self._loaded.again(new)
        before, after = _parsed(old), _parsed(new)
        if keys is None:
            keys = sorted(
                key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
            )
            for key in keys:
                if why(key) is None:
                    raise Problem("SETTINGS_READ_ONLY", f"{key} is changed in the file only")
        return Planned(
            old,
            new,
            loaded,
            {key: before.get(key) for key in keys},
            {key: after.get(key) for key in keys},
        )

    def _current(self, tag: str) -> bytes:
        if (closed := self.closed()) is not None:
            raise Problem("SETTINGS_READ_ONLY", closed)
        data = self._read(self.path)
        if _tag(data) != tag:
            raise Problem("SETTINGS_CONFLICT")
        return data

    def _put(self, path: Path, data: bytes) -> None:
        """With the mode and group that the settings file has, for who else reads it."""
        new = path.with_name(f"{path.name}.new")
        write_new(new, data)
        try:
            shutil.copymode(self.path, new)
            group = self.path.stat().st_gid
            if new.stat().st_gid != group:
                os.chown(new, -1, group)
            DISK.rename(new, path)
        except OSError:
            with suppress(OSError):
                new.unlink()
            raise
        DISK.sync_folder(path.parent)

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise failed(str(path), error) from error


class Planned(NamedTuple):
    """A change that was checked: the texts, what the new one says, and each changed key with its
    value in the file before and after, None where it is not in it."""

    old: bytes
    new: bytes
    loaded: Loaded
    before: dict[str, Any]
    after: dict[str, Any]


def edited(data: bytes, changes: Mapping[str, Any]) -> bytes:
    """The text with other values (None: the key is taken out), and all else as people wrote it.

    What comes of it is read again and has to say just that. Raises Problem SETTINGS_INVALID.
    """
    try:
        document = tomlkit.parse(data.decode())
        for key, value in changes.items():
            *tables, name = key.split(".")
            table = _table(document, tables, make=value is not None)
            if table is None or (value is None and name not in table):
                continue
            if value is None:
                del table[name]
            else:
                table[name] = value
        new = tomlkit.dumps(document).encode()
        told = _parsed(new)
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise Problem("SETTINGS_INVALID", f"the file cannot be edited: {error}") from error
    wanted = {
        key: value for key, value in {**_parsed(data), **changes}.items() if value is not None
    }
    if told != wanted:
        raise Problem("SETTINGS_INVALID", "the file cannot be edited as it is written")
    return new


def _table(document: Any, path: list[str], *, make: bool) -> Any:
    """The table of a key: a station by its id. None if it is not there, and none is to be made."""
    if path[:1] == ["station"]:
        stations = document.get("station", [])
        station = next((each for each in stations if each.get("id") == path[1]), None)
        if station is None:
            raise Problem("SETTINGS_INVALID", f"there is no station {path[1]}")
        return station
    table = document
    for name in path:
        if name not in table:
            if not make:
                return None
            table[name] = tomlkit.table()
        table = table[name]
    return table


def _parsed(data: bytes) -> dict[str, Any]:
    """Every value by its key path; stations by id. Raises Problem SETTINGS_INVALID."""
    try:
        return dict(_leaves(tomllib.loads(data.decode()), ()))
    except (ValueError, RecursionError) as error:
        raise Problem("SETTINGS_INVALID", f"the file is not TOML: {error}") from error


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in _leaves(each, (*path, key))]
    if path == ("station",) and isinstance(value, list):
        return [
            leaf
            for n, each in enumerate(value)
            for leaf in _leaves(each, (*path, str(each.get("id", n))))
        ]
    return [(".".join(path), value)]


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:TAG_DIGITS]
