"""`safe`: every output line inactive, for when the node has ended and will not start again.

The node's guardian does this itself whenever a node dies; this looks again, from outside (the
unit's ExecStopPost), and is what a person who finds a node down calls. Lines that a running node
holds stay as they are: the kernel gives a line to one only.
"""

import argparse
import os
import sys
from typing import Any

from deploy.cli import show
from node.gpio import make_bank
from schemas import Problem
from schemas.settings.load import load


def safe(args: argparse.Namespace) -> int:
    """Request the output lines of every station, which makes them inactive, and let them go; 1 if
    some could not be requested."""
    settings = load(args.config, os.environ, disk=False, user="nobody").settings
    rows = []
    for station in settings.station:
        bank = make_bank(station.lines)
        row: dict[str, Any] = {
            "station": station.id,
            "lines": sorted(station.lines.roles),
            "simulated": bank.simulated,
            "inactive": True,
        }
        try:
            bank.open()
        except Problem as problem:
            row |= {"inactive": False, "error": problem.code, "message": problem.message}
        finally:
            bank.close()
        rows.append(row)
    if args.json:
        show.document(rows)
    else:
        for row in rows:
            lines = ", ".join(row["lines"]) or "no lines"
            kind = " (simulated)" if row["simulated"] else ""
            told = "inactive" if row["inactive"] else f"{row['error']}: {row['message']}"
            print(
                f"{row['station']}: {lines}{kind}: {told}",
                file=sys.stdout if row["inactive"] else sys.stderr,
            )
    return 0 if all(row["inactive"] for row in rows) else 1
