"""`load`: send triggers at a steady rate, and report what came of each."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from broker.topics import Names
from deploy.cli import addressee, show
from deploy.cli.steady import TriggerOutcome, account, connected, plan, run, template
from schemas import Problem


def load(args: argparse.Namespace) -> int:
    """0 if each was inspected and answered once, within --limit-ms. Raises Problem BROKER_AWAY."""
    settings, node = addressee.reached(args)
    names = Names(settings.base, node)
    stations = list(dict.fromkeys(args.stations))
    payload = template(_given(args.payload))
    due = plan(stations, args.rate, args.seconds)
    link = connected(settings)
    try:
        with _progress(len(due)) as tell:
            parts = run(link, names, due, payload, args.wait, tell)
        ended = link.ended
    finally:
        link.close()
    accounts = [
        account(station, [part for part in parts if part.station == station])
        for station in stations
    ]
    total = account("all", parts)
    slow = args.limit_ms is not None and (
        total.times_ms is None or total.times_ms.p99 > args.limit_ms
    )
    if args.json:
        show.document(
            {
                "good": total.good and not slow,
                "stations": [_plain(each) for each in accounts],
                "all": _plain(total),
            }
        )
    else:
        _print(accounts if len(accounts) == 1 else [*accounts, total], ended)
    return 0 if total.good and not slow else 1


def _given(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("BAD_TRIGGER", f"--payload: {error}") from None


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("triggers", total=total)
        yield lambda done: bar.update(task, completed=done)


def _plain(outcome: TriggerOutcome) -> dict[str, Any]:
    times = {"times_ms": outcome.times_ms, "confirmed_ms": outcome.confirmed_ms}
    return {**outcome._asdict(), **{key: each and each._asdict() for key, each in times.items()}}


def _print(accounts: Sequence[TriggerOutcome], ended: str | None) -> None:
    columns = (
        "station",
        "planned",
        "sent",
        "late",
        "answered",
        "lost",
        "twice",
        "not inspected",
        "verdicts",
    )
    show.table(
        (*columns, "1/s", "p50 ms", "p95 ms", "p99 ms", "worst ms"),
        (
            (
                *(getattr(each, name.replace(" ", "_")) for name in columns[:-1]),
                " ".join(f"{verdict} {count}" for verdict, count in each.verdicts.items()) or None,
                show.number(each.rate),
                *(map(show.number, each.times_ms) if each.times_ms else [None] * 4),
            )
            for each in accounts
        ),
    )
    for each in accounts[-1:]:
        if each.confirmed_ms:
            p50, _, p99, _ = each.confirmed_ms
            print(f"confirmed by the broker: p50 {p50:g} ms, p99 {p99:g} ms")
        if each.codes:
            print("errors: " + ", ".join(f"{code} {count}" for code, count in each.codes.items()))
    if ended:
        show.note(f"the connection ended: {ended}")
    sys.stdout.flush()
