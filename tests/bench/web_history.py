"""Whether a million results make the history slower than a thousand: `python -m
tests.bench.web_history`.

Pages and figures are asked for from both ledgers in turns, through the whole web application
(without sockets), each kind of question `TURNS` times per round; the figure is the ratio of the
p95. Also: what the indexes and counters add to an insert.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from schemas.store.ledger import scripts
from tests.bench.figures import Figure, ratio, share
from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.ledgers import BEGAN, STEP_S, fill, payload

TURNS = 40
BYTES = 1500
PAGES = {
    "no filter": "/results",
    "one station": "/results?station=cam1",
    "NG, 10 a page": "/results?verdict=NG&limit=10",  # a thousand results hold fewer than 50
    "NG of a station, 10 a page": "/results?verdict=NG&station=cam2&limit=10",
    "OK of a program": "/results?verdict=OK&program=bottle-cap",
    "a part": "/results?part_id=SN994",
    "a time": "/results?since=2026-09-21T01:00:00Z&until=2026-09-21T02:00:00Z",
}
FIGURES = {
    "counters since reset": "/stations/cam1/counters",
    "statistics of all": "/statistics",
    "tools of the newest": "/statistics/tools?tool=cap",
}


def measure(results: int = 1_000_000, rounds: int = 3, folder: Path | None = None) -> list[Figure]:
    """The p95 of each question over that many results against a thousand; and what the indexes and
    counters add to an insert."""
    with tempfile.TemporaryDirectory(prefix="bench-history-", dir=folder) as name:
        people = {}
        for size in (1000, results):
            place = Path(name) / str(size)
            (place / "state").mkdir(parents=True)
            fill(place / "state" / "ledger.db", size, bytes_each=BYTES)
            people[size] = Someone(application(place), "VIEWER")
        found = []
        for question, path in PAGES.items():
            p95s = []
            for _ in range(rounds):
                times: dict[int, list[float]] = {size: [] for size in people}
                for _ in range(TURNS):
                    for size, someone in people.items():
                        times[size].append(_timed(someone, path))
                many, few = (share(times[size][3:], 0.95) for size in (results, 1000))
                p95s.append((many, few))
            found.append(
                ratio(
                    f"history p95, {results:,} / 1,000: {question}",
                    p95s,
                    "ms",
                    "<= 1.5",
                    lambda x: x <= 1.5,
                )
            )
        figures = {
            question: min(_timed(people[results], path) for _ in range(3))
            for question, path in FIGURES.items()
        }
        found += [
            Figure(f"{question}, {results:,}", round(ms, 1), "ms", "", None, {})
            for question, ms in figures.items()
        ]
        cost = round(_insert(Path(name)), 3)
        found.append(
            Figure(
                "insert with the history's indexes and counters / without", cost, "x", "", None, {}
            )
        )
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.web_history")
    parser.add_argument("--results", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, help="where the ledgers go (default: the temporary folder)"
    )
    args = parser.parse_args()
    for figure in measure(args.results, args.rounds, args.folder):
        print(f"{figure.name:60}{figure.value:10} {figure.unit:4}{figure.target:8}{figure.detail}")
    return 0


def _timed(someone: Someone, path: str) -> float:
    began = time.perf_counter()
    someone.get(path)
    return (time.perf_counter() - began) * 1000


def _insert(folder: Path, batches: int = 400, each: int = 5) -> float:
    """Median over batches of the time to commit some triggers and results: with indexes and
    counters, divided by that of version 1."""
    databases = []
    for versions in (1, len(scripts())):
        db = sqlite3.connect(folder / f"insert-{versions}.db", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        for script in scripts()[:versions]:
            db.executescript(script)
        databases.append(db)
    times: list[list[float]] = [[], []]
    number = 0
    for _ in range(batches):
        first = number
        for db, took in zip(databases, times, strict=True):
            number = first
            began = time.perf_counter()
            db.execute("BEGIN IMMEDIATE")
            for _ in range(each):
                number += 1
                _one(db, number)
            db.execute("COMMIT")
            took.append(time.perf_counter() - began)
    return statistics.median(times[1]) / statistics.median(times[0])


def _one(db: sqlite3.Connection, n: int) -> None:
    value, at = payload(n, "cam1", n), BEGAN + STEP_S * n
    db.execute(
        "INSERT INTO triggers VALUES (?, 'cam1', ?, x'00', '{}', 0, 'mqtt', ?, 0, 'b')",
        (n, f"t-{n * 7919 % 10_000_019}", at),
    )
    db.execute(
        "INSERT INTO results VALUES (?, ?, 'cam1', ?, ?, NULL, 'bottle-cap', 1, ?, ?, 5.0, 0, ?)",
        (n, value["result_id"], n, value["verdict"], value["part_id"], at, b"x" * BYTES),
    )
    db.execute("INSERT INTO outbox (result) VALUES (?)", (n,))
    db.execute("DELETE FROM outbox WHERE result = ?", (n,))


if __name__ == "__main__":
    sys.exit(main())
