"""Faults of our own in what is done beside the inspections: chores and the care of the ledger."""

import logging
import threading
import time

from node.alarms import Alarms

log = logging.getLogger(__name__)

TOLD_S = 600.0  # how long a fault is reported after it happened last, as a station's is


class Faults:
    """Sets the alarm FAULT of the node, while something failed in a way that nobody foresaw."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._lock = threading.Lock()
        self._last: dict[str, tuple[str, float]] = {}  # what failed: how, and when (monotonic s)

    def happened(self, what: str, error: Exception) -> None:
        """It failed just now: told at once, and in the log with its trace where it fails anew."""
        said = f"{what}: {type(error).__name__}: {error}"[:200].encode("utf-8", "replace").decode()
        with self._lock:
            known = self._last.get(what)
            self._last[what] = said, time.monotonic()
        if known is None or known[0] != said:
            log.error("%s failed", what, exc_info=error)
        self.tell()

    def tell(self) -> None:
        """Raise the alarm, change it or clear it; call it now and then."""
        with self._lock:
            now = time.monotonic()
            self._last = {
                name: (said, at) for name, (said, at) in self._last.items() if now - at < TOLD_S
            }
            self._alarms.set("FAULT", "; ".join(said for said, _ in self._last.values()) or None)
