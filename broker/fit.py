"""Messages within the broker's packet limit: each kind is shortened to something that is valid and
still says what counts.

A result keeps its ids, its verdict and its seq to the last; what goes first is what is told
elsewhere or explains. A reply that does not fit becomes one that says so. What cannot be shortened
(a picture) is not sent.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from broker.topics import Names
from broker.wire import Message, properties_of
from schemas import Reply
from schemas.result import Fault

Value = dict[str, Any]
WORDS = 80  # of an explanation that is shortened


def size_of(message: Message, v5: bool) -> int:
    """Bytes of its PUBLISH packet, at most."""
    given = len(properties_of(message).pack()) if v5 else 0
    return 5 + 2 + len(message.topic.encode()) + 2 + given + len(message.payload)


def fitted(message: Message, limit: int, names: Names, v5: bool) -> Message | None:
    """The message in at most `limit` bytes; None if nothing of it can be sent."""
    over = size_of(message, v5) - limit
    if over <= 0:
        return message
    room = len(message.payload) - over
    kind = names.name_of(message.topic)
    if kind is None and message.correlation is not None:
        kind = "reply"  # at a response topic of the sender's
    shorter = SHORTER.get(kind or "")
    if shorter is None or room <= 0:
        return None
    for value in shorter(json.loads(message.payload)):
        payload = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        if len(payload) <= room:
            return message._replace(payload=payload)
    return None


def _result(value: Value) -> Iterator[Value]:
    error = value.get("error")
    value["timings_ms"] = {}
    yield value
    value["tools"] = [
        {**tool, "error": tool["error"] and {**tool["error"], "message": ""}}
        for tool in value["tools"]
    ]
    yield value
    value["tools"] = [tool for tool in value["tools"] if tool["verdict"] != "OK"]
    yield value
    value["meta"] = None
    if error:
        value["error"] = error = {**error, "message": error["message"][:WORDS]}
    yield value
    value["tools"] = value["tools"][:1]
    yield value
    value |= {"tools": [], "pose": None}
    if error:
        value["error"] = {**error, "message": ""}
    yield value
    value["program_hash"] = None
    value["images"] = {"raw": None, "annotated": None}
    yield value
    value |= {"captured_at": None, "program": None, "part_id": None}
    yield value


def _state(value: Value) -> Iterator[Value]:
    stations: dict[str, Value] = value.get("stations", {})
    yield value | {"broker": [each[:WORDS] for each in value.get("broker", ())][:3]}
    value |= {"broker": []}
    for station in stations.values():
        if station.get("error"):
            station["error"] = {**station["error"], "message": ""}
    yield value
    for station in stations.values():
        for name in ("simulated", "maintenance", "queue"):
            station.pop(name, None)
    yield value
    yield value | {"alarms": value.get("alarms", [])[:3]}
    yield {
        name: value[name]
        for name in ("state", "since", "version", "session", "protocol", "simulated")
        if name in value
    }


def _info(value: Value) -> Iterator[Value]:
    for name in ("schemas", "programs", "limits", "stations"):
        value[name] = {}
        yield value


def _reply(value: Value) -> Iterator[Value]:
    fault = Fault(code="REPLY_TOO_LARGE", message="the broker does not take a packet of this size")
    yield Reply(request_id=value["request_id"], ok=False, error=fault).model_dump(mode="json")


def _event(value: Value) -> Iterator[Value]:
    data: Value = value.get("data", {})
    yield value | {
        "data": {
            name: each[:WORDS] if isinstance(each, str) else each for name, each in data.items()
        }
    }
    yield value | {"data": {}}


def _alarm(value: Value) -> Iterator[Value]:
    for length in (500, 200, WORDS, 0):
        yield value | {"message": value.get("message", "")[:length]}


def _metrics(value: Value) -> Iterator[Value]:
    yield value | {"stations": {}}


SHORTER: dict[str, Callable[[Value], Iterator[Value]]] = {
    "result": _result,
    "latest": _result,
    "state": _state,
    "info": _info,
    "reply": _reply,
    "event": _event,
    "alarm": _alarm,
    "metrics": _metrics,
}
