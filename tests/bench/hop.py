"""`python -m tests.bench.hop`: what a worker process costs per part, and what two of them gain.

A worker in a thread and one in a process look at the same parts in turns: the difference of the
medians is the hop. Then one process alone and two side by side, without broker and ledger.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import cv2
import psutil

from node.cameras import synthetic
from node.commands.with_pixels import PixelCommands
from node.look import look
from node.metrics import NodeMetrics
from node.pictures.keeping import PictureKeeping
from node.pictures.writer import PictureWriter
from node.shelf import Shelf
from node.worker.bench import Workshop, make_bench
from node.worker.in_process import ProcessWorker
from node.worker.in_thread import ThreadWorker
from node.worker.seam import PartJob, Settle, Worker
from node.worker.wire import WorkerSetup
from schemas import StationSettings, SyntheticCamera, Trigger, as_program
from schemas.settings import PictureSettings
from schemas.store.pictures import Pictures
from schemas.store.programs import Programs
from tests.bench.undisturbed import undisturbed

CAMERA = SyntheticCamera(defect_rate=0.0, exposure_ms=0.1)
PROGRAM = "synthetic-part"
WARM = 30
LIMIT_NS = 60 * 10**9


def in_process(folder: Path) -> ProcessWorker:
    """A worker process on the programs of a folder."""
    station = StationSettings(id="cam1", camera=CAMERA)
    keeping = PictureKeeping(
        Pictures(folder / "pictures", PictureSettings()), NodeMetrics("1", "n")
    )
    setup = WorkerSetup("node-01", station, str(folder), str(folder), 85, "WARNING")
    return ProcessWorker(
        setup, Programs(folder / "programs"), keeping, lambda *_: None, lambda _: None
    )


def in_thread(folder: Path) -> ThreadWorker:
    """A worker in this process."""
    writer = PictureWriter(Pictures(folder / "none", PictureSettings()), 85, lambda *_: None)
    workshop = Workshop("node-01", Shelf(Programs(folder / "programs")), writer)
    bench = make_bench(StationSettings(id="cam1", camera=CAMERA), folder, workshop)
    return ThreadWorker(bench, look, PixelCommands(workshop))


def looked_ms(worker: Worker, row: int) -> float:
    """How long one part takes."""
    now = time.monotonic_ns()
    trigger = Trigger(part_id=f"part-{row}")
    found = worker.look(PartJob(row, f"T{row}", trigger, PROGRAM, now, now, now, now + LIMIT_NS))
    took = (time.monotonic_ns() - now) / 1e6
    worker.settle(Settle(row))
    assert found.fault is None, found.fault
    return took


def rate(workers: list[ProcessWorker], count: int) -> float:
    """Parts per second of all of these, side by side."""

    def run(worker: ProcessWorker) -> None:
        for row in range(count):
            looked_ms(worker, row)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(workers) * count / (time.monotonic() - began)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        master = cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes()
        program = as_program(synthetic.program(CAMERA) | {"limits_ms": 60000})
        Programs(folder / "programs").save(program, master, "bench")
        thread, first, second = in_thread(folder), in_process(folder), in_process(folder)
        for worker in (thread, first, second):
            began = time.monotonic()
            worker.start()
            worker.program(PROGRAM, 60.0)
            print(f"{type(worker).__name__} ready after {time.monotonic() - began:.2f} s")
            for row in range(WARM):
                looked_ms(worker, row)
        taking_part = [psutil.Process(), *psutil.Process().children()]
        hops, gains = [], []
        for _ in range(args.rounds):
            with undisturbed(taking_part):
                turns = [(looked_ms(thread, n), looked_ms(first, n)) for n in range(args.parts)]
            here, there = (median(side) for side in zip(*turns, strict=True))
            hops.append(there - here)
            with undisturbed(taking_part):
                one, two = (rate(some, args.parts) for some in ([first], [first, second]))
            gains.append(two / one)
            print(f"thread {here:.2f} ms, process {there:.2f} ms; two are {gains[-1]:.2f} of one")
        print(f"hop {median(hops):.3f} ms; two processes are {median(gains):.2f} of one")
        print(f"memory of a process {first.memory_bytes / 2**20:.0f} MB")
        for worker in (first, second):
            worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
