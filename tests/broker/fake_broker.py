"""A broker in this process that does what its CONNACK says, keeps what it is told to keep, and can
be as difficult as any real one.

It speaks MQTT 3.1.1 and 5 over plain TCP, keeps sessions and retained messages in memory, and
enforces its terms: a client that breaks one is sent away and noted in `broken`. Its `rules` can be
changed while it runs. A test is the PLC and the observer itself: `publish` brings a message in,
`heard` holds everything that clients published.

One file: one broker, which keeps to MQTT's terms or breaks one that it is told to.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from tests.broker import packets
from tests.broker.packets import Reader, packet, properties, text

TERMS = {
    "receive_max": packets.RECEIVE_MAX,
    "max_packet": packets.MAX_PACKET,
    "max_qos": packets.MAX_QOS,
    "retain": packets.RETAIN,
    "keep_alive": packets.KEEP_ALIVE,
    "expiry": packets.EXPIRY,
    "wildcards": packets.WILDCARDS,
    "shared": packets.SHARED,
    "aliases": packets.ALIASES,
    "assigned_id": packets.ASSIGNED_ID,
    "reason": packets.REASON,
}
UNSPOKEN = ("max_packet",)  # terms that a broker may also keep to itself


@dataclass
class Rules:
    """How the broker behaves: what it says and enforces (names as in TERMS), what it refuses to
    whom, and how slow it is."""

    terms: dict[str, Any] = field(default_factory=dict)
    silent_terms: dict[str, Any] = field(default_factory=dict)  # enforced, but not said
    v5: Literal["yes", "refuse", "refuse as 3.1.1", "close", "silent"] = "yes"
    up: bool = True  # False: accepts and closes
    id_bytes: int = 65535
    # filter -> reason code
    deny_subscribe: dict[str, int | Literal["close"]] = field(default_factory=dict)
    denied_client: str = ""  # only for clients with such an id
    room: int = 1000  # for this many connections; those that come after them are refused
    one_client: bool = False  # a new client takes the place of the one that is there
    # of all connections: reason code, reason string, server reference
    refusal: tuple[int, str, str] | None = None
    # topic -> code of PUBACK
    deny_publish: dict[str, int | Literal["close", "disconnect"]] = field(default_factory=dict)
    no_dots: bool = False  # closes at a topic with a dot
    puback_s: float = 0.0
    deliver_s: float = 0.0  # between two deliveries
    answers_subscribe: bool = True
    suback_s: float = 0.0
    deaf: bool = False  # goes on reading, but says nothing more
    twice: bool = False  # delivers each message twice
    marks_again: bool = True  # False: delivers again without DUP, and after a marker, as rumqttd
    says_why: bool = True  # False: ends connections without a reason
    # False: does not keep to the receive maximum of a client, as mosquitto 2.0.11
    holds_back: bool = True


class Heard(NamedTuple):
    """A message that a client published."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    user: dict[str, str]
    size: int
    at: float


class _Session:
    def __init__(self) -> None:
        self.filters: dict[str, int] = {}
        self.queue: deque[tuple[str, bytes, int, bool]] = deque()
        self.in_flight: dict[int, tuple[str, bytes, int, bool]] = {}
        self.parked: list[tuple[str, bytes, int, bool]] = []
        self.mid = 0
        self.link: _Link | None = None


