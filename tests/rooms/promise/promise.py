"""The checker of the promise: every trigger has exactly one stored result, each published, none
twice, seq without gaps.

`Line` is a PLC and an observer with persistent sessions of their own; `check` compares what was
sent, what the ledger holds and what was heard. It is used by the system tests and by the fault
tests.
"""

import json
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def wait_for(condition: Callable[[], Any], limit_s: float = 30.0, what: str = "") -> Any:
    """The first true value of `condition`; fails after the limit."""
    until = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {limit_s} s: {what or condition}")
        time.sleep(0.01)


class Line:
    """A PLC that publishes triggers with QoS 1, and an observer of everything the node says."""

    def __init__(
        self, port: int, node: str = "node-01", base: str = "inspection/v1", host: str = "127.0.0.1"
    ) -> None:
        self.prefix = f"{base}/{node}/"
        self.sent: dict[str, list[str]] = defaultdict(list)
        self.heard: list[tuple[str, bytes, bool, dict[str, str]]] = []
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self.client = self._client(f"plc-{uuid4()}")
        self.observer = self._client(f"observer-{uuid4()}")
        self.observer.on_message = self._on_message
        self.observer.on_connect = lambda client, *_: client.subscribe(self.prefix + "#", qos=1)
        self.observer.on_subscribe = lambda *_: self._subscribed.set()
        for client in (self.observer, self.client):
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600
            client.connect(host, port, clean_start=False, properties=properties)
            client.loop_start()
        assert self._subscribed.wait(10), "the observer could not subscribe"
        self._subscribed.clear()

    @staticmethod
    def _client(name: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        client.reconnect_delay_set(1, 2)
        client.on_socket_open = lambda _c, _u, sock: sock.setsockopt(6, 1, 1)  # type: ignore[attr-defined]
        return client

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        user = dict(getattr(message.properties, "UserProperty", []) or [])
        with self._changed:
            self.heard.append(
                (message.topic[len(self.prefix) :], bytes(message.payload), message.dup, user)
            )
            self._changed.notify_all()

    def trigger(
        self,
        station: str = "cam1",
        payload: bytes | dict[str, Any] | None = None,
        *,
        wait: bool = False,
    ) -> str:
        """Publish a trigger; without a payload it gets an id of its own. Returns the id."""
        value: dict[str, Any] = {"trigger_id": f"t-{uuid4()}"} if payload is None else {}
        if isinstance(payload, dict):
            value = payload
        raw = payload if isinstance(payload, bytes) else json.dumps(value).encode()
        info = self.client.publish(f"{self.prefix}trigger/{station}", raw, qos=1)
        if wait:
            info.wait_for_publish(10)
        trigger_id = str(value.get("trigger_id", ""))
        if trigger_id:
            self.sent[station].append(trigger_id)
        return trigger_id

    def part(self, number: int, station: str = "cam1") -> str:
        """Publish the trigger of this part of the synthetic line, which an idle worker looks at
        while the trigger is committed. Returns its id."""
        named = {"trigger_id": f"t-{uuid4()}", "part_id": f"part-{number}"}
        return self.trigger(station, named)

    def command(self, name: str, limit_s: float = 10.0, **payload: Any) -> dict[str, Any]:
        """Send a command, wait for its reply."""
        request_id = payload.setdefault("request_id", f"r-{uuid4()}")
        seen = len(self.heard)
        self.client.publish(f"{self.prefix}cmd/{name}", json.dumps(payload), qos=1)
        return self.expect(
            lambda topic, value: topic == f"reply/{name}" and value.get("request_id") == request_id,
            limit_s,
            seen,
        )

    def results(self, station: str = "cam1") -> list[dict[str, Any]]:
        """Every result heard from a station."""
        return [
            json.loads(payload)
            for topic, payload, _, _ in list(self.heard)
            if topic == f"result/{station}"
        ]

    def expect(
        self, wanted: Callable[[str, dict[str, Any]], bool], limit_s: float = 15.0, seen: int = 0
    ) -> dict[str, Any]:
        """The first message, from number `seen` on, for which wanted(topic, value) is true."""
        until = time.monotonic() + limit_s
        with self._changed:
            while True:
                for topic, payload, _, _ in self.heard[seen:]:
                    said_by_node = not topic.startswith(("trigger/", "cmd/"))
                    value = json.loads(payload) if said_by_node and payload[:1] == b"{" else {}
                    if wanted(topic, value):
                        return dict(value)
                seen = len(self.heard)
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    last = [(topic, payload[:120]) for topic, payload, _, _ in self.heard[-5:]]
                    raise AssertionError(f"not heard within {limit_s} s; the last messages: {last}")

    def result(
        self, trigger_id: str, station: str = "cam1", limit_s: float = 15.0
    ) -> dict[str, Any]:
        """The result of a trigger."""
        return self.expect(
            lambda topic, value: topic == f"result/{station}" and value["trigger_id"] == trigger_id,
            limit_s,
        )

    def state(self, wanted: str, limit_s: float = 60.0) -> dict[str, Any]:
        """Wait until the newest state is `wanted`."""

        def newest() -> dict[str, Any] | None:
            states = [
                json.loads(payload)
                for topic, payload, _, _ in list(self.heard)
                if topic == "state" and payload
            ]
            return states[-1] if states and states[-1]["state"] == wanted else None

        return dict(wait_for(newest, limit_s, f"state {wanted}"))

    def close(self) -> None:
        """Leave; the broker forgets both sessions."""
        for client in (self.client, self.observer):
            properties = Properties(PacketTypes.DISCONNECT)
            properties.SessionExpiryInterval = 0
            client.disconnect(properties=properties)
            client.loop_stop()


def stored(ledger: Path, station: str = "cam1") -> list[tuple[str, int, bytes]]:
    """(trigger id, seq, payload) of every stored result of a station, in the order of seq."""
    db = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)
    try:
        return db.execute(
            "SELECT t.trigger_id, r.seq, r.payload FROM results r JOIN triggers t ON t.id = r.id"
            " WHERE r.station = ? ORDER BY r.seq",
            (station,),
        ).fetchall()
    finally:
        db.close()


