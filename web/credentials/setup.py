"""The first account without the command line: a token that the start prints, good once, and only
while there is no account."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas import Problem
from schemas.store.disk import failed, locked
from schemas.store.users import Users
from web.credentials.keys import FOLDER, private_folder, write_private
from web.site import Site

FILE = "setup"


def offer(state: Path) -> str | None:
    """A new token to print, None if there are accounts. Only its hash is kept. Raises Problem
    STORE_FAILED."""
    if Users(state / "users").list():
        with suppress(OSError):
            (state / FOLDER / FILE).unlink()
        return None
    token = secrets.token_urlsafe(24)
    folder = private_folder(state / FOLDER)
    try:
        write_private(folder / FILE, _digest(token))
    except OSError as error:
        raise failed(FILE, error) from error
    return token


def check(here: Site, token: str) -> None:
    """Raises Problem SETUP_CLOSED unless it is the token of this start, not used yet, and nobody is
    there."""
    try:
        kept = (here.state / FOLDER / FILE).read_text(encoding="ascii")
    except OSError:
        raise Problem("SETUP_CLOSED") from None
    if not hmac.compare_digest(kept, _digest(token)) or here.users.list():
        raise Problem("SETUP_CLOSED")


@contextmanager
def redeemed(here: Site, token: str) -> Iterator[None]:
    """Use the token for what happens in the block; it is gone afterwards, unless that fails."""
    with locked(here.state / FOLDER / f"{FILE}.lock"):
        check(here, token)
        yield
        with suppress(OSError):  # there is an account now, so it no longer opens anything
            (here.state / FOLDER / FILE).unlink()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