class FakeBroker:
    """See the head of this file. Everything public may be called from any thread."""

    def __init__(self, **rules: Any) -> None:
        self.rules = Rules(**rules)
        self.heard: list[Heard] = []
        self.connects: list[tuple[float, int, str]] = []  # when, version, client id
        self.pings = 0
        self.most_unacknowledged = 0
        self.broken: list[str] = []
        self.sessions: dict[str, _Session] = {}
        self.retained: dict[str, bytes] = {}
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="fake broker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, sock=self._listener)
        )
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            await link.serve()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, KeyError):
            pass  # the client left, or was sent away
        finally:
            self._links.discard(link)
            link.left()

    def close(self) -> None:
        """End."""

        async def end() -> None:
            if self._server is not None:
                self._server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.sleep(0)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(5)
        self._loop.close()

    def do(self, work: Callable[[], Any]) -> Any:
        """Run something on the broker's own thread, and wait for it."""

        async def run() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def publish(self, topic: str, *payloads: bytes, retain: bool = False, qos: int = 1) -> None:
        """Publish messages as a PLC does."""
        self.do(lambda: [self.route(topic, payload, qos, retain) for payload in payloads])

    def cut(self) -> None:
        """Reset all connections."""
        self.do(lambda: [link.writer.transport.abort() for link in list(self._links)])

    def send_away(self, code: int, why: str, server: str) -> None:
        """Send DISCONNECT to all clients, with a reason string and a server reference."""
        said = packet(
            0xE0, bytes([code]) + properties({packets.REASON: why, packets.SERVER: server})
        )

        def send() -> None:
            for link in list(self._links):
                link.writer.write(said)
                link.writer.close()

        self.do(send)

    def on(self, topic: str) -> list[Heard]:
        """What was published on a topic."""
        return [message for message in list(self.heard) if message.topic == topic]

    def route(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Deliver a message, now or when the client connects."""
        if retain:
            self.retained.pop(topic, None)
            if payload:
                self.retained[topic] = payload
        for session in self.sessions.values():
            granted = [most for each, most in session.filters.items() if matches(each, topic)]
            if granted:
                for _ in range(2 if self.rules.twice else 1):
                    session.queue.append((topic, payload, min(qos, *granted, 1), False))
                if session.link is not None:
                    session.link.deliver()

    def term(self, name: str, default: Any) -> Any:
        """The term that holds, whether said or not."""
        return self.rules.terms.get(name, self.rules.silent_terms.get(name, default))


class _Link:
    def __init__(
        self, broker: FakeBroker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.broker = broker
        self.reader = reader
        self.writer = writer
        self.v5 = True
        self.session: _Session | None = None
        self.client_id = ""
        self.receive_max = 65535
        self.keep_alive_s = 0
        self.unacknowledged = 0
        self._delivering = False
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def serve(self) -> None:
        if not self.broker.rules.up or not await self._connect():
            self.writer.close()
            return
        while True:
            try:
                kind, head, body, size = await asyncio.wait_for(
                    self._packet(), 1.5 * self.keep_alive_s or None
                )
            except TimeoutError:
                self._send_away(0x8D, f"nothing for {1.5 * self.keep_alive_s} s")
            while self.broker.rules.deaf:
                await asyncio.sleep(0.05)
            if self.writer.is_closing():  # this was lost with the connection
                raise ConnectionError
            if size > self.broker.term("max_packet", 1 << 28):
                self._send_away(0x95, f"a packet of {size} bytes")
            if kind == "publish":
                self._publish(head, body, size)
            elif kind == "puback" and self.session is not None:
                self._acknowledged(struct.unpack("!H", body[:2])[0])
            elif kind == "subscribe":
                self._subscribe(body)
            elif kind == "unsubscribe":
                self._unsubscribe(body)
            elif kind == "pingreq":
                self.broker.pings += 1
                self._write(packet(0xD0, b""))
            elif kind == "disconnect":
                return

    async def _packet(self) -> tuple[str, int, bytes, int]:
        head = (await self.reader.readexactly(1))[0]
        length = shift = 0
        size = 1
        while True:
            byte = (await self.reader.readexactly(1))[0]
            size += 1
            length |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        return (
            packets.KINDS.get(head >> 4, "?"),
            head,
            await self.reader.readexactly(length),
            size + length,
        )

    async def _connect(self) -> bool:
        _, _, body, _ = await self._packet()
        reader, rules = Reader(body), self.broker.rules
        reader.text()
        version, flags = reader.byte(), reader.byte()
        self.keep_alive_s = reader.two()
        self.v5 = version == 5
        given = reader.properties() if self.v5 else {}
        client_id = reader.text().decode()
        if flags & 4 and self.v5:
            reader.properties()
        self.broker.connects.append((time.monotonic(), version, client_id))
        if self.v5 and rules.v5 != "yes":
            if rules.v5 == "silent":
                await asyncio.sleep(3600)
            if rules.v5 != "close":
                self._write(packet(0x20, b"\0\x84\0" if rules.v5 == "refuse" else b"\0\x01"))
            return False
        if rules.refusal is not None:
            code, why, server = rules.refusal
            self._write(
                packet(
                    0x20,
                    bytes([0, code]) + properties({packets.REASON: why, packets.SERVER: server}),
                )
            )
            return False
        refusal = None
        if len(client_id) > rules.id_bytes:
            refusal = 0x85
        elif flags & 4 and flags & 32 and not self.broker.term("retain", 1):
            refusal = 0x9A
        elif flags & 4 and flags >> 3 & 3 > self.broker.term("max_qos", 2):
            refusal = 0x9B
        if refusal is not None:
            self._write(packet(0x20, bytes([0, refusal, 0]) if self.v5 else b"\0\x02"))
            return False
        others = [
            link
            for link in self.broker._links
            if link.session is not None and link.session.link is link
        ]
        if len(others) >= rules.room:
            self._write(packet(0x20, b"\0\x97\0" if self.v5 else b"\0\x03"))
            return False
        if rules.one_client:
            for link in others:
                link.writer.close()
        client_id = client_id or str(rules.terms.get("assigned_id", ""))
        known = self.broker.sessions.get(client_id)
        if known is not None and known.link is not None:
            known.link.writer.close()
        present = known is not None and not flags & 2
        self.client_id = client_id
        self.session = known if known is not None and present else _Session()
        self.broker.sessions[client_id] = self.session
        self.session.link = self
        self.keep_alive_s = rules.terms.get("keep_alive", self.keep_alive_s)
        self.receive_max = given.get(packets.RECEIVE_MAX, 65535)
        said = (
            properties({TERMS[name]: value for name, value in rules.terms.items()})
            if self.v5
            else b""
        )
        self._write(packet(0x20, bytes([present, 0]) + said))
        if not rules.marks_again:
            self.session.parked += self.session.in_flight.values()
            self.session.in_flight.clear()
        for mid, message in self.session.in_flight.items():
            self._deliver(message, mid, again=True)
        self.deliver()
        return True

    def _publish(self, head: int, body: bytes, size: int) -> None:
        broker, reader = self.broker, Reader(body)
        qos, retain = head >> 1 & 3, bool(head & 1)
        topic = reader.text().decode()
        mid = reader.two() if qos else 0
        given = reader.properties() if self.v5 else {}
        payload = reader.rest()
        self.unacknowledged += bool(qos)
        broker.most_unacknowledged = max(broker.most_unacknowledged, self.unacknowledged)
        if self.v5 and self.unacknowledged > broker.term("receive_max", 65535):
            self._send_away(0x93, f"{self.unacknowledged} without PUBACK")
        if retain and not broker.term("retain", 1):
            self._send_away(0x9A, f"{topic} retained")
        if qos > broker.term("max_qos", 2):
            self._send_away(0x9B, f"{topic} with QoS {qos}")
        denied = broker.rules.deny_publish.get(topic)
        if denied == "close" or (broker.rules.no_dots and "." in topic):
            self.writer.transport.abort()
            raise ConnectionError
        if denied == "disconnect":
            self._write(packet(0xE0, b"\x87\0") if self.v5 else b"")
            raise ConnectionError
        if isinstance(denied, int):
            self._acknowledge(mid, denied)
            return
        user = {name.decode(): value.decode() for name, value in given.get(packets.USER, ())}
        broker.heard.append(Heard(topic, payload, qos, retain, user, size, time.monotonic()))
        broker.route(topic, payload, qos, retain)
        if qos and broker.rules.puback_s:
            asyncio.get_running_loop().call_later(broker.rules.puback_s, self._acknowledge, mid)
        elif qos:
            self._acknowledge(mid)

    def _acknowledge(self, mid: int, code: int = 0) -> None:
        self.unacknowledged -= 1
        self._write(
            packet(0x40, struct.pack("!H", mid) + (bytes([code, 0]) if code and self.v5 else b""))
        )

    def _acknowledged(self, mid: int) -> None:
        assert self.session is not None
        # MQTT 4.6.0-2
        if mid != next(iter(self.session.in_flight), mid) and mid in self.session.in_flight:
            self._send_away(0x82, f"PUBACK {mid} came before that of an earlier message")
        self.session.in_flight.pop(mid, None)
        self.deliver()

    def _subscribe(self, body: bytes) -> None:
        assert self.session is not None
        broker, reader = self.broker, Reader(body)
        mid = reader.two()
        if self.v5:
            reader.properties()
        codes, new = b"", []
        while reader.more:
            each, options = reader.text().decode(), reader.byte()
            denied = self.client_id.startswith(broker.rules.denied_client)
            code: Any = broker.rules.deny_subscribe.get(each) if denied else None
            if code == "close":
                self.writer.transport.abort()
                raise ConnectionError
            if code is None and not broker.term("wildcards", 1) and set(each) & {"+", "#"}:
                code = 0xA2
            if code is None:
                code = self.session.filters[each] = min(options & 3, broker.term("max_qos", 2))
                new.append(each)
            codes += bytes([code if code < 0x80 or self.v5 else 0x80])
        if not broker.rules.answers_subscribe:
            return
        answer = packet(0x90, struct.pack("!H", mid) + (b"\0" if self.v5 else b"") + codes)
        if broker.rules.suback_s:
            asyncio.get_running_loop().call_later(broker.rules.suback_s, self._write, answer)
        else:
            self._write(answer)
        for topic, payload in broker.retained.items():
            if any(matches(each, topic) for each in new):
                self.session.queue.append((topic, payload, 1, True))
        self.deliver()

    def _unsubscribe(self, body: bytes) -> None:
        assert self.session is not None
        reader = Reader(body)
        mid = reader.two()
        if self.v5:
            reader.properties()
        codes = b""
        while reader.more:
            codes += (
                b"\x11" if self.session.filters.pop(reader.text().decode(), None) is None else b"\0"
            )
        self._write(packet(0xB0, struct.pack("!H", mid) + (b"\0" + codes if self.v5 else b"")))

    def deliver(self) -> None:
        """Send what waits, as much of it as the client takes at a time."""
        session = self.session
        if session is None or self._delivering:
            return
        while session.queue and (
            len(session.in_flight) < self.receive_max or not self.broker.rules.holds_back
        ):
            message = session.queue.popleft()
            if message[2]:
                session.mid = session.mid % 65535 + 1
                session.in_flight[session.mid] = message
            self._deliver(message, session.mid)
            if message[0].endswith("/_fence"):
                session.queue += session.parked
                session.parked = []
            if self.broker.rules.deliver_s:
                self._delivering = True
                asyncio.get_running_loop().call_later(self.broker.rules.deliver_s, self._deliver_on)
                return

    def _deliver_on(self) -> None:
        self._delivering = False
        self.deliver()

    def _deliver(
        self, message: tuple[str, bytes, int, bool], mid: int, *, again: bool = False
    ) -> None:
        topic, payload, qos, retain = message
        body = (
            text(topic)
            + (struct.pack("!H", mid) if qos else b"")
            + (b"\0" if self.v5 else b"")
            + payload
        )
        self._write(packet(0x30 | (8 if again and qos else 0) | qos << 1 | retain, body))

    def _send_away(self, code: int, why: str) -> None:
        self.broker.broken.append(why)
        if self.v5 and self.broker.rules.says_why:
            self._write(packet(0xE0, bytes([code, 0])))
        raise ConnectionError(why)

    def _write(self, data: bytes) -> None:
        if not self.broker.rules.deaf and not self.writer.is_closing():
            self.writer.write(data)

    def left(self) -> None:
        """The connection is over."""
        with contextlib.suppress(RuntimeError):  # the loop ends
            self.writer.close()
        if self.session is not None and self.session.link is self:
            self.session.link = None
            if self.broker.term("expiry", 1) == 0:
                self.session.filters.clear()
                self.session.queue.clear()


def matches(each: str, topic: str) -> bool:
    """Whether a filter takes a topic."""
    wanted, levels = each.split("/"), topic.split("/")
    return len(wanted) == len(levels) and all(
        want in ("+", level) for want, level in zip(wanted, levels, strict=True)
    )
