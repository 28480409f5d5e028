"""What the figures were measured on."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil


def facts(folder: Path) -> dict[str, str | float]:
    """Cores, kernel, versions, load, and the median fsync of the folder's disk in ms."""
    return {
        "cores": os.cpu_count() or 0,
        "processor": _processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "opencv": version("opencv-python-headless"),
        "paho": version("paho-mqtt"),
        "memory GB": round(psutil.virtual_memory().total / 1e9, 1),
        "load before": round(os.getloadavg()[0], 2),
        "fsync ms": round(fsync_ms(folder), 3),
    }


def fsync_ms(folder: Path, times: int = 100) -> float:
    """Median time to append 4 KiB and make them durable."""
    path = folder / "fsync"
    spans = []
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        for _ in range(times):
            began = time.perf_counter()
            os.write(fd, bytes(4096))
            os.fsync(fd)
            spans.append(1000 * (time.perf_counter() - began))
    finally:
        os.close(fd)
        path.unlink()
    return median(spans)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
