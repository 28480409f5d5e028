"""Triggers that were read and are not handed over yet: many at a time, in order, and acknowledged
once they are stored.

Under a flood more is read than is handed over: confirmations, commands and our own markers stand
among the triggers, and mosquitto 2.0.11 sends all that it has as soon as one message is
acknowledged, whatever Receive Maximum says. Triggers that cannot be stored stay where they are,
unacknowledged and growing older, and are tried again until they can: the broker brings no more than
its window meanwhile, and if the connection ends they come again.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from broker.acks import Ack
from broker.again import Again
from broker.connection import Connection
from broker.wire import Incoming
from schemas import Problem

TAKE = 96  # triggers that are handed over together; all else has its turn in between
LEAST = 16  # the same where the broker takes so few results at a time that they could not keep up
AHEAD = 16_384  # triggers that are read before the earlier ones are handed over, and their bytes
AHEAD_BYTES = 16 * 1024 * 1024
AGAIN_S = 0.25  # until triggers that cannot be stored are tried again


class Backlog(NamedTuple):
    """A message was sent while the node was away, or came late: it is at most this old."""

    outage_s: float


class Delivery(NamedTuple):
    """A trigger as the broker delivered it `waited_s` ago.

    redelivered: it may have been delivered before; same: by its content it is one that was handed
    over already.
    """

    station: str
    message: Incoming
    backlog: Backlog | None
    redelivered: bool
    waited_s: float = 0.0
    same: bool = False


class ReadTriggers:
    """See the head of this file. Used on the session's thread."""

    def __init__(self) -> None:
        self._line: deque[tuple[Delivery, Ack, float]] = deque()  # and when they were read
        self._bytes = 0
        self._again = Again()
        # why they cannot be stored; None if they can, or have not been tried
        self.unstored: Problem | None = None
        self._again_at = 0.0

    def __len__(self) -> int:
        return len(self._line)

    def began(self, *, session_present: bool) -> None:
        """A new connection."""
        self._again.began(session_present=session_present)

    def ended(self, connection: Connection) -> None:
        """The connection is over: what waits here comes again, and what was handed over may."""
        self._again.ended(connection.unsure)
        self._line.clear()
        self._bytes = 0
        self.unstored, self._again_at = None, 0.0

    def came(
        self, station: str, message: Incoming, ack: Ack, backlog: Backlog | None, *, fenced: bool
    ) -> None:
        """A trigger was read; `fenced` if it came before the fence: what comes again may then have
        lost its DUP flag."""
        same = self._again.is_one(message)
        delivery = Delivery(station, message, backlog, same or message.dup or fenced, same=same)
        self._line.append((delivery, ack, time.monotonic()))
        self._bytes += len(message.payload)

    @property
    def full(self) -> bool:
        """Whether too many wait for any more to be read."""
        return len(self._line) >= AHEAD or self._bytes >= AHEAD_BYTES

    @property
    def wait_s(self) -> float | None:
        """Seconds until the next batch should be handed over; None if none waits."""
        if not self._line:
            return None
        return AGAIN_S if self.unstored else 0.0

    @property
    def oldest(self) -> tuple[float, float] | None:
        """When the oldest was read (monotonic seconds), and the earliest time at which it may have
        been sent."""
        if not self._line:
            return None
        delivery, _, read_at = self._line[0]
        return read_at, read_at - (delivery.backlog.outage_s if delivery.backlog else 0.0)

    def turn(self, take: Callable[[list[Delivery]], None], connection: Connection) -> None:
        """A batch is handed over, and then acknowledged on the connection over which it came."""
        now = time.monotonic()
        if not self._line or now < self._again_at:
            return
        assert connection.said is not None
        batch = list(islice(self._line, min(TAKE, max(LEAST, connection.said.receive_max))))
        try:
            take([_aged(delivery, now - read_at) for delivery, _, read_at in batch])
        except Problem as problem:  # nothing is acknowledged
            self.unstored = problem
            self._again_at = time.monotonic() + AGAIN_S
            return
        self.unstored = None
        for delivery, ack, _ in batch:
            self._line.popleft()
            self._bytes -= len(delivery.message.payload)
            connection.ack(ack, delivery.message)


def _aged(delivery: Delivery, waited_s: float) -> Delivery:
    """A delivery that was read that long ago is older by as much."""
    backlog = delivery.backlog
    return delivery._replace(
        backlog=backlog and Backlog(backlog.outage_s + waited_s), waited_s=waited_s
    )
