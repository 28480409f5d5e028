"""The command line `inspection-node`: which subcommands there are, what each can be told, and its
exit code.

Each subcommand is loaded when it is asked for, so that `trigger` does not wait for OpenCV.
"""

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from schemas.errors import CATALOGUE, Problem

USAGE = 64
FAILED = 1
INTERRUPTED = 130
EXITS = "Exit codes: 0 good, 1 failed, 64 usage."


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with 64 on wrong usage, and guesses nothing: --password is not
    --password-file."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is used."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        args = _parser(argv).parse_args(argv)
    except SystemExit as end:  # argparse has said everything
        return int(end.code or 0)
    try:
        code = int(_load(args.action)(args))
        sys.stdout.flush()
        return code
    except Problem as problem:
        advice = CATALOGUE[problem.code].advice
        print(f"inspection-node: {problem.code}: {problem.message}. {advice}.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def run(args: argparse.Namespace) -> int:
    """The node. What it makes is for its own account only."""
    from node.__main__ import main as node

    os.umask(0o077)
    return node(args.config, os.environ)


def _load(action: str) -> Callable[[argparse.Namespace], int]:
    module, _, name = action.partition(":")
    found: Callable[[argparse.Namespace], int] = getattr(import_module(module), name)
    return found


def _parser(argv: list[str]) -> Parser:
    parser = Parser(
        prog="inspection-node",
        description="Vision inspection: MQTT trigger in, verdict out.",
        epilog=EXITS,
    )
    parser.add_argument("--version", action=_Version, help="print the version and end")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        to: Any, name: str, action: str, help: str, *, json: bool = True, **more: Any
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = to.add_parser(
            name, help=help, description=f"{help}.", **{"epilog": EXITS, **more}
        )
        made.set_defaults(action=action)
        made.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="settings file (else $CONFIG_PATH, else ./node.toml)",
        )
        if json:
            made.add_argument("--json", action="store_true", help="print JSON")
        return made

    command(commands, "run", "deploy.cli.command:run", "Run the node", json=False)
    command(
        commands,
        "web",
        "deploy.serve.serving:web",
        "Run the web application (Gunicorn)",
        json=False,
    )
    _demo(commands, argv)
    _trigger(
        command(
            commands,
            "trigger",
            "deploy.cli.triggering:trigger",
            "Inspect one part and wait for its result",
            epilog=VERDICTS,
        )
    )
    watch = command(
        commands,
        "watch",
        "deploy.cli.watching:watch",
        "Follow results, events, alarms and states until Ctrl-C",
    )
    watch.add_argument("--station", metavar="ID", help="this station only")
    _reach(watch)
    told = "Send triggers at a steady rate and tell what came of each"
    _load_test(command(commands, "load", "deploy.cli.load:load", told))
    _program(commands, command)
    _teach(
        command(
            commands,
            "teach",
            "deploy.cli.teach:teach",
            "Learn a tool's model from pictures, as a new version",
        )
    )
    _challenge(
        command(
            commands,
            "challenge",
            "deploy.cli.challenge:challenge",
            "Draw faults on a program's pictures and list what it misses",
        )
    )
    _user(commands, command)
    secrets = commands.add_parser(
        "secrets", help="Make keys and passwords", description="Make keys and passwords."
    )
    making = secrets.add_subparsers(metavar="ACTION", required=True)
    new = making.add_parser(
        "new",
        help="Print new random keys and passwords",
        description="Print new random keys and passwords.",
        epilog=EXITS,
    )
    new.set_defaults(action="deploy.cli.secrets_new:new")
    new.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="write each into a file of its own there (CREDENTIALS_DIRECTORY), printing none",
    )
    new.add_argument("--json", action="store_true", help="print JSON")
    signing = making.add_parser(
        "bundle-key",
        help="Make a key that signs program bundles",
        description="Make a key that signs program bundles.",
        epilog=EXITS,
    )
    signing.set_defaults(action="deploy.cli.secrets_new:bundle_key")
    signing.add_argument(
        "file", metavar="FILE", type=Path, help="where to write it; its public half is printed"
    )
    signing.add_argument("--json", action="store_true", help="print JSON")
    doctor = command(
        commands,
        "doctor",
        "deploy.cli.doctor:doctor",
        "Check everything the node needs, and say what to do",
    )
    _reach(doctor)
    command(
        commands,
        "safe",
        "deploy.cli.safe:safe",
        "Make every output line inactive, for a node that is down",
    )
    well = command(
        commands,
        "healthy",
        "deploy.cli.healthy:healthy",
        "Wait until node and web of this version do their work",
    )
    well.add_argument(
        "--wait", metavar="S", type=_seconds, default=60.0, help="how long (default 60 s)"
    )
    well.add_argument(
        "--any-station", action="store_true", help="also if a station takes no triggers"
    )
    _reach(well)
    pack = commands.add_parser(
        "bundle",
        help="Pack this version with all it needs, for a box without a registry",
        epilog=EXITS,
    )
    pack.set_defaults(action="deploy.cli.bundle:bundle")
    pack.add_argument("output", type=Path, metavar="FILE", help="the archive to write (.tar.gz)")
    pack.add_argument(
        "--source", type=Path, metavar="DIR", help="the source tree (default: that of this command)"
    )
    pack.add_argument("--json", action="store_true", help="print JSON")
    _keeping(commands, command)
    begin = commands.add_parser(
        "new", help="Begin something new in the source tree", description="Begin something new."
    )
    begun = begin.add_subparsers(metavar="WHAT", required=True)
    kind = begun.add_parser(
        "tool",
        help="Write the three files of a new kind of tool",
        description="Write the three files of a new tool.",
        epilog=EXITS,
    )
    kind.set_defaults(action="deploy.cli.new_tool:new")
    kind.add_argument("name", metavar="NAME", help="its kind, such as thread_count")
    kind.add_argument(
        "--source", type=Path, metavar="DIR", help="the source tree (default: that of this command)"
    )
    shapes = commands.add_parser(
        "schemas", help="Print the JSON Schemas", description="Print the JSON Schemas."
    )
    shapes.set_defaults(action="deploy.cli.shapes:shapes")
    shapes.add_argument(
        "name", nargs="?", metavar="NAME", help="print this one; without it, list their names"
    )
    shapes.add_argument("--json", action="store_true", help="print JSON")
    return parser