def outbox(ledger: Path) -> int:
    """Results that the broker has not confirmed."""
    db = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)
    try:
        return int(db.execute("SELECT count(*) FROM outbox").fetchone()[0])
    finally:
        db.close()


def check(
    line: Line, ledger: Path, station: str = "cam1", limit_s: float = 60.0, *, resent: bool = False
) -> Counter[str]:
    """Check the promise, once everything has come to rest. Returns the counts of verdicts.

    resent: results marked with the user property `attempt` or `resend` may come again; without it
    nothing may. A message that the broker gives the observer again after the observer's own
    reconnect (DUP) is the same message.
    """
    sent = line.sent[station]
    wait_for(
        lambda: len(stored(ledger, station)) >= len(set(sent)),
        limit_s,
        f"{len(set(sent))} stored results",
    )
    wait_for(lambda: outbox(ledger) == 0, limit_s, "an empty outbox")
    rows = stored(ledger, station)
    ids = {trigger_id for trigger_id, _, _ in rows}
    assert len(sent) == len(set(sent)), "the line sent an id twice"
    missing = set(sent) - ids
    assert not missing, (
        f"{len(missing)} triggers have no stored result, such as {sorted(missing)[:3]}"
    )
    assert [seq for _, seq, _ in rows] == list(range(1, len(rows) + 1)), "seq has gaps"
    topic = f"result/{station}"
    payloads = {payload for _, _, payload in rows}
    wait_for(
        lambda: (
            len({payload for heard, payload, _, _ in list(line.heard) if heard == topic})
            >= len(payloads)
        ),
        limit_s,
        f"{len(payloads)} published results",
    )
    times: Counter[bytes] = Counter()
    for heard, payload, dup, user in list(line.heard):
        if heard != topic or (dup and times[payload]):
            continue
        if times[payload] and resent and ("attempt" in user or "resend" in user):
            continue
        times[payload] += 1
    assert set(times) == payloads, "what was published is not, byte for byte, what is stored"
    twice = [json.loads(payload)["trigger_id"] for payload, count in times.items() if count > 1]
    assert not twice, f"{len(twice)} results were published twice, such as {twice[:3]}"
    return Counter(json.loads(payload)["verdict"] for _, _, payload in rows)
