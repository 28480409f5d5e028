"""MQTT packets as a broker sees them, versions 3.1.1 and 5: read into fields, and written."""

import struct
from typing import Any

KINDS = {
    1: "connect",
    3: "publish",
    4: "puback",
    8: "subscribe",
    10: "unsubscribe",
    12: "pingreq",
    14: "disconnect",
}
FORMS = {
    1: "byte", 2: "four", 3: "text", 8: "text", 9: "text", 11: "vary", 17: "four", 18: "text", 19: "two", 21: "text",  # noqa: E501
    22: "text", 23: "byte", 24: "four", 25: "byte", 26: "text", 28: "text", 31: "text", 33: "two", 34: "two", 35: "two",  # noqa: E501
    36: "byte", 37: "byte", 38: "pair", 39: "four", 40: "byte", 41: "byte", 42: "byte",
}  # fmt: skip
WILL_DELAY, EXPIRY, ASSIGNED_ID, KEEP_ALIVE, SERVER, REASON, RECEIVE_MAX = (
    24,
    17,
    18,
    19,
    28,
    31,
    33,
)
ALIASES, MAX_QOS, RETAIN, USER, MAX_PACKET, WILDCARDS, IDENTIFIERS, SHARED = (
    34,
    36,
    37,
    38,
    39,
    40,
    41,
    42,
)


class Reader:
    """The fields of a packet, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise ValueError("the packet is too short")
        self._at += size
        return piece

    def byte(self) -> int:
        return self.take(1)[0]

    def two(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def four(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def text(self) -> bytes:
        return self.take(self.two())

    def pair(self) -> tuple[bytes, bytes]:
        return self.text(), self.text()

    def vary(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value

    def properties(self) -> dict[int, Any]:
        """The properties by number; user properties are a list of pairs."""
        found: dict[int, Any] = {}
        end = self.vary() + self._at
        while self._at < end:
            number = self.byte()
            value = getattr(self, FORMS[number])()
            if number == USER:
                found.setdefault(number, []).append(value)
            else:
                found[number] = value
        return found

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    @property
    def more(self) -> bool:
        return self._at < len(self._data)


def vary(value: int) -> bytes:
    """A variable byte integer."""
    out = bytearray()
    while True:
        value, byte = value >> 7, value & 127
        out.append(byte | (128 if value else 0))
        if not value:
            return bytes(out)


def text(value: str | bytes) -> bytes:
    """A string with its length before it."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(raw)) + raw


def properties(values: dict[int, Any]) -> bytes:
    """Properties with their length before them."""
    out = b""
    for number, value in values.items():
        for each in value if number == USER else [value]:
            form = FORMS[number]
            out += bytes([number])
            if form == "byte":
                out += bytes([each])
            elif form in ("two", "four"):
                out += int(each).to_bytes(2 if form == "two" else 4, "big")
            elif form == "vary":
                out += vary(each)
            else:
                out += b"".join(text(part) for part in (each if form == "pair" else [each]))
    return vary(len(out)) + out


def packet(head: int, body: bytes) -> bytes:
    """A whole packet."""
    return bytes([head]) + vary(len(body)) + body
