"""Options that several verbs have: which node is meant, and how numbers and pairs are read."""

import argparse
from pathlib import Path

EXITS = "Exit codes: 0 good, 1 failed, 64 usage."


def reach(parser: argparse.ArgumentParser) -> None:
    """Which node is meant."""
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


def whole(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a whole number above 0")
    return int(text)


def seconds(text: str) -> float:
    """A time in seconds. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(
            f"{text!r:.40} is not a number of seconds above 0 and up to 3600"
        )
    return value


def rate(text: str) -> float:
    """How many per second. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value <= 10_000:
        raise argparse.ArgumentTypeError(
            f"{text!r:.40} is not a number a second from 0.001 to 10000"
        )
    return value


def pair(text: str) -> tuple[str, str]:
    """KEY=VALUE. Raises ArgumentTypeError."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not KEY=VALUE")
    return key, value
