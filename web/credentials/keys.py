"""The keys that sign tokens: the one in use, and those before it, whose tokens stay valid until
they expire."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from schemas import Problem, Settings
from schemas.settings import SECRET_BYTES
from schemas.settings.override import variable
from schemas.store.disk import failed, locked, refuse_foreign, write_new

FOLDER = "web"
FILE = "jwt.key"


class Keys(NamedTuple):
    """Keys by their id, which stands in the head of a token. The first one signs."""

    first: str
    by_id: dict[str, bytes]

    @property
    def signing(self) -> bytes:
        """The key in use."""
        return self.by_id[self.first]

    def mark(self, purpose: str, text: str) -> str:
        """A keyed hash of a text for one purpose."""
        return hmac.new(self.signing, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()

    def marks(self, purpose: str, text: str) -> list[str]:
        """What mark() says now, and what it said with the keys before."""
        return [
            hmac.new(key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()
            for key in self.by_id.values()
        ]


def keys_of(settings: Settings) -> Keys:
    """The keys of the settings; outside production a random one of the state folder. Raises Problem
    SETTINGS_INVALID."""
    given = settings.web.jwt_key
    if given is not None:
        words = [given.get_secret_value()]
    elif settings.environment == "production":
        name = variable(("web", "jwt_key"))
        raise Problem(
            "SETTINGS_INVALID",
            f"web.jwt_key: missing, which production does not allow; give {name}, {name}_FILE or a"
            f" credential web_jwt_key of {SECRET_BYTES} random bytes or more, as `inspection-node"
            " secrets new` makes them",
        )
    else:
        words = [_kept(Path(settings.state_dir) / FOLDER)]
    if settings.web.jwt_old_key is not None:
        words += settings.web.jwt_old_key.get_secret_value().split(" ")
    by_id = {
        hashlib.sha256(b"key id:" + word.encode()).hexdigest()[:16]: word.encode() for word in words
    }
    return Keys(next(iter(by_id)), by_id)


def private_folder(folder: Path) -> Path:
    """A folder that only its owner can enter. Raises Problem STORE_FAILED."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise failed(str(folder), error) from error
    return folder


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner can read. Raises OSError."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    write_new(new, text.encode())
    new.replace(path)


def _kept(folder: Path) -> str:
    """The random key of a state folder, made when it is first asked for."""
    file = private_folder(folder) / FILE
    for path in (folder, file):
        refuse_foreign(path)
    with locked(folder / f"{FILE}.lock"):
        try:
            if not file.exists():
                write_private(file, secrets.token_hex(SECRET_BYTES))
            key = file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise failed(FILE, error) from error
    if len(key) < SECRET_BYTES:
        raise Problem(
            "STORE_CORRUPT", f"{file} holds no key; remove it, and everybody signs in again"
        )
    return key
