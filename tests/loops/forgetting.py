"""`python -m tests.loops.forgetting --kills 200`: broker and node are killed in turn under load,
and the broker keeps nothing.

mosquitto runs with persistence off, so each `kill -9` of it loses every session, every queued
trigger and every result on its way. The promise must still hold between a Producer and a Consumer:
no trigger without a result, none inspected twice, and every result at the consumer exactly once and
in order. A short run is part of the suite (tests/system/test_forgetting.py).
"""

import argparse
import json
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from broker.client import Accepted, Consumer, Gone, Producer
from deploy.demo.broker_process import CONF, BrokerProcess, start_broker
from schemas.settings import BrokerSettings
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import stored, wait_for

STATION = "cam1"
UNDER_WAY = 300
REST_S = 120.0


class Found(NamedTuple):
    """What a run was like; anything wrong has already raised AssertionError."""

    triggers: int
    known: int
    verdicts: dict[str, int]
    kills: dict[str, int]
    seconds: float


def forgetful_broker(folder: Path) -> BrokerProcess:
    """mosquitto as shipped, but without any persistence; where there is no mosquitto, the iotcore
    one, which has none either."""
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder / "forgets.conf"
    conf.write_text(
        re.sub(r"^persistence true$", "persistence false", CONF.read_text(), flags=re.MULTILINE)
    )
    return start_broker(folder / "broker", 0, conf=conf)


class Load:
    """Triggers at a steady pace, from a thread of their own."""

    def __init__(self, producer: Producer, period_s: float) -> None:
        self.sent: dict[str, Future[Accepted]] = {}
        self._producer = producer
        self._period_s = period_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(self._period_s):
            if self._producer.under_way < UNDER_WAY:
                trigger_id = f"t-{len(self.sent) + 1}"
                self.sent[trigger_id] = self._producer.submit(
                    STATION, {"trigger_id": trigger_id, "part_id": f"part-{len(self.sent)}"}
                )

    def stop(self) -> None:
        """No more triggers."""
        self._stopping.set()
        self._thread.join(10)


class Listener:
    """What a consumer hears, from a thread of its own."""

    def __init__(self, consumer: Consumer) -> None:
        self.heard: list[dict[str, object]] = []
        self._consumer = consumer
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for result in self._consumer:
            self.heard.append(result)


def run(
    folder: Path,
    kills: int,
    *,
    seed: int = 1,
    rate: float = 25.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Found:
    """Kill that many times, then let everything come to rest and check the promise. Raises
    AssertionError."""
    began = time.monotonic()
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    gone: list[Gone] = []
    broker = forgetful_broker(folder)
    node = synthetic_node(folder, broker.port, queue_limit=200, max_age_ms=10_000)
    at = BrokerSettings(url=f"mqtt://127.0.0.1:{broker.port}")
    try:
        node.start()
        with (
            Producer(at, "node-01") as producer,
            Consumer(at, "node-01", after={STATION: 0}, gone=gone.append) as consumer,
        ):
            listener = Listener(consumer)
            load = Load(producer, 1 / rate)
            wait_for(lambda: listener.heard, 60, "the first result")
            for number in range(kills):
                time.sleep(chance.uniform(0.0, 1.2))
                which = chance.choice(("broker", "node"))
                done[which] += 1
                _kill(broker if which == "broker" else node, chance)
                if number % 10 == 9:
                    heard = len(listener.heard)
                    tell(
                        f"{number + 1} kills, {len(load.sent)} triggers, {heard} results heard,"
                        f" {producer.under_way} under way"
                    )
                    _progress(listener)
            load.stop()
            accepted = [future.result(REST_S) for future in load.sent.values()]
            wait_for(
                lambda: len(stored(node.ledger, STATION)) >= len(load.sent),
                REST_S,
                "a result for each trigger",
            )
            wait_for(
                lambda: len(listener.heard) >= len(load.sent), REST_S, "each result at the consumer"
            )
            time.sleep(1.0)  # what would come twice comes now
            rows = stored(node.ledger, STATION)
        _check(set(load.sent), rows, listener.heard, gone)
        verdicts = Counter(str(result["verdict"]) for result in listener.heard)
        known = sum(each.known for each in accepted)
        return Found(
            len(load.sent), known, dict(verdicts), dict(done), round(time.monotonic() - began, 1)
        )
    finally:
        node.end()
        broker.stop()


def _kill(process: BrokerProcess | NodeProcess, chance: random.Random) -> None:
    process.kill()
    time.sleep(chance.uniform(0.0, 0.5))
    process.start()


def _progress(listener: Listener) -> None:
    """Things go on between the kills: this many in a row must not stop everything for good."""
    seen = len(listener.heard)
    wait_for(lambda: len(listener.heard) > seen, REST_S, "another result")


def _check(
    sent: set[str],
    rows: list[tuple[str, int, bytes]],
    heard: list[dict[str, object]],
    gone: list[Gone],
) -> None:
    times = Counter(trigger_id for trigger_id, _, _ in rows)
    assert not sent - set(times), f"{len(sent - set(times))} triggers have no result"
    assert not set(times) - sent, "there are results of triggers that nobody sent"
    assert max(times.values()) == 1, "a trigger has two results"
    assert [seq for _, seq, _ in rows] == list(range(1, len(rows) + 1)), "seq has gaps"
    assert not gone, f"the consumer gave up results: {gone[:3]}"
    assert [result["seq"] for result in heard] == [seq for _, seq, _ in rows], (
        "not each result once and in order"
    )
    assert heard == [json.loads(payload) for _, _, payload in rows], (
        "what was heard is not what is stored"
    )


def main() -> int:
    """0 if the promise held."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.loops.forgetting",
        description="Kill a broker that forgets, and the node.",
    )
    parser.add_argument(
        "--kills", metavar="N", type=int, default=200, help="how often (default 200)"
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, default=1, help="of the moments (default 1)"
    )
    parser.add_argument(
        "--rate", metavar="N", type=float, default=25.0, help="triggers a second (default 25)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="forgetting-") as folder:
        try:
            found = run(
                Path(folder),
                args.kills,
                seed=args.seed,
                rate=args.rate,
                tell=lambda text: print(text, flush=True),
            )
        except AssertionError as error:
            print(f"the promise does NOT hold: {error}", file=sys.stderr)
            return 1
    print(
        f"the promise holds: {found.triggers} triggers, 0 without a result, 0 inspected twice, each"
        " result heard exactly once"
    )
    print(
        f"{found.kills} kills in {found.seconds} s; {found.known} accepted as known; verdicts"
        f" {found.verdicts}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
