"""The client that measures: paho without a thread of its own, so that no hand-over on this side
counts in a time."""

import gc
import json
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

BASE = "inspection/v1"
LIMIT_S = 20.0


def no_delay(_client: Any, _userdata: Any, sock: Any) -> None:
    """Makes small packets leave at once; paho does not ask for that."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Run(NamedTuple):
    """Times from publishing to receiving in ms, in the order of the triggers, and the duration of
    the whole in s."""

    times_ms: list[float]
    seconds: float


class Plc:
    """Publishes triggers with QoS 1 and hears results, in one thread; with TCP_NODELAY."""

    def __init__(self, port: int) -> None:
        self._heard: list[tuple[int, bytes]] = []
        self._states: dict[str, str] = {}
        self.left: Counter[str] = Counter()  # how often each node has said that it is away
        self._granted = 0
        self._subscribed: set[str] = set()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"plc-{uuid4()}", protocol=mqtt.MQTTv5
        )
        self.client.on_socket_open = no_delay
        self.client.on_message = self._on_message
        self.client.on_subscribe = self._on_subscribe
        self.client.connect("127.0.0.1", port, keepalive=60)
        self._await(self.client.is_connected, "CONNACK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()

    def one_by_one(
        self, target: str, truth: Mapping[str, str], count: int, station: str = "cam1"
    ) -> Run:
        """One trigger at a time, each after the result of the one before."""
        return self.window(target, truth, count, (station,), width=1)

    def window(
        self,
        target: str,
        truth: Mapping[str, str],
        count: int,
        stations: tuple[str, ...] = ("cam1",),
        width: int = 8,
    ) -> Run:
        """`count` triggers per station, with `width` of them under way at each. Fails if a verdict
        is not the true one."""
        for station in stations:
            self.subscribe(f"{BASE}/{target}/result/{station}")
        run = uuid4().hex[:12]
        parts = list(truth)
        queues: dict[str, Iterator[tuple[str, str, bytes]]] = {}
        expected: dict[str, str] = {}
        for station in stations:
            prepared = []
            for number in range(count):
                part = parts[number % len(parts)]
                trigger_id = f"{run}-{station}-{number}"
                expected[trigger_id] = truth[part]
                payload = json.dumps({"trigger_id": trigger_id, "part_id": part}).encode()
                prepared.append((trigger_id, f"{BASE}/{target}/trigger/{station}", payload))
            queues[station] = iter(prepared)
        sent: dict[str, int] = {}
        self._heard.clear()
        gc.disable()
        began = time.monotonic_ns()
        try:
            for _ in range(min(width, count)):
                for queue in queues.values():
                    self._publish(next(queue), sent)
            seen = 0
            while seen < len(expected):
                self._turn()
                while seen < len(self._heard):
                    if len(sent) < len(expected):
                        topic_station = (
                            stations[0] if len(stations) == 1 else _station(self._heard[seen][1])
                        )
                        following = next(queues[topic_station], None)
                        if following is not None:
                            self._publish(following, sent)
                    seen += 1
        finally:
            gc.enable()
        times_ms = []
        for at, payload in self._heard:
            answer = json.loads(payload)
            assert answer["verdict"] == expected.pop(answer["trigger_id"]), (
                f"a wrong verdict of {target}: {answer}"
            )
            times_ms.append((at - sent[answer["trigger_id"]]) / 1e6)
        assert not expected
        return Run(times_ms, (self._heard[-1][0] - began) / 1e9)

    def subscribe(self, topic: str) -> None:
        """Returns when the broker has confirmed."""
        if topic in self._subscribed:
            return
        self._subscribed.add(topic)
        wanted = self._granted + 1
        self.client.subscribe(topic, 1)
        self._await(lambda: self._granted >= wanted, topic)

    def await_state(self, name: str, state: str) -> int:
        """Wait until the retained state is `state`; the monotonic ns at which it was."""
        self.subscribe(f"{BASE}/{name}/state")
        self._await(lambda: self._states.get(name) == state, f"{name} {state}")
        return time.monotonic_ns()

    def await_return(self, name: str, left: int) -> int:
        """Wait until the node has gone away more than `left` times, and is `Ready` again; returns
        what await_state does."""
        self._await(
            lambda: self.left[name] > left and self._states.get(name) == "Ready", f"{name} again"
        )
        return time.monotonic_ns()

    def _publish(self, message: tuple[str, str, bytes], sent: dict[str, int]) -> None:
        trigger_id, topic, payload = message
        sent[trigger_id] = time.monotonic_ns()
        self.client.publish(topic, payload, 1)

    def _turn(self) -> None:
        sock = self.client.socket()
        assert sock is not None, "the broker closed the connection"
        if not select.select([sock], [], [], LIMIT_S)[0]:
            raise AssertionError(f"nothing came within {LIMIT_S} s")
        self.client.loop_read()
        if self.client.want_write():
            self.client.loop_write()

    def _await(self, done: Any, what: str) -> None:
        until = time.monotonic() + LIMIT_S
        while not done():
            assert time.monotonic() < until, f"no {what} within {LIMIT_S} s"
            self._turn()

    def _on_subscribe(self, *_: Any) -> None:
        self._granted += 1

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        at = time.monotonic_ns()
        if message.topic.endswith("/state"):
            name = message.topic.split("/")[-2]
            self._states[name] = json.loads(message.payload)["state"] if message.payload else ""
            self.left[name] += self._states[name] == "Offline"
        else:
            self._heard.append((at, bytes(message.payload)))


def _station(payload: bytes) -> str:
    """The station of a result without reading all of it."""
    at = payload.index(b'"station":') + 10
    return payload[at:].split(b'"', 2)[1].decode()
