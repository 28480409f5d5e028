"""Asking the node: a command and its data, or the problem that it replied with."""

import time
from typing import Any

from schemas import CATALOGUE, Problem
from web.presence import Presence
from web.site import site

REPLY_S = 5.0
FIRST_S = 1.5  # how long the first question waits until the topics are heard
NO_STATION = ("STATION_NOT_FOUND",)
NODE = ("BROKER_AWAY", "NODE_AWAY", "BUSY", "COMMAND_STALE")  # what any question may end in
Done = dict[str, Any]  # what the node replied


def command(name: str, limit_s: float = REPLY_S, **payload: Any) -> dict[str, Any]:
    """The data of the node's reply. Raises Problem BROKER_AWAY, NODE_AWAY, and those the node
    replies with."""
    # the routes have written down who asks
    payload = {"request_id": site().vouching.id(name), **payload}
    reply = site().client.request(name, payload, limit_s)
    if reply.ok:
        return reply.data or {}
    code, message = (reply.error.code, reply.error.message) if reply.error else ("INTERNAL", "")
    if code not in CATALOGUE:  # from a newer node
        raise Problem("INTERNAL", f"the node replied {code}: {message}")
    raise Problem.told(code, message)


def presence() -> Presence:
    """Whether the node is there, by what it said last; never waits."""
    return site().watch.presence


def presence_known() -> Presence:
    """The same; in the first moments of this process it waits a little until the broker has
    answered."""
    watch = site().watch
    watch.settled.wait(max(0.0, watch.began_at + FIRST_S - time.monotonic()))
    return presence()


def check_station(station: str) -> str:
    """The station, if it is in the settings. Raises Problem STATION_NOT_FOUND."""
    if station not in stations():
        raise Problem("STATION_NOT_FOUND", f"{station!r:.40}; there are {', '.join(stations())}")
    return station


def stations() -> list[str]:
    """The stations of the settings."""
    return [station.id for station in site().settings.station]
