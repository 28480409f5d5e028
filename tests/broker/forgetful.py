"""A node and a broker that forgets, without I/O and with a clock of their own: the far ends are
tried against them."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from broker.ends import End, Event
from broker.topics import Names
from broker.wire import Message
from schemas import new_id

NAMES = Names("inspection/v1", "node-01")


class Node:
    """Does what the contract says of `accepted`, `result`, `latest` and `resend`, and forgets
    nothing that it has written down.

    `lost` holds each seq whose row it no longer has (retention, damage).
    """

    def __init__(self, say: Callable[[str, bytes, bool], None]) -> None:
        self.ids: dict[str, int] = {}  # trigger_id to seq
        self.rows: dict[int, bytes] = {}
        self.inspected: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.lost: set[int] = set()
        self.waits = False  # whether parts wait for their result
        self._say = say

    def take(self, topic: str, payload: bytes) -> None:
        value = json.loads(payload)
        if topic == NAMES("trigger", "cam1"):
            self._trigger(value)
        elif topic == NAMES("cmd", "resend"):
            self.asked.append(value)
            self._resend(value)

    def _trigger(self, value: dict[str, Any]) -> None:
        trigger_id = value["trigger_id"]
        known = trigger_id in self.ids
        if not known:
            self.ids[trigger_id] = 0
            self.inspected.append(trigger_id)
        said: dict[str, Any] = {"trigger_id": trigger_id, "known": known, "state": "waiting"}
        if known and self.ids[trigger_id]:
            row = json.loads(self.rows[self.ids[trigger_id]])
            said |= {
                "state": "answered",
                **{key: row[key] for key in ("result_id", "seq", "verdict", "evaluation")},
            }
        if value.get("ack") or known:
            self._say(NAMES("accepted", "cam1"), json.dumps(said).encode(), False)
        if not known and not self.waits:
            self.answer(trigger_id)

    def answer(self, trigger_id: str) -> None:
        """The part is inspected."""
        seq = len(self.rows) + 1
        self.ids[trigger_id] = seq
        result = {
            "result_id": new_id(),
            "trigger_id": trigger_id,
            "seq": seq,
            "verdict": "NG",
            "evaluation": 2,
        }
        self.rows[seq] = json.dumps(result).encode()
        self._say(NAMES("result", "cam1"), self.rows[seq], False)
        self._say(NAMES("latest", "cam1"), self.rows[seq], True)

    def _resend(self, value: dict[str, Any]) -> None:
        wanted = [self.ids[each] for each in value.get("trigger_ids", ()) if self.ids.get(each)]
        if "from_seq" in value:
            assert value["to_seq"] - value["from_seq"] < 1000
            wanted = [
                seq for seq in range(value["from_seq"], value["to_seq"] + 1) if seq in self.rows
            ]
        wanted = [seq for seq in wanted if seq not in self.lost]
        for seq in wanted:
            self._say(NAMES("result", "cam1"), self.rows[seq], False)
        reply: dict[str, Any] = {"ok": True, "data": {"count": len(wanted), "seqs": wanted}}
        if not wanted:
            reply = {"ok": False, "error": {"code": "RESULT_NOT_FOUND", "message": ""}}
        self._say(
            NAMES("reply", "resend"),
            json.dumps({"request_id": value["request_id"], **reply}).encode(),
            False,
        )


class World:
    """One node and some ends around a broker; `drops` says for each message whether the broker
    forgets it."""

    def __init__(self, *ends: End, drops: Callable[[], bool] = lambda: False) -> None:
        self.now = 0.0
        self.ends: Sequence[End] = ends
        self.events: list[Event] = []
        self.published: list[Message] = []
        self.node = Node(self._say)
        self.deaf = False  # the ends hear nothing: the broker forgets everything that the node says
        self._drops = drops
        self._queue: list[tuple[str, bytes, bool]] = []
        self._retained: dict[str, bytes] = {}

    def connect(self, *, forgets: bool = True) -> None:
        """A new connection of every end, at a broker that has lost what was under way and, with
        `forgets`, what it retained."""
        self._queue.clear()
        if forgets:
            self._retained.clear()
        for end in self.ends:
            end.connected(self.now)
        for topic, payload in list(self._retained.items()):
            self._hear(topic, payload, retain=True)

    def run(self, seconds: float) -> None:
        """Let time pass: every message is delivered at once, or lost."""
        until = self.now + seconds
        while True:
            for end in self.ends:
                for message in end.due(self.now):
                    self.published.append(message)
                    if not self._drops():
                        self.node.take(message.topic, message.payload)
            while self._queue:
                topic, payload, _ = self._queue.pop(0)
                if not self.deaf and not self._drops():
                    self._hear(topic, payload, retain=False)
            wake_at = min(end.wake_at() for end in self.ends)
            if wake_at > until:
                self.now = until
                return
            self.now = max(self.now, wake_at)

    def _say(self, topic: str, payload: bytes, retain: bool) -> None:
        if retain:
            self._retained[topic] = payload
        self._queue.append((topic, payload, retain))

    def _hear(self, topic: str, payload: bytes, *, retain: bool) -> None:
        for end in self.ends:
            self.events += end.heard(topic, payload, retain=retain, now=self.now)


def losing(share: float, seed: int) -> Callable[[], bool]:
    """Drops that share of the messages, the same ones for the same seed."""
    chance = random.Random(seed)
    return lambda: chance.random() < share
