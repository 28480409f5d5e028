"""Which node a subcommand is about: from the settings, or from the command line alone."""

import argparse
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas import Problem
from schemas.base import NODE_ID, explain
from schemas.settings import BrokerSettings
from schemas.settings.load import Loaded, load
from schemas.store.disk import is_shared, private_umask

if TYPE_CHECKING:
    from broker.client import Client

SECRET = "INSPECTION_BROKER__PASSWORD"


def loaded(args: argparse.Namespace) -> Loaded:
    """The settings, for a subcommand that works on the state folder. Raises Problem
    SETTINGS_INVALID."""
    return load(args.config, os.environ)


def reached(args: argparse.Namespace, *, as_node: bool = False) -> tuple[BrokerSettings, str]:
    """Broker and node id; without --broker both come from the settings. Raises Problem
    SETTINGS_INVALID.

    as_node: with the node's own user, which may not trigger or command the node; else as the web's
    user, where there is one.
    """
    values: dict[str, Any] = {}
    node = "node-01"
    if args.broker is None or args.config is not None:
        settings = load(args.config, os.environ, disk=False).settings
        broker = settings.broker if as_node else settings.asking
        values = {key: getattr(broker, key) for key in broker.model_fields_set}
        node = settings.node_id
    if args.username not in (None, values.get("username")):
        values.pop("password", None)  # it belongs to somebody else
    given = {"url": args.broker, "base": args.base, "username": args.username}
    values |= {key: value for key, value in given.items() if value is not None}
    if args.ca_file is not None:
        values["ca_file"] = str(args.ca_file.absolute())
    if args.password_file is not None:
        values["password"] = _read(args.password_file, "--password-file")
    elif (
        values.get("username") is not None
        and "password" not in values
        and (password := _password()) is not None
    ):
        values["password"] = password
    node = args.node or node
    try:
        chosen = BrokerSettings.model_validate(values)
    except ValidationError as error:
        raise Problem("SETTINGS_INVALID", explain(error)) from None
    if not re.fullmatch(NODE_ID, node):
        raise Problem("SETTINGS_INVALID", f"node: {node!r:.80} is not a node id")
    return chosen, node


def client(args: argparse.Namespace) -> "Client":
    """A client for that node, not yet connected."""
    from broker.client import Client

    return Client(*reached(args))


@contextmanager
def owner(state: Path) -> Iterator[None]:
    """Act as the owner of the state folder while root runs this, so that node and web can read and
    write what is made here."""
    status = state.stat()
    umask = os.umask(private_umask(state))
    as_root = os.geteuid() == 0 and status.st_uid != 0
    group = os.getegid()
    try:
        if as_root:
            try:
                os.setegid(status.st_gid)
                os.seteuid(status.st_uid)
            except PermissionError:  # a unit that may not change accounts: the group is inherited
                if not is_shared(state):
                    raise
                os.setegid(group)
                as_root = False
        yield
    finally:
        if as_root:
            os.seteuid(0)
            os.setegid(group)
        os.umask(umask)


def _password() -> str | None:
    if (name := os.environ.get(f"{SECRET}_FILE")) is not None:
        return _read(Path(name), f"{SECRET}_FILE")
    return os.environ.get(SECRET)


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("SETTINGS_INVALID", f"{what}: {error}") from None
