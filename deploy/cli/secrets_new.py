"""`secrets`: random keys and passwords of a site, to print as an environment file, or to write as
credentials."""

import argparse
import os
import secrets
from pathlib import Path

from deploy.cli import show
from schemas.settings.override import secrets as secret_keys
from schemas.settings.override import variable
from schemas.store.disk import failed
from schemas.store.programs.signature import public_key

BYTES = 32
SIGNING = ("programs", "signing_key")
NOT_NEW = (  # the one before; what `secrets bundle-key` makes; and what somebody else gives
    "jwt_old_key",
    "signing_key",
    "client_secret",
    "sentry_dsn",
)


def new(args: argparse.Namespace) -> int:
    """One for each secret that a site chooses itself. Files are never overwritten. Raises Problem
    STORE_FAILED."""
    made = {
        path: secrets.token_hex(BYTES)
        for path in secret_keys()
        if path[-1] not in NOT_NEW and path[0] != "exports"  # of a target, which is somebody else's
    }
    if args.folder is None:
        values = {variable(path): secret for path, secret in made.items()}
        if args.json:
            show.document(values)
        else:
            print("".join(f"{name}={secret}\n" for name, secret in values.items()), end="")
        return 0
    written = []
    try:
        args.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, secret in made.items():
            file = args.folder / "_".join(path)
            _write(file, secret)
            written.append(str(file))
    except OSError as error:
        raise failed(str(args.folder), error) from error
    finally:
        if args.json:
            show.document(written)
        else:
            print("".join(f"{name}\n" for name in written), end="")
    return 0


def bundle_key(args: argparse.Namespace) -> int:
    """A new key that signs bundles, into a file that is never overwritten; its public half. Raises
    Problem STORE_FAILED."""
    secret = secrets.token_hex(BYTES)
    try:
        _write(args.file, secret)
    except OSError as error:
        raise failed(str(args.file), error) from error
    key = public_key(secret)
    if args.json:
        show.document({"file": str(args.file), "public_key": key})
    else:
        print(
            f"{args.file}: keep it secret; on the node that signs, {variable(SIGNING)}_FILE"
            " names it"
        )
        print(f'elsewhere, in [programs]: trusted_keys = {{ "NAME" = "{key}" }}')
    return 0


def _write(file: Path, secret: str) -> None:
    with open(  # noqa: PTH123
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w"
    ) as opened:
        opened.write(secret + "\n")
