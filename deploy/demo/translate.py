"""MQTT 3.1.1 and 3.1 into MQTT 5 and back, packet by packet and without I/O: for clients of a
broker that speaks MQTT 5 only.

The versions differ by the properties, which an old client neither sends nor may get, and by the
reason codes. What an old client means by CleanSession 0 is a session that does not expire.
"""

from collections.abc import Iterator

MAX_BYTES = 17 * 1024 * 1024
CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH = (
    1,
    2,
    3,
    8,
    9,
    10,
    11,
    14,
    15,
)
NO_PROPERTIES = b"\x00"
FOR_EVER = b"\x05\x11\xff\xff\xff\xff"  # session expiry interval
# those of 3.1.1; 3 for whatever else is wrong
CONNECT_CODES = {0x84: 1, 0x85: 2, 0x88: 3, 0x86: 4, 0x87: 5, 0x8A: 5}


class Packets:
    """The packets in a stream of bytes, as each becomes complete. Raises ValueError for what is not
    MQTT."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    @property
    def rest(self) -> bytes:
        """What is not yet a whole packet."""
        return bytes(self._bytes)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """First byte and body of each packet that is complete now."""
        self._bytes += data
        while (number := _number(self._bytes, 1)) is not None:
            length, at = number
            if length > MAX_BYTES:
                raise ValueError("the packet is too large")
            if len(self._bytes) < at + length:
                return
            first, body = self._bytes[0], bytes(self._bytes[at : at + length])
            del self._bytes[: at + length]
            yield first, body


def packet(first: int, body: bytes) -> bytes:
    """A packet as bytes."""
    length, size = bytearray(), len(body)
    while True:
        size, digit = size >> 7, size & 0x7F
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes((first,)) + bytes(length) + body


def level(body: bytes) -> int:
    """The version in a CONNECT packet: 3 for MQTT 3.1, 4 for 3.1.1, 5. Raises ValueError."""
    at = 2 + int.from_bytes(body[:2])
    if body[2:at] not in (b"MQTT", b"MQIsdp") or len(body) < at + 4:
        raise ValueError("this is no CONNECT packet")
    return body[at]


def refusal(*, old: bool) -> bytes:
    """A CONNACK that lets nobody in: not authorised."""
    return packet(CONNACK << 4, b"\x00\x05" if old else b"\x00\x87" + NO_PROPERTIES)


def newer(first: int, body: bytes) -> bytes:
    """A packet from a client of 3.1.1 as MQTT 5. Raises ValueError."""
    kind = first >> 4
    if kind == CONNECT:
        return packet(first, _connect(body))
    if kind == PUBLISH:
        at = _after_topic(first, body)
        return packet(first, body[:at] + NO_PROPERTIES + body[at:])
    if kind in (SUBSCRIBE, UNSUBSCRIBE):
        return packet(first, body[:2] + NO_PROPERTIES + body[2:])
    return packet(first, body)


def older(first: int, body: bytes) -> bytes | None:
    """A packet from the broker as MQTT 3.1.1; None where 3.1.1 has no such packet, and the
    connection ends. Raises ValueError."""
    kind = first >> 4
    if kind == CONNACK:
        code = body[1]
        return packet(first, bytes((body[0], CONNECT_CODES.get(code, 3) if code else 0)))
    if kind == PUBLISH:
        at = _after_topic(first, body)
        return packet(first, body[:at] + body[_after_properties(body, at) :])
    if kind == SUBACK:
        return packet(
            first, body[:2] + bytes(min(code, 0x80) for code in body[_after_properties(body, 2) :])
        )
    if kind in (DISCONNECT, AUTH):
        return None
    return packet(first, body[:2])  # acknowledgements: their packet id; answers to a ping have none


def _connect(body: bytes) -> bytes:
    at = 2 + int.from_bytes(body[:2])
    flags, keepalive = body[at + 1], body[at + 2 : at + 4]
    client_id, at = _string(body, at + 4)
    wanted = NO_PROPERTIES if flags & 0x02 else FOR_EVER
    made = b"\x00\x04MQTT\x05" + bytes((flags,)) + keepalive + wanted + client_id
    if flags & 0x04:
        made += NO_PROPERTIES  # of the will
    return made + body[at:]


def _after_topic(first: int, body: bytes) -> int:
    _, at = _string(body, 0)
    return at + (2 if first & 0x06 else 0)


def _after_properties(body: bytes, at: int) -> int:
    number = _number(body, at)
    if number is None:
        raise ValueError("the packet is too short")
    return number[0] + number[1]


def _string(body: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(body[at : at + 2])
    if len(body) < end:
        raise ValueError("the packet is too short")
    return body[at:end], end


def _number(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """A number of 1 to 4 bytes and where it ends; None if it is not complete. Raises ValueError."""
    value = 0
    for place in range(4):
        if at + place >= len(data):
            return None
        value |= (data[at + place] & 0x7F) << (7 * place)
        if data[at + place] < 0x80:
            return value, at + place + 1
    raise ValueError("the length of a packet has at most 4 bytes")
