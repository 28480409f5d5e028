"""What the node says, as last heard: one thread follows its topics, and passes each message on to
who listens.

Nothing is taken that is not what the topic's model says, or is of a station that is not ours:
whoever may publish there changes what pages show, and breaks none. An alarm that cannot be read is
still an alarm, and shown as one.

The thread begins with the first who asks, so that a command that only makes an application starts
none. The web goes on without broker and node: `broker` then says why nothing is heard.
"""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from broker.client import Client
from broker.topics import Names
from schemas import Alarm, Event, Info, Metrics, NodeState, Problem, Result
from schemas.base import plain, utc
from schemas.errors import CATALOGUE

log = logging.getLogger(__name__)
FOLLOWED = ("state", "info", "result", "latest", "alarm", "event", "metrics")
ONE_LEVEL = ("result", "latest", "alarm", "event")
AGAIN_S = 2.0
SILENT_S = 25.0  # metrics come every 10 s
MOST_ALARMS = 200
MOST_BYTES = 256 * 1024
MODELS: dict[str, type[BaseModel]] = {
    "state": NodeState,
    "info": Info,
    "result": Result,
    "latest": Result,
    "alarm": Alarm,
    "event": Event,
    "metrics": Metrics,
}
ALARM_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
UNREADABLE = CATALOGUE["BAD_MESSAGE"].message
Presence = Literal["ok", "away", "silent", "broker away"]
Agreement = Literal["same", "other", "unknown"]
APART_S = 5.0  # a reload of both takes a moment
Heard = Callable[[str, str, dict[str, Any]], None]


