"""`secrets new`: random keys and passwords of a site, to print as an environment file, or to write as credentials."""

import argparse
import os
import secrets

from deploy import show
from schemas.override import secrets as secret_keys
from schemas.override import variable
from schemas.store.disk import failed

BYTES = 32
NOT_NEW = ("jwt_old_key",)  # it is the one before


def new(args: argparse.Namespace) -> int:
    """One for each secret of the settings. Files are never overwritten. Raises Problem STORE_FAILED."""
    made = {path: secrets.token_hex(BYTES) for path in secret_keys() if path[-1] not in NOT_NEW}
    if args.folder is None:
        found = {variable(path): secret for path, secret in made.items()}
        if args.json:
            show.document(found)
        else:
            print("".join(f"{name}={secret}\n" for name, secret in found.items()), end="")
        return 0
    written = []
    try:
        args.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, secret in made.items():
            file = args.folder / "_".join(path)
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as opened:  # noqa: PTH123
                opened.write(secret + "\n")
            written.append(str(file))
    except OSError as error:
        raise failed(str(args.folder), error) from error
    finally:
        if args.json:
            show.document(written)
        else:
            print("".join(f"{name}\n" for name in written), end="")
    return 0
