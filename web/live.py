"""Live streams: what the node says, to every browser that listens, without a result missing or told twice.

Theory of operation. A stream remembers the `seq` it told last of each station; that is also its event id (`cam1:4711,cam2:88`),
with which a browser that was cut off asks to go on. Results come from MQTT; whatever is missing between the last told and the
next heard (a lost connection of the browser, of the web, of the node) is read from the ledger, and while the broker is
away the ledger alone is asked, once a second.

What concerns all streams is done once for all: a result is put into JSON once, and one thread (the pulse) looks after broker,
node and the end of this process. A stream itself only waits for its queue and asks now and then whether it is still allowed,
so a thousand of them are idle when nothing happens.

A reader who does not keep up is dropped: its queue is bounded, and its socket is shut so that the thread that is stuck
in sending is free again. It may come back with its event id, and misses nothing.
"""

import contextlib
import json
import queue
import re
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from schemas import Problem, utc
from schemas.store.history import History
from web.site import Site

QUEUE_LIMIT = 256
PULSE_S = 0.5
HEARTBEAT_S = 10.0
ACCESS_S = 3.0
POLL_S = 1.0
SEND_S = 15.0
REPLAY = 1000  # results that are told again at most
STEP = 200
EVENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}:[0-9]{1,15}(,[a-z0-9][a-z0-9-]{0,31}:[0-9]{1,15}){0,31}")
TOLD = {"state": "state", "alarm": "alarm", "event": "event", "result": "result"}


class Said(NamedTuple):
    """One thing for all streams: an event in JSON; seq is that of a result, else 0. MISSED and END are no events."""

    kind: str
    leaf: str = ""
    seq: int = 0
    text: str = ""


MISSED = Said("missed")  # the ledger may have more
END = Said("end")  # this process ends; the browser comes again by itself and misses nothing


