"""Master images and models: files named by the hash of their content, so that they never change and
are stored once."""

import hashlib
import re
from pathlib import Path

from schemas.errors import Problem
from schemas.store.disk import failed, locked, replace

MAX_MASTER_BYTES = 32 * 1024 * 1024
MAX_MODEL_BYTES = 16 * 1024 * 1024
STORED_MASTER = re.compile(r"([0-9a-f]{64})\.(png|jpg)")
STORED_MODEL = re.compile(r"([0-9a-f]{64})\.npz")


class Masters:
    """The master images in a folder: `<sha256>.<png|jpg>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Store a picture; returns its name. Raises Problem IMAGE_INVALID, STORE_FAILED."""
        if len(data) > MAX_MASTER_BYTES:
            raise Problem(
                "IMAGE_INVALID", f"the master image is larger than {MAX_MASTER_BYTES >> 20} MiB"
            )
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            ending = "png"
        elif data.startswith(b"\xff\xd8\xff"):
            ending = "jpg"
        else:
            raise Problem("IMAGE_INVALID", "the master image is neither PNG nor JPEG")
        name = f"{hashlib.sha256(data).hexdigest()}.{ending}"
        _put(self._folder, name, data)
        return name

    def get(self, name: str) -> bytes:
        """A stored picture. Raises Problem MASTER_IMAGE_NOT_FOUND, STORE_CORRUPT, STORE_FAILED."""
        match = STORED_MASTER.fullmatch(name)
        if not match:
            raise Problem("MASTER_IMAGE_NOT_FOUND", f"{name} is not a stored master")
        return _verified(self._folder / name, match[1], "MASTER_IMAGE_NOT_FOUND")

    def __contains__(self, name: str) -> bool:
        return bool(STORED_MASTER.fullmatch(name)) and (self._folder / name).is_file()


class Models:
    """What tools were taught, in a folder: `<sha256>.npz`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        """Store a model under the name that its content gives it. Raises Problem MODEL_INVALID,
        STORE_FAILED."""
        if len(data) > MAX_MODEL_BYTES:
            raise Problem("MODEL_INVALID", f"{name} is larger than {MAX_MODEL_BYTES >> 20} MiB")
        if model_name(data) != name:
            raise Problem("MODEL_INVALID", f"{name} is not what its name says")
        _put(self._folder, name, data)

    def get(self, name: str) -> bytes:
        """A stored model. Raises Problem MODEL_NOT_FOUND, STORE_CORRUPT, STORE_FAILED."""
        match = STORED_MODEL.fullmatch(name)
        if not match:
            raise Problem("MODEL_NOT_FOUND", f"{name!r:.80} is not a stored model")
        return _verified(self._folder / name, match[1], "MODEL_NOT_FOUND")

    def __contains__(self, name: str) -> bool:
        return bool(STORED_MODEL.fullmatch(name)) and (self._folder / name).is_file()


def model_name(data: bytes) -> str:
    """The name of a model: the hash of its content."""
    return f"{hashlib.sha256(data).hexdigest()}.npz"


def _put(folder: Path, name: str, data: bytes) -> None:
    """Write a file whose name is the hash of its content, unless it is there. Raises Problem
    STORE_FAILED."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            if not (folder / name).is_file() or (folder / name).read_bytes() != data:
                replace(folder / name, data)
    except OSError as error:
        raise failed(name, error) from error


def _verified(path: Path, digest: str, missing: str) -> bytes:
    """The content of a stored file. Raises Problem(missing), STORE_CORRUPT if it is not what was
    stored."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Problem(missing, path.name) from None
    except OSError as error:
        raise failed(path.name, error) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise Problem("STORE_CORRUPT", f"{path.name} is not what was stored")
    return data
