"""`watch`: results, events, alarms and states as they come, until Ctrl-C; each result once, even
those that a broker lost."""

import argparse
import contextlib
import queue
from typing import Any

from broker.client import Client
from broker.ends import Delivered, Event, read_object
from broker.hearing import Hearing
from broker.threaded import NOT_YET, Driver
from broker.topics import Names
from broker.wire import Incoming
from deploy.cli import addressee, show
from schemas import utc
from schemas.base import plain

LOOK_S = 0.2
# a viewer may not ask for results: what was missed then stays missed, and the rest is shown
PATIENCE_S = 10.0
QUEUE_LIMIT = 1000


def watch(args: argparse.Namespace) -> int:
    """0 on Ctrl-C. A broker that cannot be reached at the start is a Problem; one that goes away
    later is waited for."""
    settings, node = addressee.reached(args)
    names = Names(settings.base, node)
    with Client(settings, node) as client:
        client.link()
    hearing = Hearing(
        names, stations=(args.station,) if args.station else (), patience_s=PATIENCE_S
    )
    messages: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue(QUEUE_LIMIT)

    def give(topic: str, payload: dict[str, Any]) -> None:
        # what is missed while nobody reads is asked for again
        while not driver.stopping.is_set():
            with contextlib.suppress(queue.Full):
                messages.put((topic, payload), timeout=LOOK_S)
                return

    def happened(event: Event) -> None:
        if isinstance(event, Delivered):
            give(names("result", event.station), event.result)

    def listen(received: Incoming) -> None:
        if (
            received.topic.startswith(others)
            and (value := read_object(received.topic, received.payload)) is not None
        ):
            give(received.topic, value)

    others = (names.prefix("event"), names.prefix("alarm"), names("state"))
    topics = (names("event", "+"), names("alarm", "+"), names("state"))
    driver = Driver(settings, [hearing], happened, topics, listen)
    trouble: str | None = NOT_YET
    try:
        while True:
            if driver.trouble != trouble and (trouble := driver.trouble) is not None:
                show.note(f"BROKER_AWAY: {trouble}; trying again")
            with contextlib.suppress(queue.Empty):
                _show(*messages.get(timeout=LOOK_S), names, args)
    except KeyboardInterrupt:
        return 0
    finally:
        driver.close()


def _show(topic: str, payload: dict[str, Any], names: Names, args: argparse.Namespace) -> None:
    if args.station and payload.get("station") not in (None, args.station):
        return
    if args.json:
        show.line({"topic": topic, "payload": payload})
    else:
        name = topic.removeprefix(f"{names.base}/{names.node}/")
        print(f"{utc()}  {plain(_told(name, payload), 400)}", flush=True)


def _told(name: str, payload: dict[str, Any]) -> str:
    kind, _, leaf = name.partition("/")
    if kind == "result":
        tools = " ".join(
            f"{tool.get('name')}={show.number(tool.get('value'))}"
            for tool in payload.get("tools") or ()
        )
        error = (payload.get("error") or {}).get("code") or ""
        part = payload.get("part_id") or payload.get("trigger_id")
        head = (
            f"{payload.get('verdict'):<5}  {leaf} #{payload.get('seq')}  {part} "
            f" {show.number(payload.get('duration_ms'))} ms"
        )
        return f"{head}  {error or tools}"
    if kind == "state":
        stations = payload.get("stations") or {}
        each = " ".join(
            f"{station}={seen.get('state')}({seen.get('program')})"
            for station, seen in stations.items()
        )
        alarms = ", ".join(payload.get("alarms") or ())
        return f"state  {payload.get('state')}  {each}{f'  alarms: {alarms}' if alarms else ''}"
    if kind == "alarm":
        return f"alarm  {leaf}  {payload.get('message') or 'over'}"
    data = " ".join(f"{key}={value}" for key, value in (payload.get("data") or {}).items())
    return f"event  {leaf}  {payload.get('station') or ''}  {data}"