class Live:
    """What is heard, to the streams that are open, at most `limit` at a time."""

    def __init__(
        self, site: Site, history: History, stations: list[str], limit: int, ending: Callable[[], bool] = lambda: False
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

    def open(self, last_event_id: str, sock: socket.socket | None = None, person: str = "") -> "Stream":
        """A stream; close it in the end.

        A person has half of all places at most. When all are taken, who has the most of them gives one to who has less.
        Raises Problem BUSY.
        """
        with self._lock:
            if self._ending():
                raise Problem("BUSY", "the server starts anew", retry_after_s=1)
            self._sweep()
            taken = Counter(stream.person for stream in self._streams)
            if taken[person] >= max(1, self.limit // 2):
                raise Problem("BUSY", f"{taken[person]} event streams of yours are open", retry_after_s=5)
            if len(self._streams) >= self.limit:
                most, count = taken.most_common(1)[0]
                if count <= taken[person] + 1:
                    raise Problem("BUSY", f"{self.limit} event streams are open", retry_after_s=5)
                dropped = next(stream for stream in self._streams if stream.person == most)
                self._streams.discard(dropped)
                dropped.drop()
            stream = Stream(self, parse_event_id(last_event_id, self.stations), sock, person)
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
        """Streams whose browser has left take no place: who goes from page to page opens one after the other."""
        for stream in [stream for stream in self._streams if stream.left]:
            self._streams.discard(stream)
            stream.drop()

    def tell(self, kind: str, leaf: str, data: dict[str, Any], seq: int = 0) -> None:
        """Something for every stream; never waits."""
        if kind == "alarm":
            data = {"code": leaf, "alarm": data or None}
        elif kind == "notice":
            data = {"kind": leaf, **data}
        self._say(Said(kind, leaf, seq, _json(data)))

    def _say(self, said: Said) -> None:
        with self._lock:
            streams = tuple(self._streams)
        for stream in streams:
            stream.offer(said)

    def _pulse(self) -> None:
        """As long as there are streams."""
        told: dict[str, Any] = {"broker": None, "node": None}  # the first streams may have been greeted with another link
        beat, polled, last = time.monotonic(), 0.0, [0]
        while True:
            time.sleep(PULSE_S)
            with self._lock:
                self._sweep()
                if not self._streams:
                    self._beating = False
                    return
            now, found = time.monotonic(), self.link()
            if (found["broker"], found["node"]) != (told["broker"], told["node"]) or now - beat >= HEARTBEAT_S:
                beat = now
                self._say(Said("link", text=_json(found)))
                if (found["broker"], told["broker"]) == ("ok", "away"):
                    self._say(MISSED)  # what was published while nobody listened
            told = found
            if found["broker"] != "ok" and now - polled >= POLL_S:
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
            "message": broker.message if broker else None,
            "age_s": None if age_s is None else round(age_s, 1),
            "at": utc(),
        }

    def snapshot(self) -> dict[str, Any]:
        """Everything that is known now, for a page that begins."""
        return {
            "link": self.link(),
            "state": self._watch.state,
            "alarms": self._watch.alarms,
            "latest": {station: value for station, value in self._watch.latest.items() if station in self.stations},
        }

    def _heard(self, name: str, leaf: str, value: dict[str, Any]) -> None:
        if name not in TOLD or (name == "result" and leaf not in self.stations):
            return
        seq = value.get("seq") if name == "result" else 0
        if isinstance(seq, int):
            self.tell(name, leaf, value, seq)


class Stream:
    """One browser's stream."""

    def __init__(self, live: Live, seen: dict[str, int], sock: socket.socket | None, person: str = "") -> None:
        self.dropped = False
        self.person = person
        self._live = live
        self._seen = seen
        self._socket = sock
        self._queue: queue.Queue[Said] = queue.Queue(QUEUE_LIMIT)
        self._open = True
        if sock is not None:
            sock.settimeout(SEND_S)

    @property
    def left(self) -> bool:
        """Whether the other side has closed, which sending would find out only with the next event."""
        if self._socket is None or (number := self._socket.fileno()) < 0:
            return False
        poll = select.poll()
        poll.register(number, select.POLLRDHUP)
        return bool(poll.poll(0))

    def offer(self, said: Said) -> None:
        """Something to tell; a stream that has no room for it is dropped."""
        try:
            self._queue.put_nowait(said)
        except queue.Full:
            self.drop()

    def drop(self) -> None:
        """End it from another thread, also if its own is stuck in sending."""
        self.dropped, self._open = True, False
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(END)
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it has ended already
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """It has ended; called by the server, whatever happened."""
        self._open = False
        self._live.closed(self)

    def run(self, allowed: Callable[[], bool]) -> Iterator[bytes]:
        """The text of the stream (text/event-stream); `allowed` is asked every few seconds and ends it when it is False."""
        yield b"retry: 2000\n\n"
        self._begin()
        yield _event("hello", _json(self._live.snapshot()))
        for station in self._live.stations:
            yield from self._missed(station)
        asked = time.monotonic()
        while self._open:
            try:
                said = self._queue.get(timeout=max(0.0, asked + ACCESS_S - time.monotonic()))
            except queue.Empty:
                said = None
            if said is END:
                return
            if said is not None:
                yield from self._told(said)
            if time.monotonic() - asked >= ACCESS_S:
                asked = time.monotonic()
                if not allowed():
                    yield _event("end", _json({"reason": "the session has ended, or its role has changed"}))
                    return

    def _begin(self) -> None:
        """What was told before this stream is what its event id says, but never more than there is."""
        for station in self._live.stations:
            try:
                last = self._live.history.last_seq(station)
            except Problem:  # told in `link` and health; live results go on
                self._seen.pop(station, None)
                continue
            self._seen[station] = min(self._seen.get(station, last), last)

    def _told(self, said: Said) -> Iterator[bytes]:
        if said is MISSED:
            for station in self._live.stations:
                yield from self._missed(station)
            return
        if said.kind != "result":
            yield _event(said.kind, said.text)
            return
        seen = self._seen.get(said.leaf)
        if seen is not None and said.seq <= seen:
            if not self._began_anew(said.leaf, seen):
                return  # told from the ledger already, or sent again on demand
            seen = None
        if seen is not None and said.seq > seen + 1:
            yield from self._missed(said.leaf, said.seq)
        if said.seq > self._seen.get(said.leaf, 0) or seen is None:
            yield self._result(said.leaf, said.seq, said.text)

    def _began_anew(self, station: str, seen: int) -> bool:
        try:
            return self._live.history.last_seq(station) < seen
        except Problem:
            return False

    def _missed(self, station: str, before: int | None = None) -> Iterator[bytes]:
        """Results that the ledger has and this stream has not told."""
        seen = self._seen.get(station)
        if seen is None:
            return
        try:
            last = self._live.history.last_seq(station) if before is None else before - 1
            if last - seen > REPLAY:
                yield _event("gap", _json({"station": station, "from_seq": seen + 1, "to_seq": last - REPLAY}))
                self._seen[station] = seen = last - REPLAY
            while self._open and seen < last:
                rows = self._live.history.after(station, seen, STEP)
                for seq, payload in rows:
                    if before is not None and seq >= before:
                        return
                    yield self._result(station, seq, _json(json.loads(payload)))
                if not rows:
                    return
                seen = rows[-1][0]
        except Problem as problem:
            yield _event("notice", _json({"kind": "history", "code": problem.code, "message": problem.message}))

    def _result(self, station: str, seq: int, text: str) -> bytes:
        self._seen[station] = seq
        return _event("result", text, ",".join(f"{name}:{number}" for name, number in sorted(self._seen.items())))


def parse_event_id(text: str, stations: list[str]) -> dict[str, int]:
    """Station to seq in an event id of ours; {} for anything else, which begins anew."""
    if len(text) > 2000 or not EVENT_ID.fullmatch(text):
        return {}
    pairs = (item.split(":") for item in text.split(","))
    return {station: int(seq) for station, seq in pairs if station in stations}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))  # no line breaks: JSON escapes them


def _event(kind: str, text: str, id: str | None = None) -> bytes:
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {kind}\ndata: {text}\n\n".encode()
