"""Live streams: what the node says, to every browser that listens, without a result missing or told
twice.

Theory of operation. A stream remembers the `seq` it told last of each station; that is also its
event id (`cam1:4711,cam2:88`), with which a browser that was cut off asks to go on. Results come
from MQTT; whatever is missing between the last told and the next heard (a lost connection of the
browser, of the web, of the node) is read from the ledger, and while the broker is away the ledger
alone is asked, once a second.

What concerns all streams is done once for all: a result is put into JSON once, and one thread (the
pulse) looks after broker, node and the end of this process. A stream itself only waits for its
queue and asks now and then whether it is still allowed, so a thousand of them are idle when nothing
happens.

A reader who does not keep up is dropped: its queue is bounded, and its socket is shut so that the
thread that is stuck in sending is free again. It may come back with its event id, and misses
nothing.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from typing_extensions import TypedDict

from schemas import Problem, utc
from schemas.store.history.rows import History
from web.site import Site
from web.stream import END, MISSED, Said, Stream, compact, parse_event_id

PULSE_S = 0.5
HEARTBEAT_S = 10.0
POLL_S = 1.0
WORDS = ("broker", "node", "settings")  # of a link: each is reported when it changes
TOLD = {"state": "state", "alarm": "alarm", "event": "event", "result": "result"}


class LinkState(TypedDict):
    """Whether broker and node are there, how old the newest word of the node is, and whether it
    goes by the settings that the web goes by (same, other, unknown)."""

    broker: str
    node: str
    settings: str
    message: str | None
    age_s: float | None
    at: str


class Live:
    """What is heard, to the streams that are open, at most `limit` at a time."""

    def __init__(
        self,
        site: Site,
        history: History,
        stations: list[str],
        limit: int,
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self.history = history
        self.stations = stations
        self.limit = limit
        self._ending = ending
        self._beating = False
        self._watch = site.watch
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        self._watch.listeners.append(self._heard)
        site.listeners.append(lambda kind, details: self.tell("notice", kind, details))

    def __len__(self) -> int:
        return len(self._streams)

    def open(
        self,
        last_event_id: str,
        sock: socket.socket | None = None,
        person: str = "",
        screen: bool = False,
    ) -> "Stream":
        """A stream, of a person or a screen; close it in the end.

        A person has half of all places at most. When all are taken, whoever has the most of them
        gives one to whoever has less. Raises Problem BUSY.
        """
        with self._lock:
            if self._ending():
                raise Problem("BUSY", "the server is restarting", retry_after_s=1)
            self._sweep()
            taken = Counter(stream.person for stream in self._streams)
            if taken[person] >= max(1, self.limit // 2):
                raise Problem(
                    "BUSY", f"{taken[person]} event streams of yours are open", retry_after_s=5
                )
            if len(self._streams) >= self.limit:
                most, count = taken.most_common(1)[0]
                if count <= taken[person] + 1:
                    raise Problem("BUSY", f"{self.limit} event streams are open", retry_after_s=5)
                dropped = next(stream for stream in self._streams if stream.person == most)
                self._streams.discard(dropped)
                dropped.drop()
            seen = parse_event_id(last_event_id, self.stations)
            stream = Stream(self, seen, sock, person, screen)
            self._streams.add(stream)
            if not self._beating:
                self._beating = True
                threading.Thread(target=self._pulse, name="pulse", daemon=True).start()
        return stream

    def closed(self, stream: "Stream") -> None:
        """A stream has ended."""
        with self._lock:
            self._streams.discard(stream)

    def _sweep(self) -> None:
        """Streams whose browser has left take no place: a browser that goes from page to page opens
        one after the other."""
        for stream in [stream for stream in self._streams if stream.left]:
            self._streams.discard(stream)
            stream.drop()

    def tell(self, kind: str, leaf: str, data: dict[str, Any], seq: int = 0) -> None:
        """Something to tell every stream; never waits."""
        if kind == "alarm":
            data = {"code": leaf, "alarm": data or None}
        elif kind == "notice":
            data = {"kind": leaf, **data}
        self._say(Said(kind, leaf, seq, compact(data)))

    def _say(self, said: Said) -> None:
        with self._lock:
            streams = tuple(self._streams)
        for stream in streams:
            stream.offer(said)

    def _pulse(self) -> None:
        """As long as there are streams."""
        # the first streams may have been greeted with another state of the link
        told: dict[str, Any] = dict.fromkeys(WORDS)
        beat, polled, last = time.monotonic(), 0.0, [0]
        while True:
            time.sleep(PULSE_S)
            with self._lock:
                self._sweep()
                if not self._streams:
                    self._beating = False
                    return
            now, link = time.monotonic(), self.link()
            if any(link[each] != told[each] for each in WORDS) or now - beat >= HEARTBEAT_S:
                beat = now
                self._say(Said("link", text=compact(link)))
                if (link["broker"], told["broker"]) == ("ok", "away"):
                    self._say(MISSED)  # what was published while nobody listened
            told = link
            if link["broker"] != "ok" and now - polled >= POLL_S:
                polled, before, last = now, last, self._last()
                if last != before:
                    self._say(MISSED)
            if self._ending():
                self._say(END)

    def _last(self) -> list[int]:
        try:
            return [self.history.last_seq(station) for station in self.stations]
        except Problem:
            return []  # the streams find out why

    def link(self) -> dict[str, Any]:
        """Whether broker and node are there, and how old the newest word of the node is."""
        broker, age_s, presence = self._watch.broker, self._watch.age_s, self._watch.presence
        node = "unknown" if presence == "broker away" else presence
        return {
            "broker": "ok" if broker is None else "away",
            "node": node,
            "settings": self._watch.agreement,
            "message": broker.message if broker else None,
            "age_s": None if age_s is None else round(age_s, 1),
            "at": utc(),
        }

    def snapshot(self) -> dict[str, Any]:
        """Everything that is known now, for a page that has just been opened."""
        return {
            "link": self.link(),
            "state": self._watch.state,
            "alarms": self._watch.alarms,
            "latest": {
                station: value
                for station, value in self._watch.latest.items()
                if station in self.stations
            },
        }

    def _heard(self, name: str, leaf: str, value: dict[str, Any]) -> None:
        if name not in TOLD or (name == "result" and leaf not in self.stations):
            return
        seq = value.get("seq") if name == "result" else 0
        if isinstance(seq, int):
            self.tell(name, leaf, value, seq)
