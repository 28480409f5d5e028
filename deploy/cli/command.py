"""The command line `inspection-node`: which subcommands there are, which options each has, and its
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

from deploy.cli.options import EXITS, reach, seconds
from deploy.cli.part_verbs import VERDICTS, load_options, trigger_options
from deploy.cli.program_verbs import challenge_options, programs, teach_options
from deploy.cli.state_verbs import accounts, keeping
from schemas.errors import CATALOGUE, Problem

USAGE = 64
FAILED = 1
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with 64 on wrong usage, and guesses nothing: --password is not
    --password-file."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how the command is used."""
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
    """The node. What it writes is for its own account only."""
    from node.__main__ import main as node

    os.umask(0o077)
    return node(args.config, os.environ)


def _load(action: str) -> Callable[[argparse.Namespace], int]:
    module, _, name = action.partition(":")
    function: Callable[[argparse.Namespace], int] = getattr(import_module(module), name)
    return function


def _parser(argv: list[str]) -> Parser:
    parser = Parser(
        prog="inspection-node",
        description="Vision inspection: MQTT trigger in, verdict out.",
        epilog=EXITS,
    )
    parser.add_argument("--version", action=_Version, help="print the version and end")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        to: Any, name: str, action: str, does: str, *, json: bool = True, **more: Any
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = to.add_parser(
            name, help=does, description=f"{does}.", **{"epilog": EXITS, **more}
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
    trigger_options(
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
    reach(watch)
    told = "Send triggers at a steady rate and tell what came of each"
    load_options(command(commands, "load", "deploy.cli.load:load", told))
    programs(commands, command)
    teach_options(
        command(
            commands,
            "teach",
            "deploy.cli.teach:teach",
            "Learn a tool's model from pictures, as a new version",
        )
    )
    challenge_options(
        command(
            commands,
            "challenge",
            "deploy.cli.challenge:challenge",
            "Draw faults on a program's pictures and list what it misses",
        )
    )
    accounts(commands, command)
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
    reach(doctor)
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
        "--wait", metavar="S", type=seconds, default=60.0, help="how long (default 60 s)"
    )
    well.add_argument(
        "--only", choices=("node", "web"), help="ask this one only, with no more than its secrets"
    )
    well.add_argument(
        "--any-station", action="store_true", help="also if a station takes no triggers"
    )
    reach(well)
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
    keeping(commands, command)
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


def _demo(commands: Any, argv: list[str]) -> None:
    demo = commands.add_parser(
        "demo", help="Try it: broker, node and a synthetic line in one go", epilog=EXITS
    )
    demo.set_defaults(action="deploy.demo.demo:main")
    if argv[:1] == ["demo"]:
        from deploy.demo.demo import add_arguments

        add_arguments(demo)


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


if __name__ == "__main__":
    sys.exit(main())
