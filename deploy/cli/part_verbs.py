"""The options of the verbs about parts: trigger and load."""

import argparse

from deploy.cli.options import pair, rate, reach, seconds, whole

LOADED = "Exit codes: 0 each trigger was inspected and answered once, 1 not so, 64 usage."
VERDICTS = (
    "Exit codes: 0 OK, 2 NG, 3 ERROR, 1 failed (no broker, no node, no result in time), 64 usage."
)


def trigger_options(parser: argparse.ArgumentParser) -> None:
    """The trigger's own fields, and how long to wait."""
    parser.add_argument("station", metavar="STATION", help="the station")
    parser.add_argument(
        "--program", metavar="ID", help="program for this part; the active one if missing"
    )
    parser.add_argument("--part-id", metavar="TEXT", help="serial number of the part")
    parser.add_argument("--id", metavar="ID", help="id of the trigger; a new one if missing")
    parser.add_argument(
        "--max-age-ms", metavar="MS", type=whole, help="older than this, the part is not inspected"
    )
    parser.add_argument(
        "--meta",
        metavar="KEY=VALUE",
        type=pair,
        action="append",
        default=[],
        help="returned in the result",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=seconds,
        default=10.0,
        help="how long to wait (default 10 s)",
    )
    reach(parser)


def load_options(parser: argparse.ArgumentParser) -> None:
    """How many triggers, how fast, and what is too slow."""
    parser.epilog = LOADED
    parser.add_argument(
        "stations",
        metavar="STATION",
        nargs="+",
        help="the stations; each gets triggers at the rate",
    )
    parser.add_argument(
        "--rate", metavar="N", type=rate, default=10.0, help="triggers a second (default 10)"
    )
    parser.add_argument(
        "--seconds", metavar="S", type=seconds, default=10.0, help="for how long (default 10 s)"
    )
    parser.add_argument(
        "--payload",
        metavar="JSON",
        default="{}",
        help='keys of each trigger, such as \'{"part_id":"P{n}"}\' ({n}: its number), or @FILE',
    )
    parser.add_argument("--limit-ms", metavar="MS", type=whole, help="fail if p99 is above it")
    parser.add_argument(
        "--wait",
        metavar="S",
        type=seconds,
        default=10.0,
        help="for the last results (default 10 s)",
    )
    reach(parser)
