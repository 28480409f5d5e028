"""The node's own marks over one connection: sent, awaited, and what they say about everything else (see fence.py)."""

import json
import logging
import time
from contextlib import suppress

from broker.connection import Connection
from broker.fence import TOLD_S, Fence, Lag
from broker.turns import Turns
from broker.wire import Message
from schemas import new_id

log = logging.getLogger(__name__)

PROBE_S = 1.0
LOAD_S = 3.0  # after a trigger, markers go out each second


class Marking:
    """One connection's fence and lag. `topic` is that of the markers; `echoing` says whether they come back."""

    def __init__(self, turns: Turns, topic: str, *, session_present: bool, outage_s: float, keepalive_s: int) -> None:
        self.fence = Fence(session_present, outage_s)
        self.late_at = float("-inf")  # when things came late the last time
        self.probe_s = min(PROBE_S, keepalive_s / 2) if keepalive_s else PROBE_S
        self.echoing = False
        self._lag = Lag()
        self._turns = turns
        self._topic = topic
        self._probed_at = 0.0
        self._loaded_at = float("-inf")

    @property
    def behind_s(self) -> float:
        """How late is what comes now; 0 if it is fresh."""
        return self._lag.behind_s

    @property
    def current_at(self) -> float:
        """Up to here nothing was late on the way (monotonic seconds)."""
        return self._lag.current_at

    @property
    def age_s(self) -> float | None:
        """How old at most is what comes now; None if it is fresh."""
        return max(self.fence.backlog_s or 0.0, self._lag.behind_s) or None

    def answered(self, *, echoing: bool) -> None:
        """Subscriptions were answered."""
        self.echoing = echoing
        if not echoing:
            self.fence.refuse()

    def heard(self, *, trigger: bool) -> None:
        """Something was delivered."""
        self.fence.heard()
        if trigger:
            self._loaded_at = time.monotonic()

    def probe(self, connection: Connection, now: float) -> bool:
        """Send the marks that are due; True if the fence is given up now."""
        if self.fence.due():
            nonce = self._mark(connection)
            if nonce is not None:
                self.fence.sent(nonce)
        if now - self._probed_at >= self.probe_s:
            # when it was due: if that is long ago, nobody has looked since, wherever this process stood still
            due_at = self._probed_at + self.probe_s if self._probed_at > 0 else now
            self._probed_at = now
            self._lag.ping(min(now, due_at))
            connection.ping()
            loaded = now - self._loaded_at < LOAD_S or self._lag.behind_s > 0
            if loaded and self.echoing:
                self._mark(connection)
        if self._lag.behind_s > TOLD_S:
            self.late_at = now
        over = self.fence.waited()
        if over:
            log.warning("no echo of the fence marker: going on without the fence")
        return over

    def came(self, payload: bytes) -> bool:
        """A marker is back; True if it passes the fence."""
        with suppress(ValueError, TypeError, KeyError):
            nonce = json.loads(payload)["nonce"]
            self._lag.came(nonce)
            return self.fence.came(nonce)
        return False

    def pong(self) -> None:
        """A ping came back."""
        self._lag.pong()

    def stalled(self, connection: Connection, since: float) -> None:
        """What comes until the next answer may have waited since then (monotonic seconds)."""
        self._lag.ping(since)
        connection.ping()
        if self.echoing:
            self._lag.stood_still(since)
        self._probed_at = float("-inf")

    def _mark(self, connection: Connection) -> str | None:
        nonce = new_id()
        payload = json.dumps({"nonce": nonce}, separators=(",", ":")).encode()
        if not self._turns.marker(connection, Message(self._topic, payload)):
            return None
        self._lag.marker(nonce)
        return nonce