LOADED = "Exit codes: 0 each trigger was inspected and answered once, 1 not so, 64 usage."
VERDICTS = (
    "Exit codes: 0 OK, 2 NG, 3 ERROR, 1 failed (no broker, no node, no result in time), 64 usage."
)


def _demo(commands: Any, argv: list[str]) -> None:
    demo = commands.add_parser(
        "demo", help="Try it: broker, node and a synthetic line in one go", epilog=EXITS
    )
    demo.set_defaults(action="deploy.demo.demo:main")
    if argv[:1] == ["demo"]:
        from deploy.demo.demo import add_arguments

        add_arguments(demo)


def _reach(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which node (instead of a settings file, or over it)")
    group.add_argument("--broker", metavar="URL", help="mqtt://HOST:PORT or mqtts://HOST:PORT")
    group.add_argument("--node", metavar="ID", help="id of the node")
    group.add_argument(
        "--base", metavar="BASE", help="what every topic begins with (default inspection/v1)"
    )
    group.add_argument(
        "--username",
        metavar="NAME",
        help="user at the broker; the password: $INSPECTION_BROKER__PASSWORD",
    )
    group.add_argument(
        "--password-file", metavar="FILE", type=Path, help="file with that user's password"
    )
    group.add_argument(
        "--ca-file",
        metavar="FILE",
        type=Path,
        help="certificates of the authorities to trust, for mqtts://",
    )


def _trigger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", metavar="STATION", help="the station")
    parser.add_argument(
        "--program", metavar="ID", help="program for this part; the active one if missing"
    )
    parser.add_argument("--part-id", metavar="TEXT", help="serial number of the part")
    parser.add_argument("--id", metavar="ID", help="id of the trigger; a new one if missing")
    parser.add_argument(
        "--max-age-ms", metavar="MS", type=_whole, help="older than this, the part is not inspected"
    )
    parser.add_argument(
        "--meta",
        metavar="KEY=VALUE",
        type=_pair,
        action="append",
        default=[],
        help="returned in the result",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=10.0,
        help="how long to wait (default 10 s)",
    )
    _reach(parser)


def _load_test(parser: argparse.ArgumentParser) -> None:
    parser.epilog = LOADED
    parser.add_argument(
        "stations",
        metavar="STATION",
        nargs="+",
        help="the stations; each gets triggers at the rate",
    )
    parser.add_argument(
        "--rate", metavar="N", type=_rate, default=10.0, help="triggers a second (default 10)"
    )
    parser.add_argument(
        "--seconds", metavar="S", type=_seconds, default=10.0, help="for how long (default 10 s)"
    )
    parser.add_argument(
        "--payload",
        metavar="JSON",
        default="{}",
        help='keys of each trigger, such as \'{"part_id":"P{n}"}\' ({n}: its number), or @FILE',
    )
    parser.add_argument("--limit-ms", metavar="MS", type=_whole, help="fail if p99 is above it")
    parser.add_argument(
        "--wait",
        metavar="S",
        type=_seconds,
        default=10.0,
        help="for the last results (default 10 s)",
    )
    _reach(parser)


def _program(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
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
            "--version", metavar="N", type=_whole, help="this version; the newest if missing"
        )
    one["export"].add_argument(
        "--output", metavar="FILE", help="where to (default ID-vN.zip, - is standard output)"
    )
    one["rollback"].add_argument("version", metavar="VERSION", type=_whole, help="the old version")
    one["diff"].add_argument("a", metavar="A", type=_whole, help="the older version")
    one["diff"].add_argument("b", metavar="B", type=_whole, help="the newer version")
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
        type=_seconds,
        default=10.0,
        help="how long to wait for the node (default 10 s)",
    )


def _teach(parser: argparse.ArgumentParser) -> None:
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


def _challenge(parser: argparse.ArgumentParser) -> None:
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


def _user(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
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


def _keeping(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
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
        type=_whole,
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
    command(
        commands,
        "migrate",
        "deploy.cli.restore:migrate",
        "Bring the stores to this version, a copy of the old ones beside them",
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


class _Version(argparse.Action):
    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "nargs": 0})

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(version("inspection-node"))
        except PackageNotFoundError:
            parser.exit(FAILED, "inspection-node is not installed, so it has no version\n")
        parser.exit()


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(
            f"{text!r:.40} is not a number of seconds above 0 and up to 3600"
        )
    return value


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value <= 10_000:
        raise argparse.ArgumentTypeError(
            f"{text!r:.40} is not a number a second from 0.001 to 10000"
        )
    return value


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not KEY=VALUE")
    return key, value


if __name__ == "__main__":
    sys.exit(main())
