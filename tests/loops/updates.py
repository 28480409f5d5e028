"""`python -m tests.loops.updates --updates 20`: one version after the other, by deploy.sh, under
load.

Real node, web and broker on a root of their own; a line sends triggers all the time, and after
every second update the node reads its settings again. No trigger may be lost or answered twice, and
the line may not wait for an answer longer than `GAP_S`. The scripts are the shipped ones; node and
web are started and stopped by a script that stands for systemctl.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from deploy.demo.broker_process import start_broker
from tests.conftest import synthetic_node
from tests.rooms.installation.machine import Machine
from tests.rooms.promise.promise import Line, check

GAP_S = 3.0


class Found(NamedTuple):
    """What a run was like: the verdicts, and for each update how many seconds it took and the
    longest time without an answer."""

    verdicts: Counter[str]
    seconds: list[float]
    gaps: list[float]


class Answers:
    """When the results that a line's observer hears came."""

    def __init__(self, line: Line) -> None:
        self.at: list[float] = []
        self._heard = line.observer.on_message
        line.observer.on_message = self._on_message

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if "/result/" in message.topic:
            self.at.append(time.monotonic())
        self._heard(client, userdata, message)

    def gap(self, since: float) -> float:
        """The longest time without an answer from then until now."""
        times = [since, *(at for at in list(self.at) if at > since), time.monotonic()]
        return max(later - at for at, later in pairwise(times))


def run(folder: Path, updates: int, rate: float) -> Found:
    """Update that many times, let everything come to rest and check the promise. Raises
    AssertionError."""
    broker = start_broker(folder / "broker", 0)
    machine = Machine(folder, synthetic_node(folder, broker.port, queue_limit=200))
    line = Line(broker.port)
    answers, stop = Answers(line), threading.Event()

    def load() -> None:
        while not stop.wait(1 / rate):
            line.trigger()

    plc = threading.Thread(target=load, daemon=True)
    found = Found(Counter(), [], [])
    try:
        subprocess.run([str(machine.services), "start"], check=True)
        line.state("Ready", 60)
        plc.start()
        line.expect(lambda topic, _: topic == "result/cam1")
        for number in range(1, updates + 1):
            name = f"1.{number}"
            machine.version(name)
            began = time.monotonic()
            done = machine.run("deploy.sh", name)
            assert done.returncode == 0, (done.stdout, done.stderr)
            assert machine.current == name
            found.seconds.append(time.monotonic() - began)
            if number % 2 == 0:
                subprocess.run([str(machine.services), "reload"], check=True)
            time.sleep(1.0)
            found.gaps.append(answers.gap(began))
            print(
                f"{name}: {found.seconds[-1]:.1f} s, {found.gaps[-1]:.2f} s without an answer",
                flush=True,
            )
        stop.set()
        plc.join(10)
        found.verdicts.update(check(line, machine.ledger))
        return found
    finally:
        stop.set()
        subprocess.run([str(machine.services), "stop"], check=True)
        line.close()
        broker.stop()


def main() -> int:
    """0 if nothing was lost, nothing answered twice, and no gap was too long."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.loops.updates", description="Update again and again under load."
    )
    parser.add_argument(
        "--updates", metavar="N", type=int, default=20, help="how often (default 20)"
    )
    parser.add_argument(
        "--rate", metavar="N", type=float, default=10.0, help="triggers a second (default 10)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="updates-") as folder:
        try:
            found = run(Path(folder), args.updates, args.rate)
        except AssertionError as error:
            print(f"the promise does NOT hold: {error}", file=sys.stderr)
            return 1
    worst = max(found.gaps)
    print(
        f"{args.updates} updates: {sum(found.verdicts.values())} triggers, 0 lost, 0 answered"
        f" twice; verdicts {dict(found.verdicts)}"
    )
    print(
        f"an update took {sorted(found.seconds)[len(found.seconds) // 2]:.1f} s (median); without"
        f" an answer at most {worst:.2f} s, of {GAP_S:.0f}"
    )
    return 0 if worst < GAP_S else 1


if __name__ == "__main__":
    sys.exit(main())
