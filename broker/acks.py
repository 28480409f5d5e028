"""Acknowledgements: in the order in which messages came, and which of them the broker may not have.

MQTT wants the order (4.6.0-2), and rumqttd ends the connection over any other. Nothing answers an
acknowledgement; but a broker reads in order, so its answer to whatever was sent later says that it
has it. What was worked off, and whose acknowledgement it may not have when the connection ends, can
come again over the next one (see again.py).
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from broker.wire import Incoming


class Ack(NamedTuple):
    """What acknowledges a message, on the connection over which it came and on no other."""

    mid: int
    qos: int


class Acks:
    """One connection's acknowledgements, which `send(mid, qos)` sends."""

    def __init__(self, send: Callable[[int, int], object]) -> None:
        self._send = send
        # messages whose acknowledgement has not been sent, in order; whether it may be
        self._came: dict[int, bool] = {}
        self._held: dict[int, Incoming] = {}  # of those, what is dealt with and may come again
        # sent, after this many packets that will be answered
        self._out: deque[tuple[int, Incoming]] = deque()
        self._asked = 0

    def came(self, mid: int) -> bool:
        """A message of QoS 1 came; False if it is here already. An id is free again once it has
        been acknowledged."""
        if mid in self._came:
            return False
        self._came[mid] = False
        return True

    def ack(self, ack: Ack, message: Incoming | None = None) -> None:
        """Acknowledge a message once all that came before it are acknowledged; `message` is its
        content, given if it matters that it may come again."""
        if ack.qos == 0:
            return
        self._came[ack.mid] = True
        if message is not None:
            self._held[ack.mid] = message
        while self._came and self._came[mid := next(iter(self._came))]:
            del self._came[mid]
            self._send(mid, ack.qos)
            if (held := self._held.pop(mid, None)) is not None:
                self._out.append((self._asked, held))

    def asked(self) -> int:
        """Something goes out that the broker will answer; returns its number."""
        self._asked += 1
        return self._asked

    def answered(self, number: int) -> None:
        """The broker has answered the message with this number."""
        while self._out and self._out[0][0] < number:
            self._out.popleft()

    @property
    def unsure(self) -> list[Incoming]:
        """Messages that were dealt with and may come again."""
        return [*(message for _, message in self._out), *self._held.values()]
