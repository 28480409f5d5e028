"""The archive of a backup: a .tar.gz whose members are files below a few folders, and a manifest
with their checksums.

Member names are `state/...` (the state folder) and `settings/node.toml`; `manifest.json` stands
last, since it is known last. Nothing that is read back is trusted: only plain files, only names in
the manifest, no more bytes than it says.
"""

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Literal, NoReturn

from pydantic import Field, StringConstraints, ValidationError

from schemas.base import Shape, explain
from schemas.errors import Problem

PIECE = 1024 * 1024
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 256 * 1024 * 1024
# pictures do not get smaller, and the ledger is mostly text: a higher level costs time and gains
# little
COMPRESSION = 3
BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Member(Shape):
    """One file of a backup."""

    name: str = Field(description="Name in the archive.")
    bytes: int = Field(ge=0, description="Size.")
    sha256: Sha256 = Field(description="Checksum of the content.")


class Manifest(Shape):
    """What a backup holds, and of which node."""

    format: Literal["backup/1"] = Field(default="backup/1", description="Shape of the archive.")
    node: str = Field(description="Id of the node.")
    version: str = Field(description="Version of the software that made it.")
    at: str = Field(description="When it was begun, UTC.")
    pictures: Literal["none", "ng", "all"] = Field(description="Which pictures of parts it holds.")
    databases: dict[str, int] = Field(
        description="Version of each database by its name in the archive."
    )
    files: Annotated[tuple[Member, ...], Field(strict=False)] = Field(
        description="Every other member, in its order."
    )


class Writer:
    """Adds files to an archive and keeps their checksums."""

    def __init__(self, archive: tarfile.TarFile, pause: Callable[[], None]) -> None:
        self._archive, self._pause = archive, pause
        self.files: list[Member] = []

    def add(self, name: str, path: Path) -> bool:
        """Add a file as it is now; False if it has gone. Raises OSError."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        with open(fd, "rb") as source:  # noqa: PTH123
            status = os.fstat(fd)
            entry = _entry(name, status.st_size, int(status.st_mtime))
            hashed = _Hashed(source, self._pause)
            self._archive.addfile(entry, hashed)
        self.files.append(Member(name=name, bytes=entry.size, sha256=hashed.hexdigest()))
        return True

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, as the last member."""
        data = manifest.model_dump_json(indent=1).encode()
        self._archive.addfile(_entry(MANIFEST, len(data), 0), io.BytesIO(data))


class _Hashed:
    """A file that is read once, and its checksum."""

    def __init__(self, source: IO[bytes], pause: Callable[[], None]) -> None:
        self._source, self._pause = source, pause
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        self._pause()
        data = self._source.read(size)
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class _Bounded:
    """An unpacked archive, never read in pieces larger than a manifest: tarfile takes headers in
    one piece."""

    def __init__(self, source: gzip.GzipFile) -> None:
        self._source, self.seek, self.tell = source, source.seek, source.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_MANIFEST_BYTES:
            raise tarfile.ReadError("one of its headers is too large")
        return self._source.read(size)


@contextmanager
def writing(path: Path, pause: Callable[[], None] = lambda: None) -> Iterator[Writer]:
    """A new archive that gets its name only when the block ends without an error, and is then
    durable; `pause` is called after every few kilobytes. Raises OSError."""
    part = path.with_name(f"{path.name}.part")
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive:
                yield Writer(archive, pause)
            file.flush()
            os.fsync(fd)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def extract(path: Path, folder: Path | None) -> Manifest:
    """Write the members of an archive below a new folder (None: nowhere, they are only looked at),
    each checked against the manifest.

    Raises Problem BACKUP_INVALID if anything is missing, superfluous, changed or not a plain file,
    STORE_FAILED if it cannot be read or written.
    """
    members: dict[str, Member] = {}
    try:
        with (
            gzip.open(path) as unpacked,
            tarfile.open(fileobj=_Bounded(unpacked), mode="r:") as archive,  # type: ignore[call-overload]
        ):
            for entry in archive:
                if entry.name == MANIFEST:
                    manifest = _manifest(archive, entry)
                    break
                members[entry.name] = _take(archive, entry, folder, members)
            else:
                _refuse("it has no manifest: it is not complete")
            if archive.next() is not None:
                _refuse("something stands behind its manifest")
            while unpacked.read(PIECE):  # to the checksum at its very end
                pass
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None and path.exists():
            raise Problem("STORE_FAILED", f"{folder or path}: {error.strerror}") from error
        _refuse(str(error) or type(error).__name__)
    listed = {member.name: member for member in manifest.files}
    for name in sorted(listed.keys() | members.keys()):
        if listed.get(name) != members.get(name):
            how = (
                "is missing"
                if name not in members
                else "is not in the manifest"
                if name not in listed
                else "was changed"
            )
            _refuse(f"{name} {how}")
    return manifest


def _manifest(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Manifest:
    source = (
        archive.extractfile(entry) if entry.isreg() and entry.size <= MAX_MANIFEST_BYTES else None
    )
    if source is None:
        _refuse("its manifest is not a file")
    try:
        return Manifest.model_validate_json(source.read())
    except ValidationError as error:
        _refuse(f"its manifest: {explain(error)}")


def _take(
    archive: tarfile.TarFile,
    entry: tarfile.TarInfo,
    folder: Path | None,
    members: dict[str, Member],
) -> Member:
    name = PurePosixPath(entry.name)
    shown = repr(entry.name[:200])
    if (
        not entry.isreg()
        or entry.issparse()
        or name.is_absolute()
        or ".." in name.parts
        or str(name) != entry.name
        or "\0" in entry.name
    ):
        _refuse(f"{shown} is not a plain file below the archive")
    if entry.name in members:
        _refuse(f"{shown} is there twice")
    if name.parts[0] not in ("state", "settings") or len(name.parts) < 2:
        _refuse(f"{shown} is not a file of a backup")
    source = archive.extractfile(entry)
    assert source is not None
    digest, size = hashlib.sha256(), 0
    with nullcontext() if folder is None else _new(folder.joinpath(*name.parts)) as written:
        while piece := source.read(PIECE):
            digest.update(piece)
            size += len(piece)
            if written is not None:
                written.write(piece)
    return Member(name=entry.name, bytes=size, sha256=digest.hexdigest())


def _new(target: Path) -> IO[bytes]:
    target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return open(fd, "wb")  # noqa: PTH123


def _entry(name: str, size: int, at: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, at, 0o600
    return entry


def _refuse(why: str) -> NoReturn:
    raise Problem("BACKUP_INVALID", why[:500])
