"""A program as one .zip: `program.json`, its pictures and its models. Nothing that archives from
outside claim is believed."""

import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NoReturn

from schemas.errors import Problem

DOCUMENT = "program.json"
SIGNATURE = "signature.json"  # schemas/store/programs/signature.py
MAX_ENTRIES = 64
MAX_BYTES = 64 * 1024 * 1024
MAX_RATIO = 100
# zipfile makes an object of every entry that the directory holds, before we can count them
DIRECTORY_BYTES = 256 * 1024
PIECE_BYTES = 64 * 1024
FREE_BYTES = 64 * 1024  # below this an entry may be as compressible as it likes
LONG_AGO = (1980, 1, 1, 0, 0, 0)
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def written(document: dict[str, Any]) -> bytes:
    """A program's document as it lies in a bundle."""
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def zipped(document: bytes, files: Mapping[str, bytes]) -> bytes:
    """The bundle of these members; the same bytes for the same content, on every machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [(DOCUMENT, document), *sorted(files.items())]:
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """`program.json` and the files beside it by name. Nothing is written. Raises Problem
    PROGRAM_INVALID."""
    if len(data) > MAX_BYTES:
        _refuse(f"it is larger than {MAX_BYTES >> 20} MiB")
    check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = _checked(archive.infolist())
            contents = {name: _inflated(archive, entry) for name, entry in files.items()}
    except BROKEN as error:
        _refuse(f"it cannot be read ({error})")
    documents = [name for name in contents if PurePosixPath(name).name == DOCUMENT]
    if len(documents) != 1:
        _refuse(f"it holds {len(documents)} files {DOCUMENT}")
    folder = PurePosixPath(documents[0]).parent
    paths = {PurePosixPath(name): content for name, content in contents.items()}
    if len(paths) != len(contents):
        # ./a and a: nobody can guess which of them counts
        _refuse("two of its names are one file")
    beside = {path.name: content for path, content in paths.items() if path.parent == folder}
    return beside.pop(DOCUMENT), beside


def check_directory(data: bytes) -> None:
    """Refuse a directory that is larger than that of any bundle, before anything is made of it.

    Raises Problem PROGRAM_INVALID.
    """
    at = data.rfind(b"PK\5\6")
    if at < 0 or at + 22 > len(data):
        _refuse("it cannot be read (it is no zip)")
    if struct.unpack_from("<L", data, at + 12)[0] > DIRECTORY_BYTES or data[
        max(0, at - 20) : at
    ].startswith(b"PK\6\7"):
        _refuse(f"its directory is larger than {DIRECTORY_BYTES >> 10} KiB")


def _inflated(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """An entry, in pieces: it may hold far more than its size says, and zipfile inflates as much as
    it is asked for."""
    pieces, left = [], entry.file_size
    with archive.open(entry) as file:
        while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
            pieces.append(piece)
            left -= len(piece)
        if left > 0 or file.read(1):
            _refuse(f"{entry.orig_filename[:80]!r} has not the size it says")
    return b"".join(pieces)


def _checked(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    files: dict[str, zipfile.ZipInfo] = {}
    if len(entries) > MAX_ENTRIES:
        _refuse(f"it has {len(entries)} entries, more than {MAX_ENTRIES}")
    for entry in entries:
        name, shown = entry.orig_filename, repr(entry.orig_filename[:80])
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if (
            name.startswith("/")
            or "\\" in name
            or "\0" in name
            or ":" in name
            or ".." in PurePosixPath(name).parts
        ):
            _refuse(f"the name {shown} leaves the archive")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            _refuse(f"{shown} is a link or a device")
        if entry.flag_bits & 1:
            _refuse(f"{shown} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _refuse(f"{shown} is compressed in another way than deflate")
        if entry.file_size > max(FREE_BYTES, MAX_RATIO * entry.compress_size):
            _refuse(f"{shown} unpacks to more than {MAX_RATIO} times its size")
        if entry.is_dir():
            continue
        if name in files:
            _refuse(f"{shown} is there twice")
        files[name] = entry
    if sum(entry.file_size for entry in files.values()) > MAX_BYTES:
        _refuse(f"it unpacks to more than {MAX_BYTES >> 20} MiB")
    return files


def _refuse(reason: str) -> NoReturn:
    raise Problem("PROGRAM_INVALID", f"the archive is refused: {reason}")
