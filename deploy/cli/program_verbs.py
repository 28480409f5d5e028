"""The options of the verbs about programs: program, teach and challenge."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.cli.options import seconds, whole


def programs(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`program` with its actions."""
    group = commands.add_parser("program", help="Manage programs", description="Manage programs.")
    below = group.add_subparsers(metavar="ACTION", required=True)
    at = "deploy.cli.programs:"
    command(below, "list", at + "list_", "List the programs")
    one = {
        "show": command(below, "show", at + "show_", "Show a program"),
        "export": command(below, "export", at + "export", "Write a program as a .zip bundle"),
        "rollback": command(below, "rollback", at + "rollback", "Make an old version the newest"),
        "diff": command(below, "diff", at + "diff", "Show what changed between two versions"),
        "delete": command(
            below,
            "delete",
            at + "delete",
            "Delete a program; its versions stay, and rollback brings it back",
        ),
    }
    for parser in one.values():
        parser.add_argument("id", metavar="ID", help="the program")
    for name in ("show", "export"):
        one[name].add_argument(
            "--version", metavar="N", type=whole, help="this version; the newest if missing"
        )
    one["export"].add_argument(
        "--output", metavar="FILE", help="where to (default ID-vN.zip, - is standard output)"
    )
    one["rollback"].add_argument("version", metavar="VERSION", type=whole, help="the old version")
    one["diff"].add_argument("a", metavar="A", type=whole, help="the older version")
    one["diff"].add_argument("b", metavar="B", type=whole, help="the newer version")
    take = command(
        below, "import", at + "import_", "Check programs with their pictures and store them"
    )
    take.add_argument(
        "files",
        metavar="FILE",
        type=Path,
        nargs="+",
        help="a program as JSON (its master beside it) or a .zip",
    )
    use = command(below, "activate", at + "activate", "Make a program the active one of a station")
    use.add_argument("station", metavar="STATION", help="the station")
    use.add_argument("id", metavar="ID", help="the program")
    use.add_argument(
        "--timeout",
        metavar="S",
        type=seconds,
        default=10.0,
        help="how long to wait for the node (default 10 s)",
    )


def teach_options(parser: argparse.ArgumentParser) -> None:
    """Which tool is taught from which pictures."""
    parser.add_argument("program", metavar="PROGRAM", help="the program")
    parser.add_argument(
        "tool",
        metavar="TOOL",
        help="name of its tool: learned, classify or difference; locator: its pattern",
    )
    parser.add_argument(
        "good",
        metavar="GOOD",
        type=Path,
        nargs="?",
        help="folder of pictures of good parts, or one picture",
    )
    labelled = parser.add_mutually_exclusive_group()
    labelled.add_argument(
        "--bad", metavar="FOLDER", type=Path, help="pictures of bad parts, for a better threshold"
    )
    labelled.add_argument(
        "--classes",
        metavar="FOLDER",
        type=Path,
        help="for classify: a folder with a folder for each class",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="add to what was taught before, instead of beginning anew",
    )
    parser.add_argument(
        "--confirm",
        metavar="NAME",
        action="append",
        default=[],
        help="this picture is good, though it is unlike the others",
    )


def challenge_options(parser: argparse.ArgumentParser) -> None:
    """Which program is challenged, and how."""
    parser.add_argument("program", metavar="PROGRAM", help="the program")
    parser.add_argument(
        "good",
        metavar="GOOD",
        type=Path,
        nargs="?",
        help="folder of good pictures (default: the master)",
    )
    parser.add_argument(
        "--pictures", metavar="DIR", type=Path, help="write the picture of each missed fault there"
    )
