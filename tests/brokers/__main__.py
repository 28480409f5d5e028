"""`python -m tests.brokers`: the same load on every broker that this machine has, and what each
loses, as a table.

`make brokers` runs it; BROKERS="--loops 5 --only nats" for a part of it. A broker that is missing
is named as missing.
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.brokers.kinds import KINDS
from tests.brokers.trial import Outcome, trial

HEAD = """\
| broker | version | node speaks | session | flow | {loops} restarts | {kills} `kill -9` | with Producer and Consumer |
|---|---|---|---|---|---|---|---|"""  # noqa: E501


def main(argv: list[str] | None = None) -> int:
    """0 if the promise held wherever it was tried."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.brokers", description="What each broker loses."
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=list(KINDS),
        help="this one only; may be repeated",
    )
    parser.add_argument(
        "--loops", metavar="N", type=int, default=40, help="restarts of each (default 40)"
    )
    parser.add_argument(
        "--kills", metavar="N", type=int, default=40, help="kills of each (default 40)"
    )
    args = parser.parse_args(argv)
    rows, good = [], True
    for name in args.only or KINDS:
        kind = KINDS[name]
        lacking = kind.missing()
        if lacking is not None:
            print(f"{name}: NOT RUN: {lacking}", file=sys.stderr, flush=True)
            rows.append(f"| {name} | - | not run: {lacking} | | | | | |")
            continue
        try:
            found, held = _tried(name, args.loops, args.kills)
        except Exception as error:  # the next broker is still tried, and the table says so
            traceback.print_exc()
            found, held = (
                (
                    f"| {name} | {kind.version()} | FAILED: {type(error).__name__}:"
                    f" {str(error)[:200]} | | | | | |"
                ),
                False,
            )
        rows.append(found)
        good = good and held
    print(
        "\nPlain ends: triggers lost of those acknowledged / results not heard of those stored /"
        " results heard twice\n"
    )
    print(HEAD.format(loops=args.loops, kills=args.kills), *rows, sep="\n")
    return 0 if good else 1


def _tried(name: str, loops: int, kills: int) -> tuple[str, bool]:
    """A row of the table, and whether the far ends made up for everything that was lost."""
    kind = KINDS[name]
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(
        prefix=f"brokers-{name}-", ignore_cleanup_errors=True
    ) as folder:
        for how, count in (("stop", 0), ("stop", loops), ("kill", kills)):
            began = time.monotonic()
            outcome = trial(
                kind,
                Path(folder) / f"{how}-{count}",
                how,
                count,
                lambda text: print(text, file=sys.stderr),
            )  # type: ignore[arg-type]
            print(
                f"{name}, {count} x {how}: {outcome} in {time.monotonic() - began:.0f} s",
                file=sys.stderr,
                flush=True,
            )
            outcomes.append(outcome)
    held = all(each.ends.triggers == each.ends.results == each.ends.twice == 0 for each in outcomes)
    told = "0 lost, 0 twice" if held else " ; ".join(str(each.ends) for each in outcomes)
    plain = " | ".join(str(each.plain) for each in outcomes)
    first = outcomes[0]
    return (
        (
            f"| {name} | {kind.version()} | MQTT {first.protocol} | {first.session} | {plain} |"
            f" {told} |"
        ),
        held,
    )


if __name__ == "__main__":
    sys.exit(main())