class NodePresence:
    """`state`, `info`, `metrics` (None until heard), `alarms` by code and `latest` by station; read
    them from any thread.

    Listeners get the topic's name in the table, its last part (station, type or code, else empty)
    and the payload; {} is a cleared topic. They run on the thread that reads, so they only store
    and wake.
    """

    def __init__(
        self,
        names: Names,
        connect: Callable[[], Client],
        stations: Collection[str],
        fingerprint: str = "",
    ) -> None:
        """fingerprint: of the settings that this web goes by (schemas/settings/fingerprint.py)."""
        self.broker: Problem | None = Problem("BROKER_AWAY", "not connected yet")
        self.state: dict[str, Any] | None = None
        self.info: dict[str, Any] | None = None
        self.metrics: dict[str, Any] | None = None
        self.alarms: dict[str, dict[str, Any]] = {}
        self.latest: dict[str, dict[str, Any]] = {}
        self.heard_at = 0.0
        self.began_at = 0.0
        # the node's state has been heard, or the broker found to be away
        self.settled = threading.Event()
        self.listeners: list[Heard] = []
        self.refused = 0  # messages that were not what they should be
        self.names = names
        self._stations = frozenset(stations)
        self._fingerprint = fingerprint
        self._apart_since: float | None = None
        self._connect = connect
        self._client: Client | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._prefixes = {names.prefix(name): name for name in FOLLOWED}

    def start(self) -> "NodePresence":
        """Begin to follow; a second call does nothing."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self.began_at = time.monotonic()
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
        return self

    def close(self) -> None:
        """Stop following; a second call does nothing."""
        self._ended.set()
        client = self._client
        if client is not None:
            client.close()

    @property
    def age_s(self) -> float | None:
        """How long ago anything was heard, None if never."""
        return time.monotonic() - self.heard_at if self.heard_at else None

    @property
    def presence(self) -> Presence:
        """Whether the node is there, by what it said last and when; never waits."""
        if self.broker is not None:
            return "broker away"
        if self.state is None or self.state.get("state") == "Offline":
            return "away"
        age_s = self.age_s
        return "ok" if age_s is not None and age_s < SILENT_S else "silent"

    @property
    def agreement(self) -> Agreement:
        """Whether the node goes by the same settings as this web; `other` once that has lasted."""
        told = (self.info or {}).get("settings")
        if not told or not self._fingerprint or self.presence != "ok":
            self._apart_since = None
            return "unknown"
        if told == self._fingerprint:
            self._apart_since = None
            return "same"
        now, since = time.monotonic(), self._apart_since  # which another thread may end
        if since is None:
            since = self._apart_since = now
        return "other" if now - since >= APART_S else "unknown"

    def _run(self) -> None:
        while not self._ended.is_set():
            self._client = client = self._connect()
            try:
                client.link()
                self.broker = None
                topics = [self.names(name, "+" if name in ONE_LEVEL else "") for name in FOLLOWED]
                for topic, value in client.follow(topics, MOST_BYTES):
                    self._take(topic, value)
                    if self._ended.is_set():
                        break
            except Problem as problem:
                self.broker = problem
                self.settled.set()
                self.state = self.metrics = None
            finally:
                with contextlib.suppress(Problem):
                    client.close()
            self._ended.wait(AGAIN_S)

    def _take(self, topic: str, value: dict[str, Any]) -> None:
        name, leaf = self._named(topic)
        checked = self._checked(name, leaf, value)
        if checked is None:
            self.refused += 1
            if self.refused < 10 or self.refused % 1000 == 0:
                log.warning(
                    "%s: not what its model says (%d such messages)",
                    plain(topic, 200),
                    self.refused,
                )
            return
        value = checked
        self.heard_at = time.monotonic()
        if name == "state":
            self.state = value or None
            self.settled.set()
        elif name == "info":
            self.info = value or None
        elif name == "metrics":
            self.metrics = value
        elif name == "latest":
            self.latest[leaf] = value
        elif name == "alarm":
            self.alarms = self._alarms_with(leaf, value)
        for listener in tuple(self.listeners):
            try:
                listener(name, leaf, value)
            except Exception:  # a fault of one listener must not end what all the others hear
                log.exception("a listener failed at %s", topic)

    def _checked(self, name: str, leaf: str, value: dict[str, Any]) -> dict[str, Any] | None:
        """The value, if it is what its topic allows; a stand-in for an alarm that is not; None for
        what is to be left out."""
        if not value:
            return (
                value
                if name in ("state", "info", "latest")
                or (name == "alarm" and ALARM_CODE.fullmatch(leaf))
                else None
            )
        try:
            said = MODELS[name].model_validate(value)
        except (ValidationError, KeyError):
            if name == "alarm" and ALARM_CODE.fullmatch(leaf):
                known = self.alarms.get(leaf)
                since = (
                    known["since"]
                    if known is not None and known["message"] == UNREADABLE
                    else utc()
                )
                return {"code": leaf, "message": UNREADABLE, "since": since, "station": None}
            return None
        if isinstance(said, Result) and (
            leaf not in self._stations or said.station != leaf or said.node != self.names.node
        ):
            return None
        if isinstance(said, NodeState) and not self._stations >= said.stations.keys():
            return {
                **value,
                "stations": {
                    station_id: each
                    for station_id, each in value["stations"].items()
                    if station_id in self._stations
                },
            }
        if isinstance(said, Alarm):
            if not ALARM_CODE.fullmatch(leaf):
                return None
            return {**value, "message": said.message[:1000]}
        return value

    def _alarms_with(self, code: str, value: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The alarms with this one as it is now. If there are too many, one that can be read pushes
        out one that cannot."""
        alarms = {known: alarm for known, alarm in self.alarms.items() if known != code}
        if value and len(alarms) >= MOST_ALARMS:
            noise = next(
                (known for known, alarm in alarms.items() if alarm["message"] == UNREADABLE), None
            )
            if noise is None or value["message"] == UNREADABLE:
                return alarms
            del alarms[noise]
        return {**alarms, code: value} if value else alarms

    def _named(self, topic: str) -> tuple[str, str]:
        if (name := self._prefixes.get(topic)) is not None:
            return name, ""
        head, _, leaf = topic.rpartition("/")
        return self._prefixes.get(f"{head}/", ""), leaf
