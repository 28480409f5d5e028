"""Figures of this web process and its machine: as Prometheus text and as JSON. Several workers each
give their own."""

import os
import threading
import time
from pathlib import Path
from typing import Any

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from web.site import NAME, Site, asked

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

STORES = {  # in the state folder; for pictures, which are many, the node reports files and bytes
    "ledger": "ledger.db*",
    "accounts": "accounts.db*",
    "users": "users/*",
    "programs": "programs/**/*",
}


class Machine:
    """How busy the machine's processors have been since this was last asked."""

    def __init__(self) -> None:
        self._before = self._times()

    @staticmethod
    def _times() -> tuple[int, int]:
        """Ticks in all, and those in which nothing was done."""
        ticks = [
            int(text) for text in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
        ]
        return sum(ticks), ticks[3] + ticks[4]

    def percent(self) -> float:
        """0 to 100, of all processors together."""
        before, now = self._before, self._times()
        self._before = now
        return round(100.0 * (1.0 - min(1.0, (now[1] - before[1]) / max(1, now[0] - before[0]))), 1)


class Figures:
    """What is counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.started = time.monotonic()
        self.machine = Machine()
        self.requests = Counter(
            "inspection_web_requests",
            "Answers by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "inspection_web_request_seconds",
            "Time to the answer.",
            buckets=SECONDS,
            registry=self.registry,
        )
        # adding and removing are one step each, and cost a tenth of what a gauge does
        self.busy: set[object] = set()
        busy = Gauge(
            "inspection_web_requests_in_progress",
            "Requests being answered.",
            registry=self.registry,
        )
        busy.set_function(lambda: len(self.busy))
        self.sessions = Gauge(
            "inspection_web_sessions", "Sessions that have not ended.", registry=self.registry
        )
        self.events = Counter(
            "inspection_web_events", "Events of the web by kind.", ["kind"], registry=self.registry
        )


def register(app: Flask) -> None:
    """Count every request of an application."""
    figures = Figures()
    here: Site = app.extensions[NAME]
    app.extensions["figures"] = figures
    counters: dict[tuple[str, int], Counter] = {}
    here.listeners.append(lambda kind, _: figures.events.labels(kind).inc())

    def before() -> None:
        coming, this = asked()
        this.began = time.monotonic()
        figures.busy.add(coming)

    def after(answer: Response) -> Response:
        coming, this = asked()
        key = coming.url_rule.rule if coming.url_rule is not None else "none", answer.status_code
        if (counter := counters.get(key)) is None:
            counter = counters[key] = figures.requests.labels(*key)
        counter.inc()
        figures.seconds.observe(time.monotonic() - this.get("began", time.monotonic()))
        return answer

    def done(_: BaseException | None) -> None:
        figures.busy.discard(asked()[0])

    app.before_request(before)
    app.after_request(after)
    app.teardown_request(done)


def as_prometheus(here: Site) -> bytes:
    """The text of Prometheus, with its content type in the answer's head."""
    figures = _figures()
    figures.sessions.set(len(here.accounts.sessions()))
    return generate_latest(figures.registry)


def as_json(here: Site) -> dict[str, Any]:
    """CPU, memory, disk, process, threads, pool and stores; and what the node said last."""
    disk = os.statvfs(here.state)
    memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "cpu": {
            "count": os.cpu_count(),
            "load": list(os.getloadavg()),
            "percent": _figures().machine.percent(),
        },
        "memory": {
            "total_mb": _mb(memory["MemTotal"]),
            "available_mb": _mb(memory["MemAvailable"]),
        },
        "disk": {
            "total_mb": disk.f_blocks * disk.f_frsize // 2**20,
            "free_mb": disk.f_bavail * disk.f_frsize // 2**20,
        },
        "process": {
            "pid": os.getpid(),
            "memory_mb": _mb(status["VmRSS"]),
            "threads": threading.active_count(),
            "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            "uptime_s": round(time.monotonic() - _figures().started, 1),
            "cpu_s": round(time.process_time(), 2),
        },
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "pool": {"sessions": len(here.accounts.sessions()), "busy": len(_figures().busy)},
        "stores": {
            name: {"bytes": sum(map(_size, here.state.glob(pattern)))}
            for name, pattern in STORES.items()
        },
        "node": here.watch.metrics,
    }


def _figures() -> Figures:
    from flask import current_app

    figures: Figures = current_app.extensions["figures"]
    return figures


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # it has gone in the meantime
        return 0


def _mb(text: str) -> int:
    return int(text.split()[0]) // 1024
