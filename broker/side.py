"""Whom a connection works for, how long it may take, and how it ends."""

from typing import Any, NamedTuple, Protocol

from paho.mqtt.reasoncodes import ReasonCode

from broker.acks import Ack
from broker.terms import Terms
from broker.wire import Incoming, Message
from schemas.base import plain

TOLD = 200  # characters of what a broker says
REFUSALS = {  # a word for each reason code of CONNACK; see Presence
    0x84: "protocol",
    0x85: "client_id",
    0x86: "refused",
    0x87: "refused",
    0x8A: "refused",
    0x8C: "refused",
    0x8E: "taken_over",
    0x9A: "retain",
    0x9B: "qos",
    0x9C: "moved",
    0x9D: "moved",
}
ENDINGS = {0x8E: "taken_over", 0x9C: "moved", 0x9D: "moved"}  # of a connection that was good


class Times(NamedTuple):
    """Time limits of a connection in seconds: to connect, without a sign of life, of a farewell."""

    connect_s: float = 5.0
    dead_s: float = 15.0
    farewell_s: float = 2.0


class ConnectionEnd(NamedTuple):
    """Why a connection ended: a word for counters, a sentence for people, and the broker's reason
    code if it gave one."""

    reason: str
    message: str
    code: int | None = None


class Side(Protocol):
    """Whom a connection works for; every method is called on the connection's own thread."""

    def connected(self, said: Terms) -> None:
        """CONNACK came."""

    def subscribed(self, topic: str, refused: str | None, qos: int) -> None:
        """SUBACK came for one filter."""

    def unsubscribed(self, topics: list[str], refused: str | None) -> None:
        """UNSUBACK came."""

    def received(self, message: Incoming, ack: Ack) -> None:
        """A message came; ack() acknowledges it, now or later. Raising ends the connection."""

    @property
    def full(self) -> bool:
        """Whether nothing more should be read now."""

    def turn(self) -> None:
        """Do a batch of what was read. Raising ends the connection."""

    def pong(self) -> None:
        """A ping came back."""

    def stalled(self, since: float) -> None:
        """This thread, or the process, has not looked since then (monotonic seconds): what comes
        now may be that old."""

    def confirmed(self, message: Message, code: int, reason: str | None) -> None:
        """PUBACK came for a message; `reason` if it was refused."""

    def pump(self) -> float:
        """Send what there is, by send(), while there is room; seconds until it wants to be called
        again."""


def told(reason: ReasonCode, given: Any) -> str:
    """What the broker said, and what it named, for people."""
    why = f": {plain(given.ReasonString, TOLD)}" if hasattr(given, "ReasonString") else ""
    other = (
        f" (it names {plain(given.ServerReference, TOLD)})"
        if hasattr(given, "ServerReference")
        else ""
    )
    return f"{reason}{why}{other}"
