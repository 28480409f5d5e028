"""What waits to go out: results as they are committed, other messages in their turn, and topics
whose newest value counts.

Anybody may put something in, from any thread and without waiting; one session takes it out. An
outbox needs nothing but the names of the topics, so it is made first, and everything that has
something to say is given it. Each kind has a bound: results beyond it wait in the ledger, of other
messages the oldest is dropped and counted, and a topic whose newest value counts has one.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from broker.topics import TOPIC, Names
from broker.wire import Message
from schemas import Event, utc
from schemas.result import shorten

FEED_LIMIT = 512
MISC_LIMIT = 4000  # more than one `resend` with short forms


class Committed(Protocol):
    """A committed result that the broker has not confirmed: `id` grows with each commit."""

    @property
    def id(self) -> int: ...

    @property
    def result_id(self) -> str: ...

    @property
    def station(self) -> str: ...

    @property
    def payload(self) -> bytes: ...


class Outbox:
    """See the head of this file. `wake` is an eventfd that is written to when there is something
    new.

    control: the outbox of the connection for commands, for what is not to wait behind results,
    while that is open.
    """

    def __init__(
        self,
        names: Names,
        short: frozenset[str] = frozenset(),
        control: "Outbox | None" = None,
        contexts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.names = names
        self.control = control
        self._short = short  # stations whose results go out in their short form too
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.dropped = 0
        self.misc: deque[Message] = deque()
        self._flush_wanted = False
        self.contexts = contexts  # the traceparent that a result's trigger came with, by result id
        self._open = False
        self._attended = False
        self._owner: int | None = None
        self._lock = threading.Lock()
        self._feed: deque[Committed] = deque()
        self._missed: set[str] = set()
        self._newest: dict[str, Message] = {}

    # For all callers

    def committed(self, rows: list[Any]) -> None:
        """Results were committed, in this order. Called by the ledger, one commit at a time."""
        latest = TOPIC["latest"]
        with self._lock:
            for row in rows:
                if len(self._feed) < FEED_LIMIT and row.station not in self._missed:
                    self._feed.append(row)
                else:
                    self._missed.add(row.station)
                topic = self.names("latest", row.station)
                self._newest[topic] = Message(
                    topic, row.payload, latest.qos, latest.retain, latest.expiry_s
                )
        self.nudge()

    def flush_soon(self) -> bool:
        """Ask the thread that attends to this outbox to flush the ledger; False if none may do so
        promptly."""
        if not self._attended:
            return False
        self._flush_wanted = True
        self.nudge()
        return True

    def flush_asked(self) -> bool:
        """Whether somebody has asked for a flush since this was last asked."""
        asked, self._flush_wanted = self._flush_wanted, False
        return asked

    def post(
        self, name: str, leaf: str, payload: bytes, *, apart: bool = False, **extra: Any
    ) -> None:
        """Send a message of the topic table in its turn; apart: over the connection for commands,
        if there is one."""
        topic = TOPIC[name]
        message = Message(
            self.names(name, leaf), payload, topic.qos, topic.retain, topic.expiry_s, **extra
        )
        self.post_raw(message, apart=apart)

    def post_raw(self, message: Message, *, apart: bool = False) -> None:
        """Send any message in its turn; apart: see post()."""
        if apart and self.control is not None and self.control.take_in(message):
            return
        while len(self.misc) >= MISC_LIMIT:
            self.drop(self.misc.popleft())
        self.misc.append(message)
        self.nudge()

    def take_in(self, message: Message) -> bool:
        """Send any message in its turn; False if it would not go out before long."""
        with self._lock:
            if not self._open or len(self.misc) >= MISC_LIMIT:
                return False
            self.misc.append(message)
        self.nudge()
        return True

    def drop(self, message: Message) -> None:
        """Drop a message that cannot be sent."""
        self.dropped += 1
        if callable(message.token):
            message.token()

    def event(self, kind: str, station: str | None, data: dict[str, Any]) -> None:
        """Publish an event."""
        self.post(
            "event",
            kind,
            Event(type=kind, at=utc(), station=station, data=data).model_dump_json().encode(),
        )

    def retain(self, name: str, leaf: str, payload: bytes) -> None:
        """Publish the newest value of a retained topic; older ones not yet sent are forgotten."""
        topic = TOPIC[name]
        message = Message(self.names(name, leaf), payload, topic.qos, topic.retain, topic.expiry_s)
        with self._lock:
            self._newest[message.topic] = message
        self.nudge()

    def retain_again(self, message: Message) -> None:
        """A newest value that the broker did not take: it waits again, unless there is a newer
        one."""
        with self._lock:
            self._newest.setdefault(message.topic, message)

    def resend(self, station: str, payloads: list[bytes]) -> None:
        """Publish stored results again, byte for byte, marked `resend`."""
        for payload in payloads:
            short = self.short(station, payload)
            if short is not None:
                self.post_raw(short._replace(user=(("resend", "1"),)))
            self.post_raw(Message(self.names("result", station), payload, user=(("resend", "1"),)))

    def short(self, station: str, payload: bytes) -> Message | None:
        """The short form of a result, which goes out before it; None if the station has none."""
        return (
            Message(self.names("short", station), shorten(payload))
            if station in self._short
            else None
        )

    def nudge(self) -> None:
        """Wake the thread that attends to this outbox."""
        if threading.get_ident() == self._owner:  # on its own way it comes by anyway
            return
        with contextlib.suppress(OSError, ValueError):  # closed, or full of nudges
            os.eventfd_write(self.wake, 1)

    # For the session

    def attend(self, attended: bool) -> None:
        """The calling thread takes messages out from now on; `attended` says that it does so
        promptly."""
        self._owner = threading.get_ident()
        self._attended = attended

    def open(self) -> None:
        """Messages that are put in go out now."""
        with self._lock:
            self._open = True

    def shut(self) -> list[Message]:
        """Messages that are put in would wait, so no more are accepted; returns those that are
        waiting."""
        with self._lock:
            self._open = False
            waiting = list(self.misc)
            self.misc.clear()
            return waiting

    def close(self) -> None:
        """Nobody takes messages out any more; what is put in from here on stays."""
        self._attended = False
        wake, self.wake = self.wake, -1
        if wake >= 0:
            os.close(wake)

    @property
    def empty(self) -> bool:
        """Whether nothing waits but newest values."""
        return not (self._feed or self.misc)

    def take_rows(self) -> tuple[list[Committed], set[str]]:
        """The committed results that were handed over, and the stations that had more than there
        was room for."""
        with self._lock:
            rows, self._feed = list(self._feed), deque()
            missed, self._missed = self._missed, set()
            return rows, missed

    def take_misc(self) -> Iterator[Message]:
        """The messages that wait in their turn; each is given once."""
        while self.misc:
            yield self.misc.popleft()

    def take_newest(self, due: list[str]) -> list[Message]:
        """The newest values of these topics."""
        with self._lock:
            return [self._newest.pop(topic) for topic in due]

    def newest(self) -> list[str]:
        """Topics whose newest value waits."""
        with self._lock:
            return list(self._newest)
