"""One broker of the matrix under load, stopped or killed again and again: what gets lost with plain
ends, and with ours."""

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.client import Client, Consumer, Producer
from schemas import Problem
from schemas.settings import BrokerSettings
from tests.brokers.kinds import Kind
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess, toml
from tests.rooms.promise.promise import stored, wait_for

PASSWORD = "matrix-password"
STATION = "cam1"
PREFIX = "inspection/v1/node-01/"
PERIOD_S = 0.1
UP_S = (1.5, 3.0)
READY_S = 240.0
REST_S = 150.0


class Lost(NamedTuple):
    """What was lost of the triggers that the broker acknowledged, and of the results in the ledger;
    `twice` counts results heard again."""

    triggers: int
    of_triggers: int
    results: int
    of_results: int
    twice: int

    def __str__(self) -> str:
        return (
            f"{self.triggers} of {self.of_triggers} / {self.results} of {self.of_results} /"
            f" {self.twice}"
        )


class Outcome(NamedTuple):
    """A trial. plain: ends that trust the broker; ends: Producer and Consumer, whose losses would
    be a fault of ours."""

    plain: Lost
    ends: Lost
    protocol: str
    session: str


class Plain:
    """A PLC and a reader like most: MQTT 3.1.1, QoS 1 and a session that the broker keeps, and
    trust in both."""

    def __init__(self, kind: Kind, port: int) -> None:
        self.acked: set[str] = set()
        self.heard: Counter[str] = Counter()
        self._sent: dict[int, str] = {}
        self._plc = self._client("matrix-plc", kind, port)
        self._plc.on_publish = lambda _c, _d, mid, *_: self.acked.add(self._sent.get(mid, ""))
        self._reader = self._client("matrix-reader", kind, port)
        self._reader.on_message = lambda _c, _d, message: self._take(message.payload)
        self._reader.on_connect = lambda client, *_: client.subscribe(
            f"{PREFIX}result/{STATION}", 1
        )
        for client in (self._reader, self._plc):
            client.connect_async("127.0.0.1", port, keepalive=10)
            client.loop_start()

    @staticmethod
    def _client(name: str, kind: Kind, port: int) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, name, clean_session=False)
        client.reconnect_delay_set(1, 1)
        if kind.user is not None:
            client.username_pw_set(kind.user.format(name), PASSWORD)
        return client

    def trigger(self, trigger_id: str) -> None:
        """Publish and forget, as long as there is a connection."""
        if self._plc.is_connected():
            payload = json.dumps({"trigger_id": trigger_id})
            self._sent[self._plc.publish(f"{PREFIX}trigger/{STATION}", payload, 1).mid] = trigger_id

    def _take(self, payload: bytes) -> None:
        with contextlib.suppress(ValueError):
            self.heard[json.loads(payload)["result_id"]] += 1

    def close(self) -> None:
        """Leave."""
        for client in (self._plc, self._reader):
            client.disconnect()
            client.loop_stop()


def trial(
    kind: Kind, folder: Path, how: Literal["stop", "kill"], loops: int, tell: Callable[[str], None]
) -> Outcome:
    """Load, that many restarts (or none: `loops` 0 is the plain flow), rest, and the count. Raises
    AssertionError."""
    folder.mkdir(parents=True)
    broker = kind.make(folder)
    settings = _settings(kind, broker.port)
    node = _node(kind, folder, settings)
    try:
        node.start()
        state = _ready(settings)
        plain = Plain(kind, broker.port)
        heard: list[dict[str, Any]] = []
        with (
            Producer(settings, "node-01") as producer,
            Consumer(settings, "node-01", after={STATION: 0}) as consumer,
        ):
            with _load(plain, producer) as sent, _listening(consumer, heard):
                wait_for(lambda: len(heard) > 10 and plain.heard, 60, "the first results")
                for number in range(loops):
                    time.sleep(UP_S[0] + (UP_S[1] - UP_S[0]) * (number % 7) / 6)
                    broker.kill() if how == "kill" else broker.stop()
                    time.sleep(0.1 * (number % 5))
                    broker.start()
                    tell(f"{kind.name}: {how} {number + 1} of {loops}, {len(heard)} results")
                if not loops:
                    time.sleep(5.0)
            wait_for(lambda: producer.under_way == 0, REST_S, "that all is accepted")
            rows = _at_rest(node, heard)
            ours = [each for each in rows if each[0].startswith("e-")]
            all_heard = Counter(result["result_id"] for result in heard)
        plain.close()
        ids = {json.loads(payload)["result_id"] for _, _, payload in rows}
        known = {trigger_id for trigger_id, _, _ in rows}
        acked = {each for each in plain.acked if each}
        plain_lost = Lost(
            len(acked - known),
            len(acked),
            len(ids - set(plain.heard)),
            len(ids),
            _twice(plain.heard),
        )
        ends_lost = Lost(
            len(sent - known), len(sent), len(ids - set(all_heard)), len(ids), _twice(all_heard)
        )
        assert len(ours) == len(set(ours))
        return Outcome(plain_lost, ends_lost, str(state.get("protocol")), str(state.get("session")))
    finally:
        node.end()
        broker.stop()


