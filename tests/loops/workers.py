"""`python -m tests.loops.workers --kills 200`: worker processes are killed under load, and every
trigger gets one result.

A node with two stations, each with a worker process; triggers come to both at a steady pace. One
worker after the other gets `kill -9` at a random moment. What is in hand then, or comes while the
next worker is started, is an ERROR; nothing is lost, doubled or out of order. It reports how long a
station takes from a kill to the next part that another worker has judged, and what the other
station did meanwhile.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import psutil

from deploy.demo.broker_process import start_broker
from node.cameras import synthetic
from schemas import SyntheticCamera, as_program
from schemas.store.programs import Programs
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line, check, wait_for

STATIONS = ("cam1", "cam2")


class Told(NamedTuple):
    """What a run was like; anything wrong has already raised AssertionError. Seconds from a kill to
    the next judged part; milliseconds of judged parts while no worker was away, and while the other
    station's was: in order."""

    verdicts: dict[str, Counter[str]]
    codes: Counter[str]
    back_s: list[float]
    alone_ms: list[float]
    beside_ms: list[float]
    seconds: float


class Gone(NamedTuple):
    """A time during which a station's worker was away, from when to when (s since 1970)."""

    station: str
    killed_at: float
    back_at: float


def two_stations(folder: Path, broker_port: int, priority: int = 0) -> NodeProcess:
    """A node whose stations inspect the synthetic line, each with a worker process."""
    camera = SyntheticCamera(defect_rate=0.0, exposure_ms=1.0)
    stations = [
        {
            "id": station,
            "program": "synthetic-part",
            "camera": camera.model_dump(mode="json"),
            "worker": "process",
            "priority": priority,
            "queue_limit": 50,
            "max_age_ms": 60000,
        }
        for station in STATIONS
    ]
    node = NodeProcess(folder, broker_port, stations)
    program = as_program(synthetic.program(camera))
    master = cv2.imencode(".png", synthetic.master(camera))[1].tobytes()
    Programs(node.state / "programs").save(program, master, by="test")
    return node


def workers(node: NodeProcess) -> dict[str, psutil.Process]:
    """Its worker processes, by station."""
    assert node.process is not None
    found = {}
    for child in psutil.Process(node.process.pid).children():
        with contextlib.suppress(psutil.Error):
            if child.name().startswith("worker "):
                found[child.name().removeprefix("worker ")] = child
    return found


def taken_at(result: dict[str, Any]) -> float:
    """When the frame of a judged part was taken, s since 1970."""
    return datetime.fromisoformat(result["captured_at"]).timestamp()


def durations(line: Line, gone: list[Gone]) -> tuple[list[float], list[float]]:
    """Times of judged parts in ms: while no worker was away, and while the other station's was."""
    alone, beside = [], []
    for station in STATIONS:
        for result in line.results(station):
            if result["error"] is not None:
                continue
            at = taken_at(result)
            away = {each.station for each in gone if each.killed_at < at < each.back_at}
            if not away:
                alone.append(result["duration_ms"])
            elif station not in away:
                beside.append(result["duration_ms"])
    return sorted(alone), sorted(beside)


def until_judged(line: Line, station: str, killed_at: float, heard: int) -> None:
    """Wait for a judged part whose frame comes from another worker: taken after this (s since
    1970), among the messages from this one on. It need not be a part that came later: those that
    wait go first."""
    line.expect(
        lambda topic, value: (
            topic == f"result/{station}" and value["error"] is None and taken_at(value) > killed_at
        ),
        120,
        heard,
    )


def run(
    folder: Path, kills: int, period_s: float, chance: random.Random, priority: int = 0
) -> Told:
    """Kill, and watch what happens. Raises AssertionError."""
    broker = start_broker(folder / "broker", 0)
    node = two_stations(folder, broker.port, priority)
    line = Line(broker.port)
    stopping = threading.Event()

    def load() -> None:
        number = 0
        while not stopping.wait(period_s):
            number += 1
            for station in STATIONS:
                if number % 2:  # one is looked at while its trigger is committed, one after that
                    line.part(number, station)
                else:
                    line.trigger(station)

    began = time.monotonic()
    back_s, gone = [], []
    try:
        node.start()
        line.state("Ready", 120)
        loading = threading.Thread(target=load, daemon=True)
        loading.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0.0, 0.5))
            station = chance.choice(STATIONS)
            worker = wait_for(lambda station=station: workers(node).get(station), 60, "a worker")
            heard = len(line.heard)
            worker.kill()
            killed, killed_at = time.monotonic(), time.time()
            try:
                until_judged(line, station, killed_at, heard)
            except AssertionError as error:
                said = [
                    result["error"] and result["error"]["message"]
                    for result in line.results(station)[-500:]
                ]
                raise AssertionError(f"{station}: {Counter(said).most_common(5)}") from error
            back_s.append(time.monotonic() - killed)
            gone.append(Gone(station, killed_at, time.time()))
        stopping.set()
        loading.join(10)
        verdicts = {each: check(line, node.ledger, each, 120) for each in STATIONS}
        codes = Counter(
            result["error"]["code"]
            for each in STATIONS
            for result in line.results(each)
            if result["error"] is not None
        )
        parts = durations(line, gone)
        return Told(verdicts, codes, sorted(back_s), *parts, time.monotonic() - began)
    finally:
        stopping.set()
        node.end()
        line.close()
        broker.stop()


def main() -> int:
    """Run it, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--period-ms", type=float, default=20.0, help="between two triggers")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--priority", type=int, default=0, help="of both stations; as root")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chance = random.Random(args.seed)
        told = run(Path(folder), args.kills, args.period_ms / 1000, chance, args.priority)
    middle, last = told.back_s[len(told.back_s) // 2], told.back_s[-1]
    print(f"{args.kills} kills in {told.seconds:.0f} s: every trigger has one result")
    for station, verdicts in told.verdicts.items():
        print(f"{station}: {dict(verdicts)}")
    print(f"codes: {dict(told.codes)}")
    print(f"from a kill to the next judged part: median {middle:.2f} s, longest {last:.2f} s")
    for name, ms in (("no worker", told.alone_ms), ("the other's worker", told.beside_ms)):
        if ms:
            middle, most = ms[len(ms) // 2], ms[len(ms) * 99 // 100]
            print(f"parts while {name} is away: {len(ms)}, p50 {middle:.1f} ms, p99 {most:.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
