"""The node's own marks over one connection: sent, awaited, and what they say about everything else
(see fence.py)."""

import json
import logging
import time
from collections import deque
from contextlib import suppress

from broker.connection import Connection
from broker.fence import AGAIN_S, MARKS, TOLD_S, Fence, Lag, Overdue
from broker.turns import Turns
from broker.wire import Message
from schemas import new_id

log = logging.getLogger(__name__)

PROBE_S = 1.0
LOAD_S = 3.0  # after a trigger or a command, markers go out each second


class Marking:
    """One connection's fence and lag. `topic` is that of the markers; `echoing` says whether they
    come back."""

    def __init__(
        self, turns: Turns, topic: str, *, session_present: bool, outage_s: float, keepalive_s: int
    ) -> None:
        self.fence = Fence(session_present, outage_s)
        self.late_at = float("-inf")  # when things last came late
        self.probe_s = min(PROBE_S, keepalive_s / 2) if keepalive_s else PROBE_S
        self.echoing = False
        self.swallowed = False  # the broker takes markers and delivers none, as far as is known
        self._lag = Lag()
        self._overdue = Overdue()
        self._nonces: deque[str] = deque(maxlen=MARKS)
        self._marked_at = 0.0
        self._turns = turns
        self._topic = topic
        self._probed_at = 0.0
        self._loaded_at = float("-inf")

    @property
    def behind_s(self) -> float:
        """How late what comes now is; 0 if it is fresh."""
        return self._lag.behind_s

    @property
    def current_at(self) -> float:
        """Up to here nothing was late on the way (monotonic seconds)."""
        return self._lag.current_at

    @property
    def age_s(self) -> float | None:
        """The greatest age of what comes now; None if it is fresh."""
        return max(self.fence.backlog_s or 0.0, self._lag.behind_s) or None

    def told(self) -> list[str]:
        """A sentence if markers do not come back."""
        if self.swallowed:
            return [
                f"the broker does not bring back what the node publishes to {self._topic}: what"
                " waited at the broker is told from what is new by pauses only"
            ]
        if self.fence.long:
            return [
                f"the broker has not yet brought back what the node published to {self._topic}:"
                " what comes before that is taken for old"
            ]
        return []

    def answered(self, *, echoing: bool) -> None:
        """Subscriptions were answered."""
        self.echoing = echoing
        if not echoing:
            self.fence.refuse()

    def heard(self, *, work: bool) -> None:
        """Something was delivered."""
        self.fence.heard()
        self._overdue.heard()
        if work:
            self._loaded_at = time.monotonic()

    def probe(self, connection: Connection, now: float, *, held: bool = False) -> bool:
        """Send the marks that are due; True if the fence is given up now. `held` if triggers are
        not acknowledged yet."""
        if self.fence.due():
            nonce = self._mark(connection)
            if nonce is not None:
                self.fence.sent(nonce)
        if now - self._probed_at >= self.probe_s:
            # when it was due: if that is long ago, nothing has looked since, wherever this process
            # stood still
            due_at = self._probed_at + self.probe_s if self._probed_at > 0 else now
            self._probed_at = now
            self._ping(connection, min(now, due_at), held=held)
            loaded = now - self._loaded_at < LOAD_S or self._lag.behind_s > 0
            if self.echoing and (now - self._marked_at > AGAIN_S if self.swallowed else loaded):
                self._mark(connection)
        if self._lag.behind_s > TOLD_S:
            self.late_at = now
        over = self.fence.waited()
        if self._overdue.lost and not self.swallowed:
            over = over or not self.fence.passed
            self.fence.give_up()
            self._without()
        if over:
            log.warning("no echo of the fence marker: going on without the fence")
            if self.echoing:
                self._without()
        return over

    def taken(self, payload: bytes) -> None:
        """The broker has confirmed a marker, which may be back already."""
        if json.loads(payload)["nonce"] in self._nonces:
            self._overdue.taken()

    def refused(self) -> None:
        """The broker refuses to take markers."""
        self.fence.refuse()
        self._without()

    def _without(self) -> None:
        self.swallowed = True
        self._lag.forget()

    def came(self, payload: bytes) -> bool:
        """A marker is back; True if it passes the fence."""
        with suppress(ValueError, TypeError, KeyError):
            nonce = json.loads(payload)["nonce"]
            self._lag.came(nonce)
            if nonce in self._nonces:
                self._nonces.remove(nonce)
                self._overdue.came()
                self.swallowed = False
            return self.fence.came(nonce)
        return False

    def pong(self) -> None:
        """A ping came back."""
        self._lag.pong()
        self._overdue.ponged()

    def stalled(self, connection: Connection, since: float) -> None:
        """What comes until the next answer may have waited since then (monotonic seconds)."""
        self._ping(connection, since, held=True)
        if self.echoing and not self.swallowed:
            self._lag.stood_still(since)
        self._probed_at = float("-inf")

    def _ping(self, connection: Connection, at: float, *, held: bool) -> None:
        self._lag.ping(at)
        self._overdue.pinged(held=held)
        connection.ping()

    def _mark(self, connection: Connection) -> str | None:
        nonce = new_id()
        payload = json.dumps({"nonce": nonce}, separators=(",", ":")).encode()
        if not self._turns.marker(connection, Message(self._topic, payload)):
            return None
        self._nonces.append(nonce)
        self._marked_at = time.monotonic()
        if not self.swallowed:
            self._lag.marker(nonce)
        return nonce