def _twice(times: Counter[str]) -> int:
    return sum(1 for count in times.values() if count > 1)


def _settings(kind: Kind, port: int) -> BrokerSettings:
    given: dict[str, Any] = {"url": f"mqtt://127.0.0.1:{port}"}
    if kind.user is not None:
        given |= {"username": kind.user.format("matrix-node"), "password": PASSWORD}
    return BrokerSettings.model_validate(given)


def _node(kind: Kind, folder: Path, settings: BrokerSettings) -> NodeProcess:
    node = synthetic_node(folder, settings.port, queue_limit=200, max_age_ms=60_000)
    if kind.user is not None:
        broker = toml({"url": settings.url, "username": settings.username})
        lines = node.config.read_text().splitlines()
        node.config.write_text(
            "\n".join(
                f"broker = {broker}" if line.startswith("broker = ") else line for line in lines
            )
        )
        os.environ["INSPECTION_BROKER__PASSWORD"] = PASSWORD
    return node


def _ready(settings: BrokerSettings) -> dict[str, Any]:
    """The state, once the node is on line; with a broker that ends the connection over some topics,
    that takes a while."""
    until = time.monotonic() + READY_S
    with Client(settings, "node-01") as client:
        while time.monotonic() < until:
            with contextlib.suppress(Problem):
                found = client.retained("state", timeout_s=1.0)
                if found and found.get("session"):  # what it says when it is at the broker
                    return found
            time.sleep(0.5)
    raise AssertionError(f"the node is not on line within {READY_S:g} s")


@contextlib.contextmanager
def _load(plain: Plain, producer: Producer) -> Iterator[set[str]]:
    """Sends triggers of both kinds until the block is left; gives the ids of the producer's."""
    sent: set[str] = set()
    stopping = threading.Event()

    def run() -> None:
        for number in range(1_000_000):
            if stopping.wait(PERIOD_S):
                return
            plain.trigger(f"p-{number}")
            if producer.under_way < 300:
                sent.add(f"e-{number}")
                producer.submit(STATION, {"trigger_id": f"e-{number}"})

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield sent
    finally:
        stopping.set()
        thread.join(10)


@contextlib.contextmanager
def _listening(consumer: Consumer, heard: list[dict[str, Any]]) -> Iterator[None]:
    """Everything that the consumer gives, until it is closed."""

    def run() -> None:
        for result in consumer:
            heard.append(result)

    threading.Thread(target=run, daemon=True).start()
    yield


def _at_rest(node: NodeProcess, heard: list[dict[str, Any]]) -> list[tuple[str, int, bytes]]:
    """The stored results, when no more come and the consumer has them all."""
    quiet_since, rows = time.monotonic(), stored(node.ledger, STATION)
    until = time.monotonic() + REST_S
    while time.monotonic() < until and (
        time.monotonic() - quiet_since < 8.0 or len(heard) < len(rows)
    ):
        time.sleep(0.5)
        found = stored(node.ledger, STATION)
        if len(found) != len(rows):
            quiet_since, rows = time.monotonic(), found
    return rows
