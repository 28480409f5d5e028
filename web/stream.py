"""One browser's event stream: what it was told, what it missed, and the text of both."""

import contextlib
import json
import queue
import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from schemas import Problem
from schemas.store.history.rows import History

QUEUE_LIMIT = 256
ACCESS_S = 3.0
SEND_S = 15.0
REPLAY = 1000  # results that are sent again at most
STEP = 200
EVENT_ID = re.compile(
    r"[a-z0-9][a-z0-9-]{0,31}:[0-9]{1,15}(,[a-z0-9][a-z0-9-]{0,31}:[0-9]{1,15}){0,31}"
)


class Said(NamedTuple):
    """One thing for all streams: an event in JSON; seq is that of a result, else 0. MISSED and END
    are not events."""

    kind: str
    leaf: str = ""
    seq: int = 0
    text: str = ""


MISSED = Said("missed")  # the ledger may have more
FOR_SCREENS = (
    "alarm.acknowledged",
    "ng.acknowledged",
)  # notices; the others are about people and their sessions
END = Said("end")  # this process ends; the browser connects again by itself and misses nothing


class Told(Protocol):
    """What a stream tells: `live.Live`."""

    history: History
    stations: list[str]

    def snapshot(self) -> dict[str, Any]:
        """Everything that is known now."""

    def closed(self, stream: "Stream") -> None:
        """A stream has ended."""


class Stream:
    """One browser's stream; `screen`: that of a screen in a hall, which is told nothing of
    people."""

    def __init__(
        self,
        live: Told,
        seen: dict[str, int],
        sock: socket.socket | None,
        person: str = "",
        screen: bool = False,
    ) -> None:
        self.dropped = False
        self.person = person
        self._screen = screen
        self._live = live
        self._seen = seen
        self._socket = sock
        self._queue: queue.Queue[Said] = queue.Queue(QUEUE_LIMIT)
        self._open = True
        if sock is not None:
            sock.settimeout(SEND_S)

    @property
    def left(self) -> bool:
        """Whether the other side has closed, which sending would find out only with the next
        event."""
        if self._socket is None or (number := self._socket.fileno()) < 0:
            return False
        poll = select.poll()
        poll.register(number, select.POLLRDHUP)
        return bool(poll.poll(0))

    def offer(self, said: Said) -> None:
        """Something to tell this browser; a stream that has no room for it is dropped."""
        if self._screen and said.kind == "notice" and said.leaf not in FOR_SCREENS:
            return
        try:
            self._queue.put_nowait(said)
        except queue.Full:
            self.drop()

    def drop(self) -> None:
        """End it from another thread, also if its own is stuck while sending."""
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
        """The text of the stream (text/event-stream); `allowed` is asked every few seconds and ends
        it when it is False."""
        yield b"retry: 2000\n\n"
        self._begin()
        yield _event("hello", compact(self._live.snapshot()))
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
                    yield _event(
                        "end", compact({"reason": "the session has ended, or its role has changed"})
                    )
                    return

    def _begin(self) -> None:
        """What was told before this stream is what its event id says, but never more than there
        is."""
        for station in self._live.stations:
            try:
                last = self._live.history.last_seq(station)
            except Problem:  # reported in `link` and health; live results go on
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
                return  # already sent from the ledger, or sent again on demand
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
                yield _event(
                    "gap",
                    compact({"station": station, "from_seq": seen + 1, "to_seq": last - REPLAY}),
                )
                self._seen[station] = seen = last - REPLAY
            while self._open and seen < last:
                rows = self._live.history.after(station, seen, STEP)
                for seq, payload in rows:
                    if before is not None and seq >= before:
                        return
                    yield self._result(station, seq, compact(json.loads(payload)))
                if not rows:
                    return
                seen = rows[-1][0]
        except Problem as problem:
            yield _event(
                "notice",
                compact({"kind": "history", "code": problem.code, "message": problem.message}),
            )

    def _result(self, station: str, seq: int, text: str) -> bytes:
        self._seen[station] = seq
        return _event(
            "result",
            text,
            ",".join(f"{name}:{number}" for name, number in sorted(self._seen.items())),
        )


def parse_event_id(text: str, stations: list[str]) -> dict[str, int]:
    """Station to seq in an event id of ours; {} for anything else, which begins anew."""
    if len(text) > 2000 or not EVENT_ID.fullmatch(text):
        return {}
    pairs = (item.split(":") for item in text.split(","))
    return {station: int(seq) for station, seq in pairs if station in stations}


def compact(value: Any) -> str:
    """JSON without blanks and line breaks, which it escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _event(kind: str, text: str, event_id: str | None = None) -> bytes:
    head = f"id: {event_id}\n" if event_id is not None else ""
    return f"{head}event: {kind}\ndata: {text}\n\n".encode()
