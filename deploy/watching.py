"""`watch`: results, events, alarms and states as they come, until Ctrl-C."""

import argparse
import time
from typing import Any

from broker.client import Client
from deploy import show, target
from schemas import Problem, utc
from schemas.base import plain

RETRY_S = 2.0


def watch(args: argparse.Namespace) -> int:
    """0 on Ctrl-C. A broker that cannot be reached at the start is a Problem, one that goes away later is waited for."""
    with target.client(args) as client:
        client.link()
        topics = [client.names("result", args.station or "+"), *(client.names(name, "+") for name in ("event", "alarm"))]
        topics.append(client.names("state"))
        try:
            while True:
                _follow(client, topics, args)
                time.sleep(RETRY_S)
        except KeyboardInterrupt:
            return 0


def _follow(client: Client, topics: list[str], args: argparse.Namespace) -> None:
    try:
        for topic, payload in client.follow(topics):
            if args.station and payload.get("station") not in (None, args.station):
                continue
            name = topic.removeprefix(f"{client.names.base}/{client.names.node}/")
            if args.json:
                show.line({"topic": topic, "payload": payload})
            else:
                print(f"{utc()}  {plain(_told(name, payload), 400)}", flush=True)
    except Problem as problem:
        show.note(f"{problem.code}: {problem.message}; trying again")


def _told(name: str, payload: dict[str, Any]) -> str:
    kind, _, leaf = name.partition("/")
    if kind == "result":
        tools = " ".join(f"{tool.get('name')}={show.number(tool.get('value'))}" for tool in payload.get("tools") or ())
        error = (payload.get("error") or {}).get("code") or ""
        part = payload.get("part_id") or payload.get("trigger_id")
        head = (
            f"{payload.get('verdict'):<5}  {leaf} #{payload.get('seq')}  {part}  {show.number(payload.get('duration_ms'))} ms"
        )
        return f"{head}  {error or tools}"
    if kind == "state":
        stations = payload.get("stations") or {}
        each = " ".join(f"{station}={found.get('state')}({found.get('program')})" for station, found in stations.items())
        alarms = ", ".join(payload.get("alarms") or ())
        return f"state  {payload.get('state')}  {each}{f'  alarms: {alarms}' if alarms else ''}"
    if kind == "alarm":
        return f"alarm  {leaf}  {payload.get('message') or 'over'}"
    data = " ".join(f"{key}={value}" for key, value in (payload.get("data") or {}).items())
    return f"event  {leaf}  {payload.get('station') or ''}  {data}"
