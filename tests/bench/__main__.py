"""`python -m tests.bench`: speed as ratios measured side by side, accuracy and time of every tool,
as tables and JSON.

Absolute times say more about the machine than about the node, so each figure is the median over
rounds of a ratio whose two sides took turns. Nothing here fails: a target that is missed is printed
as missed.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.demo.broker_process import start_broker
from tests.bench import (
    defaults,
    demo_overhead,
    hall,
    history,
    history_page,
    keeping,
    latency,
    memory,
    run_page,
    start,
    throughput,
    trying,
    web_history,
    web_serving,
    workers,
)
from tests.bench.figures import Figure
from tests.bench.machine import facts
from tests.bench.site import Site
from tests.bench.vision import table as tools_table

MEASUREMENTS: dict[str, Callable[[Site, argparse.Namespace], list[Figure]]] = {
    "latency": lambda site, args: latency.measure(site, args.rounds),
    "defaults": lambda site, args: defaults.measure(site, args.rounds),
    "demo overhead": lambda site, args: demo_overhead.measure(site, args.rounds),
    "throughput": lambda site, args: throughput.measure(site, args.rounds),
    "workers": lambda site, args: workers.measure(site, args.rounds, args.worker),
    "history": lambda site, args: history.measure(site, args.rounds),
    "backup": lambda site, args: keeping.measure(site, args.rounds),
    "exports": lambda site, args: keeping.exports(site, args.rounds),
    "memory": lambda site, args: memory.measure(site, 20_000 if args.full else 6_000),
    "start": lambda site, args: start.measure(site, args.rounds),
    "web": lambda site, args: web_serving.measure(args.rounds),
    "run page": lambda site, args: (
        run_page.measure(site, min(args.rounds, 2)) if run_page.chromium() else []
    ),
    "hall": lambda site, args: (
        hall.measure(site, min(args.rounds, 2)) if run_page.chromium() else []
    ),
    "two stations": lambda site, args: (
        hall.measure(site, min(args.rounds, 2), stations=hall.FEW) if run_page.chromium() else []
    ),
    "history page": lambda site, _: history_page.measure(site) if run_page.chromium() else [],
    "trying": lambda site, args: trying.measure(site, args.rounds),
    "web history": lambda site, args: web_history.measure(rounds=args.rounds, folder=args.folder),
}


def main() -> int:
    """Measure and print; 0 if it ran to the end."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure the node's speed and its tools."
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=[*MEASUREMENTS, "tools", *tools_table.TOPICS],
        help="this one only; `tools` is all of " + ", ".join(tools_table.TOPICS),
    )
    parser.add_argument(
        "--rounds", metavar="N", type=int, default=5, help="rounds of each ratio (default 5)"
    )
    parser.add_argument(
        "--worker",
        choices=("process", "thread"),
        help="how stations work in `workers` (default: the node's own)",
    )
    parser.add_argument(
        "--full", action="store_true", help="20,000 inspections for the memory instead of 6,000"
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=Path,
        default=Path("bench-results.json"),
        help="where the JSON goes",
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        help="on which disk to measure (default: the temporary folder)",
    )
    parser.add_argument(
        "--data", metavar="DIR", type=Path, default=os.environ.get("DATA") or None,
        help="real pictures with ground truth for the tools (default: the environment's DATA, else the small ones that ship)",  # noqa: E501
    )  # fmt: skip
    args = parser.parse_args()
    chosen = args.only or [*MEASUREMENTS, "tools"]
    console = Console()
    figures: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.folder) as name:
        machine = facts(Path(name))
        console.print(", ".join(f"{key} {value}" for key, value in machine.items()))
        for what, measure in MEASUREMENTS.items():
            if what not in chosen:
                continue
            with console.status(what):
                broker = start_broker(Path(name) / what / "broker")
                try:
                    figures[what] = measure(Site(Path(name) / what, broker), args)
                finally:
                    broker.stop()
        machine["load after"] = round(os.getloadavg()[0], 2)
    rows = [(what, figure) for what, found in figures.items() for figure in found]
    if rows:
        console.print(
            f"load after {machine['load after']}; much more than 1 is somebody else's, and widens"
            " the ratios"
        )
        console.print(table([figure for _, figure in rows]))
    tools = []
    topics = [name for name in tools_table.TOPICS if "tools" in chosen or name in chosen]
    if topics:
        if args.data is not None and not args.data.is_dir():
            parser.error(f"there is no folder {args.data}")
        with console.status("tools") as status:
            tools = list(
                tools_table.rows(args.data, lambda topic: status.update(f"tools: {topic}"), topics)
            )
        (console if console.is_terminal else Console(width=180)).print(tools_table.table(tools))
    found = {
        "machine": machine,
        "figures": [{"measurement": w, **f._asdict()} for w, f in rows],
        "tools": [row._asdict() for row in tools],
    }
    args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def table(figures: list[Figure]) -> Table:
    """The figures with their targets."""
    made = Table(title="Speed")
    for title, justify in (
        ("figure", "left"),
        ("value", "right"),
        ("target", "right"),
        ("met", "left"),
        ("behind it", "left"),
    ):
        made.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for figure in figures:
        met = "" if figure.met is None else "[green]met[/]" if figure.met else "[red]not met[/]"
        detail = "\n".join(f"{key}: {value}" for key, value in figure.detail.items())
        made.add_row(figure.name, f"{figure.value:g} {figure.unit}", figure.target, met, detail)
    return made


if __name__ == "__main__":
    sys.exit(main())
