"""Events that would come with every message: each kind is published only now and then, for each
station."""

import time
from typing import Any

from broker.outbox import Outbox

SELDOM_S = 10.0
KINDS = 256  # a bound: station names come from topics


class Seldom:
    """Called as outbox.event is; what comes again within 10 s is counted, and told with the next
    one as `more`."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._told: dict[tuple[str, str | None], tuple[float, int]] = {}

    def __call__(self, kind: str, station: str | None, data: dict[str, Any]) -> None:
        """Publish an event, unless one of its kind was published just now."""
        now = time.monotonic()
        at, more = self._told.get((kind, station), (-SELDOM_S, 0))
        if now - at < SELDOM_S:
            self._told[kind, station] = at, more + 1
            return
        if len(self._told) >= KINDS:
            self._told.clear()
        self._told[kind, station] = now, 0
        self._outbox.event(kind, station, data | {"more": more} if more else data)
