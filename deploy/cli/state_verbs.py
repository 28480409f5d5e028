"""The options of the verbs about the state: user, and how the state is kept and restored."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.cli.options import seconds, whole


def accounts(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`user` with its actions."""
    group = commands.add_parser("user", help="Manage accounts", description="Manage accounts.")
    below = group.add_subparsers(metavar="ACTION", required=True)
    at = "deploy.cli.users:"
    command(below, "list", at + "list_", "List the accounts")
    add = command(below, "add", at + "add", "Add an account; the first one is an administrator")
    role = command(below, "role", at + "role", "Give an account another role")
    passwd = command(below, "passwd", at + "passwd", "Give an account another password")
    disable = command(below, "disable", at + "disable", "Refuse an account to sign in")
    enable = command(below, "enable", at + "enable", "Let an account sign in again")
    unlock = command(
        below,
        "unlock",
        at + "unlock",
        "Forget failed attempts to sign in, of an account and of all addresses",
    )
    for parser in (add, role, passwd, disable, enable, unlock):
        parser.add_argument("user", metavar="NAME", help="the user name")
    roles = ("ADMIN", "OPERATOR", "VIEWER")
    add.add_argument("--role", choices=roles, help="default VIEWER; ADMIN for the first account")
    add.add_argument("--name", metavar="TEXT", help="name for people; the user name if missing")
    role.add_argument("role", choices=roles, help="ADMIN edits, OPERATOR runs, VIEWER sees")
    for parser in (add, passwd):
        parser.add_argument(
            "--password-file",
            type=Path,
            metavar="FILE",
            help="file with the password; else it is asked for, or read from a pipe",
        )


def keeping(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`backup`, `restore`, `migrate` and `wipe`."""
    keep = command(
        commands,
        "backup",
        "deploy.cli.backup:backup",
        "Write the state of the node to one file, while it runs",
    )
    keep.add_argument(
        "output",
        metavar="TO",
        type=Path,
        help="a file, or a folder in which the file gets a name with the time",
    )
    keep.add_argument(
        "--pictures",
        choices=("none", "ng", "all"),
        default="none",
        help="pictures of parts, too (default none; ng: of bad parts)",
    )
    keep.add_argument(
        "--keep-days",
        metavar="N",
        type=whole,
        default=30,
        help="remove older backups of this node in the folder (default 30)",
    )
    take = command(
        commands,
        "restore",
        "deploy.cli.restore:restore",
        "Put the state of a backup in place of the state folder",
    )
    take.add_argument("file", metavar="FILE", type=Path, help="the backup")
    take.add_argument(
        "--other-node",
        action="store_true",
        help="also if it is the backup of a node with another id",
    )
    bring = command(
        commands,
        "migrate",
        "deploy.cli.restore:migrate",
        "Bring the stores to this version, a copy of the old ones beside them",
    )
    bring.add_argument(
        "--wait",
        metavar="S",
        type=seconds,
        default=0.0,
        help="until node and web have ended (default 0 s)",
    )
    bring.add_argument(
        "--while",
        dest="of",
        metavar="PID",
        type=whole,
        help="and only as long as this process runs, which wants it",
    )
    gone = command(
        commands,
        "wipe",
        "deploy.cli.wipe:wipe",
        "Remove all that the node has stored on this machine, for good",
    )
    gone.add_argument(
        "--yes", action="store_true", help="do not ask; else the node's id has to be typed"
    )
