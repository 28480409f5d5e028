"""Every trigger exactly once, whatever happens to the node and to the broker."""

import random
import threading
import time
from pathlib import Path

import pytest

from deploy.demo.broker_process import BrokerProcess
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line, check, wait_for

pytestmark = pytest.mark.system


class Stream:
    """Sends triggers at random intervals from a thread of its own, until stopped."""

    def __init__(self, line: Line, mean_s: float, station: str = "cam1") -> None:
        self._stop = threading.Event()
        self._line, self._mean_s, self._station = line, mean_s, station
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        chance = random.Random(7)
        number = 0
        while not self._stop.wait(chance.expovariate(1 / self._mean_s)):
            number += 1
            if number % 2:  # one is looked at while its trigger is committed, one after that
                self._line.part(number, self._station)
            else:
                self._line.trigger(self._station)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)


@pytest.mark.timeout(600)
def test_kill_9_of_the_node_at_twenty_random_moments_loses_and_doubles_nothing(
    tmp_path: Path, broker: BrokerProcess, line: Line, request: pytest.FixtureRequest
) -> None:
    node = synthetic_node(tmp_path, broker.port, worker="process", queue_limit=200)
    settings = node.config.read_text()
    request.addfinalizer(node.end)
    chance = random.Random(11)
    node.start()
    line.state("Ready")
    stream = Stream(line, 0.02)
    for number in range(20):
        wait_for(
            lambda number=number: node.log.read_bytes().count(b"is running") > number,
            60,
            "the node's start",
        )
        time.sleep(chance.uniform(0.0, 1.0))
        node.kill()
        time.sleep(chance.uniform(0.0, 0.3))
        # both kinds of worker, more often the one that starts faster
        kind = "process" if number % 4 == 3 else "thread"
        node.config.write_text(settings.replace('"process"', f'"{kind}"'))
        node.start()
    wait_for(lambda: node.log.read_bytes().count(b"is running") > 20, 60, "the node's start")
    wait_for(
        lambda: sum(result["verdict"] == "OK" for result in line.results()) > 60,
        60,
        "good parts after the last start",
    )
    stream.stop()
    verdicts = check(line, node.ledger)
    assert verdicts["OK"] > 50
    assert verdicts["NG"] > 10


@pytest.mark.timeout(300)
def test_a_broker_that_is_stopped_and_started_under_load_loses_and_doubles_nothing(
    node: NodeProcess, line: Line, broker: BrokerProcess
) -> None:
    if broker.kind != "mosquitto":
        pytest.skip("rumqttd keeps no sessions over a restart: the boundary that the README states")
    chance = random.Random(13)
    node.start()
    line.state("Ready")
    stream = Stream(line, 0.02)
    for _ in range(4):
        time.sleep(chance.uniform(0.5, 1.5))
        broker.stop()
        time.sleep(chance.uniform(0.2, 1.5))
        broker.start()
        wait_for(
            lambda: line.client.is_connected() and line.observer.is_connected(),
            30,
            "the line's reconnect",
        )
    time.sleep(1.0)
    stream.stop()
    verdicts = check(line, node.ledger)
    assert verdicts["OK"] > 10


@pytest.mark.timeout(200)
def test_results_made_while_the_broker_is_away_arrive_in_order_each_once(
    node: NodeProcess, line: Line, broker: BrokerProcess
) -> None:
    if broker.kind != "mosquitto":
        pytest.skip("rumqttd keeps no sessions over a restart: the boundary that the README states")
    text = (
        node.config.read_text()
        .replace('"id" = "cam1"', '"id" = "cam1"')
        .replace("{ id = ", "{ timer_ms = 50, id = ")
    )
    node.config.write_text(text)
    node.start()
    line.state("ContinuousExecution")
    wait_for(lambda: len(line.results()) > 5, 20)
    broker.stop()
    before = len(line.results())
    time.sleep(2.0)
    broker.start()
    wait_for(lambda: len(line.results()) > before + 30, 30, "the results of the outage")
    line.command(
        "pause", station="cam1"
    )  # what is under way when it stops goes out at the next start
    check(line, node.ledger)
    assert node.stop() == 0
    seqs = [result["seq"] for result in line.results()]
    assert seqs == sorted(seqs)
    assert not line.sent["cam1"]


def test_a_broker_that_is_away_at_the_start_is_waited_for(
    node: NodeProcess, broker: BrokerProcess
) -> None:
    broker.stop()
    node.start()
    wait_for(lambda: node.log.exists() and b"is running" in node.log.read_bytes(), 20)
    broker.start()
    line = Line(broker.port)
    line.state("Ready", 30)
    assert line.result(line.trigger())["verdict"] in ("OK", "NG", "ERROR")
    line.close()
