"""`make attack`: these loads against a running demo, one after the other, and how it answers a
bystander meanwhile.

Without --web-port and --metrics-port a demo is started for it.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.serve.serving import more_files
from tests.attack.loads import WEB, Answers, Load, Probe
from tests.attack.metrics import inspections
from tests.rooms.installation.web_process import Web

LIMIT_MS = 500.0
MOVED_MS = 20.0
METRICS = "metrics"
PATHS = ("/health/live", "/app/run")


def main() -> int:
    """0 if every answer came within the limit, and inspections went on as fast beside a flooded
    metrics port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--web-port", type=int, help="of a running demo or site of yours on this machine"
    )
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="how long each load lasts (default 12 s)"
    )
    parser.add_argument("--only", nargs="*", help="names of loads")
    args = parser.parse_args()
    more_files()
    # the attacker is another machine: it must not take the processors of the one it attacks
    os.nice(5)
    chosen = [load for load in WEB if not args.only or load.__name__ in args.only]
    console = Console(width=max(120, Console().width))
    table = Table(title="Attacks, and what somebody else waits meanwhile")
    for title in ("load", "page", "worst ms", "median ms", "answered", "not"):
        table.add_column(title, justify="left" if title in ("load", "page") else "right")
    good = True
    with _site(args.web_port) if chosen else contextlib.nullcontext(0) as port:
        for load in chosen:
            with console.status(load.__name__):
                for path, found in under(load, port, args.seconds).items():
                    held = found.worst_ms <= LIMIT_MS and not found.failed
                    good = good and held
                    colour = "green" if held else "red"
                    table.add_row(
                        (load.__doc__ or "").rstrip("."),
                        path,
                        f"[{colour}]{found.worst_ms:.0f}[/]",
                        f"{found.median_ms:.0f}",
                        str(found.answered),
                        str(found.failed),
                    )
    if chosen:
        console.print(table)
    if args.web_port is None and (not args.only or METRICS in args.only):
        good = _metrics(console, args.seconds) and good
    return 0 if good else 1


def _metrics(console: Console, seconds: float) -> bool:
    """Whether median and p95 of the inspections moved by no more than they may."""
    with console.status(METRICS):
        quiet, flooded, made = inspections(seconds)
    table = Table(
        title=(
            f"{made} connections to the metrics port, and inspections meanwhile, by turns with and"
            " without, in ms"
        )
    )
    for title in ("", "inspections", "median", "p95", "worst"):
        table.add_column(title, justify="right")
    for what, found in (("without", quiet), ("with", flooded)):
        table.add_row(what, str(found.count), *(f"{ms:.1f}" for ms in found[1:]))
    moved = [
        flooded.median_ms - quiet.median_ms,
        flooded.p95_ms - quiet.p95_ms,
        flooded.worst_ms - quiet.worst_ms,
    ]
    table.add_row(
        "moved by", "", *(f"[{'green' if ms <= MOVED_MS else 'red'}]{ms:+.1f}[/]" for ms in moved)
    )
    console.print(table)
    return all(ms <= MOVED_MS for ms in moved[:2])  # one of hundreds may have any cause


def under(load: Load, port: int, seconds: float) -> dict[str, Answers]:
    """How each page answers a bystander while a load runs."""
    import time

    with load(port), contextlib.ExitStack() as stack:
        probes = {
            path: stack.enter_context(Probe(port, path, every_s=0.3 if path == PATHS[0] else 1.0))
            for path in PATHS
        }
        time.sleep(seconds)
    return {path: probe.answers for path, probe in probes.items()}


@contextlib.contextmanager
def _site(port: int | None) -> Iterator[int]:
    if port is not None:
        yield port
        return
    with tempfile.TemporaryDirectory(prefix="attack-") as name:
        environ = {key: os.environ[key] for key in os.environ if key.startswith("GUNICORN")}
        environ["INSPECTION_WEB__REQUESTS_PER_MINUTE"] = "100"  # as it comes
        web = Web(Path(name), **environ)
        try:
            yield web.ready().port
        finally:
            web.end()


if __name__ == "__main__":
    sys.exit(main())
