"""`make load`: Locust against the web over a thousand results, at the rates that two guides ask
for.

Locust has an environment of its own (.venv/locust), as it brings a Flask and a gevent of its own.
LOAD="--url URL" loads a web of your own, with WEB_USER and WEB_PASSWORD; --users and --rate say
how. LOAD="--wrk" has Debian's wrk ask the same as fast as a web of ours answers.
"""

import argparse
import contextlib
import csv
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from deploy.serve.serving import more_files
from tests.load import wrk
from tests.rooms.installation.processes import ROOT
from tests.rooms.installation.web_process import Web
from tests.rooms.promise.ledgers import fill

LOCUST = "locust==2.47.0"
ENVIRONMENT = ROOT / ".venv" / "locust"


class Aim(NamedTuple):
    """What a guide asks for: a number of users, who together make a number of requests per
    second."""

    name: str
    users: int
    rate: float
    worker: str = "gthread"


AIMS = (
    Aim("G2: 10 to 50 requests/s", 50, 50),
    Aim("G0: 1000+ connections", 1000, 200),
    Aim("G0: 1000+ connections, gevent", 1000, 200, "gevent"),
    Aim("G0: 1000+ requests/s", 1000, 1000),
)


FASTEST = (
    Aim("as fast as it answers", 64, math.inf),
    Aim("G0: 1000+ connections", 1000, math.inf),
)


class Seen(NamedTuple):
    """What was counted: requests, failures, requests per second, and times in ms."""

    requests: float
    failures: float
    rate: float
    p50: float
    p95: float
    p99: float


def installed() -> Path:
    """Locust's command, which is installed first."""
    command = ENVIRONMENT / "bin" / "locust"
    if not command.exists():
        print(f"installing {LOCUST} into {ENVIRONMENT} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        pip = [str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", LOCUST]
        subprocess.run(pip, check=True, timeout=600)
    return command


def run(locust: Path, aim: Aim, seconds: int, url: str, environ: dict[str, str]) -> Seen:
    """Load a web. Raises RuntimeError with what Locust says if it counted nothing."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        words = ["-f", str(ROOT / "tests/load/locustfile.py"), "--headless", "--only-summary"]
        words += ["--users", str(aim.users), "--spawn-rate", str(max(10, aim.users // 4))]
        words += ["--run-time", f"{seconds}s", "--reset-stats", "--host", url]
        words += ["--csv", f"{folder}/found", "--exit-code-on-error", "0"]
        given = {**os.environ, **environ, "WAIT_S": str(aim.users / aim.rate)}
        done = subprocess.run(
            [str(locust), *words], check=False, capture_output=True, text=True, env=given,
            timeout=seconds + 120,
        )  # fmt: skip
        try:
            with Path(folder, "found_stats.csv").open() as file:
                (row,) = [each for each in csv.DictReader(file) if each["Name"] == "Aggregated"]
        except (OSError, ValueError):
            raise RuntimeError(done.stderr[-1500:]) from None
    counted = int(row["Request Count"]), int(row["Failure Count"])
    times = (float(row[name]) for name in ("50%", "95%", "99%"))
    return Seen(*counted, float(row["Requests/s"]), *times)


@contextlib.contextmanager
def site(folder: Path, worker: str) -> Iterator[tuple[str, str]]:
    """The address of a web over a thousand results, and a token."""
    (folder / "state").mkdir(parents=True)
    fill(folder / "state" / "ledger.db", 1000)
    web = Web(folder, GUNICORN_WORKER_CLASS=worker, INSPECTION_WEB__PROXY_HOPS="1")
    try:
        token = web.ready().sign_in()
        yield f"http://127.0.0.1:{web.port}", token
    finally:
        web.end()


def main() -> int:
    """0 if no request failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, metavar="S", help="each (default 30 s)")
    parser.add_argument("--url", metavar="URL", help="of a web that runs, instead of one of ours")
    parser.add_argument("--users", type=int, metavar="N", help="with --rate: this instead")
    parser.add_argument("--rate", type=float, metavar="N", default=50.0, help="requests a second")
    parser.add_argument("--wrk", action="store_true", help="as fast as a web of ours answers")
    args = parser.parse_args()
    if args.wrk and shutil.which("wrk") is None:
        print("make load: apt-get install wrk", file=sys.stderr)
        return 1
    more_files()
    locust = None if args.wrk else installed()
    aims = FASTEST if args.wrk else AIMS
    if args.users:
        aims = (Aim("asked for", args.users, args.rate),)
    table = Table(title=f"The web under {'wrk' if args.wrk else 'Locust'}")
    for title in (
        "what",
        "users",
        "asked 1/s",
        "worker",
        "1/s",
        "requests",
        "failed",
        "ms p50, p95, p99",
    ):
        table.add_column(title)
    good = True
    for aim in aims:
        with (
            tempfile.TemporaryDirectory(prefix="load-web-") as name,
            contextlib.ExitStack() as stack,
        ):
            environ = {}
            url = args.url
            if url is None or locust is None:
                url, environ["WEB_TOKEN"] = stack.enter_context(site(Path(name), aim.worker))
            if locust is None:
                seen = Seen(*wrk.run(aim.users, args.seconds, url, environ["WEB_TOKEN"]))
            else:
                seen = run(locust, aim, args.seconds, url, environ)
        good = good and seen.requests > 0 and not seen.failures
        times = f"{seen.p50:g}, {seen.p95:g}, {seen.p99:g}"
        asked = "all" if math.isinf(aim.rate) else f"{aim.rate:g}"
        row = (aim.users, asked, aim.worker, f"{seen.rate:.0f}", f"{seen.requests:.0f}")
        table.add_row(aim.name, *map(str, row), f"{seen.failures:.0f}", times)
    Console(width=max(120, Console().width)).print(table)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
