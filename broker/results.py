"""Results on their way: from the ledger to the broker's confirmation, each station in the order of
its commits.

Theory of operation. A committed result waits in the ledger until the broker has confirmed it. Each
station has a lane: what was handed over by the commits, or, where that was too much, a cursor from
which the ledger is read on. Of the lanes that may send, the one with the oldest result is served
first, so a station whose topic is in trouble holds up nobody but itself. A lane in trouble sends
one result at a time, so that a refused one is not overtaken by those behind it.

PUBACK says that the broker has a result, its echo (see fence.py) that the broker remembers having
it. The echo takes the row out of the outbox with the next commit, and is acknowledged after that,
so an echo lost to a crash comes again. A second without an echo is as good, and where there are no
echoes PUBACK is. A confirmation that could not be committed is made again.

One file: what is sent, echoed and confirmed of a result is one table, which every method changes.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from broker.outbox import Committed, Outbox

LANE_LIMIT = 256
BATCH = 64
# less than any broker's receive maximum: unacknowledged echoes must not hold up triggers
ECHOES = 8
ECHO_S = 0.02
ECHOLESS_S = 1.0
RESULT_HEAD = b'{"schema":"result/1","result_id":"'


class ResultLedger(Protocol):
    """What is needed from the ledger."""

    @property
    def lost(self) -> str | None:
        """What is missing since the last run, for people, None if nothing."""

    def pending(self, after: int, limit: int, station: str | None = None) -> Sequence[Committed]:
        """Unconfirmed results with an id above `after`, oldest first."""

    def pending_stations(self) -> list[str]:
        """Stations that have unconfirmed results."""

    def confirmed(self, result_ids: Iterable[str]) -> None:
        """These results leave the outbox."""

    def confirm_soon(self, result_id: str, settled: Callable[[], None]) -> None:
        """The same with the next commit; settled() is called once that is made."""

    def flush(self, *, tell: bool = True) -> bool:
        """Commit what is waiting; False if that takes too long. tell: call settled() at once."""

    def tell(self) -> None:
        """Call each settled() that is still to be called."""

    def outbox_last(self) -> int:
        """The greatest id ever given."""


class NoLedger:
    """The ledger of a session that carries no results."""

    lost: str | None = None

    def pending(self, after: int, limit: int, station: str | None = None) -> Sequence[Committed]:  # noqa: ARG002
        """See Ledger."""
        return ()

    def pending_stations(self) -> list[str]:
        """See Ledger."""
        return []

    def confirmed(self, result_ids: Iterable[str]) -> None:
        """See Ledger."""

    def confirm_soon(self, result_id: str, settled: Callable[[], None]) -> None:  # noqa: ARG002
        """See Ledger."""
        settled()

    def flush(self, *, tell: bool = True) -> bool:  # noqa: ARG002
        """See Ledger."""
        return True

    def tell(self) -> None:
        """See Ledger."""

    def outbox_last(self) -> int:
        """See Ledger."""
        return 0


class Sent:
    """A result on its way: `acked_at` is set by PUBACK."""

    __slots__ = ("acked_at", "row", "sure")

    def __init__(self, row: Committed) -> None:
        self.row = row
        self.acked_at: float | None = None
        self.sure = True


class _Lane:
    __slots__ = ("behind", "cursor", "in_flight", "rows")

    def __init__(self) -> None:
        self.rows: deque[Committed] = deque()
        self.behind = True
        self.cursor = 0
        self.in_flight = 0


class _Echo:
    __slots__ = ("acks", "came_at", "settled")

    def __init__(self, came_at: float) -> None:
        self.acks: list[Callable[[], None]] = []
        self.came_at = came_at
        self.settled = False


class Results:
    """See the head of this file. All methods are called on the session's thread."""

    def __init__(self, outbox: Outbox, ledger: ResultLedger) -> None:
        # rows up to here may have been sent over an earlier connection
        self.maybe_sent = ledger.outbox_last()
        # rows up to here may have been confirmed, which was lost with the end of the ledger: their
        # echoes do not come again
        self.maybe_confirmed = self.maybe_sent if ledger.lost is not None else 0
        self._echoing = False
        self.echoes = 0
        self._outbox = outbox
        self._ledger = ledger
        self._lanes: dict[str, _Lane] = {}
        self._in_flight: dict[str, Sent] = {}
        # the broker has these, and their confirmation is to be committed
        self._taken: list[str] = []
        self._echoed: dict[str, _Echo] = {}
        self._swept_at = 0.0

    @property
    def in_flight(self) -> int:
        """Results that wait for PUBACK or echo."""
        return len(self._in_flight)

    def answered(self, *, echoing: bool) -> None:
        """Subscriptions were answered: whether the broker brings the node's own results back."""
        self._echoing = echoing

    def rewind(self) -> None:
        """Read what is unconfirmed from the ledger again, from the oldest on. Raises Problem."""
        self.finish()  # confirmations that wait in line count already
        for station in self._ledger.pending_stations():
            self._lanes.setdefault(station, _Lane())
        for lane in self._lanes.values():
            lane.rows.clear()
            lane.behind, lane.cursor = True, 0

    def finish(self) -> None:
        """What the broker has confirmed leaves the outbox now. Raises Problem."""
        if self._taken:
            self._confirm(self._taken)
            self._taken = []
        self._ledger.flush()

    def end(self) -> None:
        """The connection is over: what the broker has confirmed leaves the outbox, now or later;
        the rest is sent again."""
        sure = [
            name
            for name, sent in self._in_flight.items()
            if sent.acked_at is not None and sent.sure
        ]
        sure += [name for name, echo in self._echoed.items() if not echo.settled]
        self.maybe_sent = max(
            [self.maybe_sent, *(sent.row.id for sent in self._in_flight.values())]
        )
        self._in_flight.clear()
        self._echoed.clear()
        for lane in self._lanes.values():
            lane.in_flight = 0
        self._taken += sure

    def next(self, may_send: Callable[[str, int], bool]) -> Committed | None:
        """The oldest result of those lanes for which may_send(station, how many are in flight) says
        so."""
        self._collect()
        best: Committed | None = None
        for station, lane in self._lanes.items():
            if (lane.rows or lane.behind) and may_send(station, lane.in_flight):
                row = self._head(station, lane)
                if row is not None and (best is None or row.id < best.id):
                    best = row
        return best

    def sent(self, row: Committed) -> Sent:
        """This one is on its way now."""
        lane = self._lanes[row.station]
        lane.rows.popleft()
        lane.cursor = row.id
        lane.in_flight += 1
        sent = self._in_flight[row.result_id] = Sent(row)
        return sent

    def acked(self, sent: Sent, *, sure: bool = True) -> None:
        """PUBACK came; not `sure` if the message was of QoS 0, which is written and no more."""
        if sent.acked_at is not None:
            return
        lane = self._lanes[sent.row.station]
        lane.in_flight = max(0, lane.in_flight - 1)
        sent.acked_at, sent.sure = time.monotonic(), sure
        if not self._echoing and sure:
            self._taken.append(sent.row.result_id)

    def refused(self, sent: Sent) -> None:
        """The broker does not take it: it is sent again later, before all behind it."""
        self._in_flight.pop(sent.row.result_id, None)
        lane = self._lanes[sent.row.station]
        lane.in_flight = max(0, lane.in_flight - 1)
        lane.rows.clear()
        lane.behind, lane.cursor = True, min(lane.cursor, sent.row.id - 1)

    def echo(self, payload: bytes, ack: Callable[[], None]) -> bool:
        """An echo came. True if it may be acknowledged now, else ack() does so once its
        confirmation is committed."""
        if not payload.startswith(RESULT_HEAD):
            return True
        result_id = payload[len(RESULT_HEAD) : len(RESULT_HEAD) + 36].decode("ascii", "replace")
        self.echoes += 1
        sent = self._in_flight.pop(result_id, None)
        # an echo can be faster than its PUBACK, which then finds nothing
        if sent is not None and sent.acked_at is None:
            self.acked(sent)
        echo = self._echoed.get(result_id)
        if echo is None:
            echo = self._echoed[result_id] = _Echo(time.monotonic())
            self._ledger.confirm_soon(result_id, partial(_settle, echo))
        echo.acks.append(ack)
        return False

    def settle(self, now: float, *, flush: bool) -> None:
        """Commit confirmations that are due. To be followed by told(), once what has been committed
        is on its way. Raises Problem."""
        waiting = [echo for echo in self._echoed.values() if not echo.settled]
        if flush or len(waiting) >= ECHOES or (waiting and now - waiting[0].came_at > ECHO_S):
            self._ledger.flush(tell=False)
        if self._taken:
            self._confirm(self._taken)
            self._taken = []
        if now - self._swept_at > ECHOLESS_S / 2:
            self._swept_at = now
            self._sweep(now)

    def told(self, now: float) -> float:
        """Those who posted hear of their commit, and echoes whose confirmation is committed are
        acknowledged; seconds until more may be due."""
        self._ledger.tell()
        for name in [name for name, echo in self._echoed.items() if echo.settled]:
            for ack in self._echoed.pop(name).acks:
                ack()
        if any(now - echo.came_at <= ECHOLESS_S for echo in self._echoed.values()):
            return ECHO_S
        return ECHOLESS_S / 2 if self._in_flight or self._echoed else ECHOLESS_S

    def _sweep(self, now: float) -> None:
        """Results whose echo has been away for long, and echoes whose commit failed, perhaps
        because of others in the same commit."""
        old = now - ECHOLESS_S
        self._confirm(
            [
                name
                for name, sent in self._in_flight.items()
                if sent.acked_at is not None and sent.acked_at < old
            ]
        )
        failed = [
            name for name, echo in self._echoed.items() if not echo.settled and echo.came_at < old
        ]
        self._confirm(failed)
        for name in failed:
            self._echoed[name].settled = True

    def _confirm(self, result_ids: list[str]) -> None:
        if result_ids:
            self._ledger.confirmed(result_ids)
            for result_id in result_ids:
                self._in_flight.pop(result_id, None)

    def _collect(self) -> None:
        rows, missed = self._outbox.take_rows()
        for station in missed:
            self._lanes.setdefault(station, _Lane()).behind = True
        for row in rows:
            lane = self._lanes.get(row.station)
            if lane is None:
                lane = self._lanes[row.station] = _Lane()
            if not lane.behind:
                lane.rows.append(row)
                # what comes behind these is read from the ledger
                lane.behind = len(lane.rows) >= LANE_LIMIT

    def _head(self, station: str, lane: _Lane) -> Committed | None:
        """The next row of a lane, read from the ledger if need be."""
        while True:
            while lane.rows:
                row = lane.rows[0]
                if row.id > lane.cursor and not self._known(row.result_id):
                    return row
                lane.rows.popleft()
                lane.cursor = max(lane.cursor, row.id)
            if not lane.behind:
                return None
            rows: Any = self._ledger.pending(lane.cursor, BATCH, station)
            lane.behind = len(rows) == BATCH
            lane.rows.extend(rows)
            if not rows:
                return None

    def _known(self, result_id: str) -> bool:
        """Whether the broker has it, or may have it."""
        return result_id in self._in_flight or result_id in self._echoed or result_id in self._taken


def _settle(echo: _Echo) -> None:
    echo.settled = True
