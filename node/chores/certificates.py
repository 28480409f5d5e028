"""Certificates that end soon: an alarm from 30 days before, checked every hour by a thread that
nothing waits for."""

import threading
import time

from node.alarms import Alarms
from node.metrics import NodeMetrics
from schemas import Settings
from schemas.certificates import Certificate, certificates

LOOK_S = 3600.0


class CertificateWatch:
    """Reads the files again every hour; if a share does not answer, the last known state stays."""

    def __init__(self, settings: Settings, alarms: Alarms, metrics: NodeMetrics) -> None:
        self._settings, self._alarms, self._metrics = settings, alarms, metrics
        self._thread: threading.Thread | None = None
        self._look_at = 0.0
        self._found: tuple[Certificate, ...] = ()

    def tell(self) -> None:
        """Report what was found last, and begin to look again when it is time."""
        if time.monotonic() >= self._look_at and (
            self._thread is None or not self._thread.is_alive()
        ):
            self._look_at = time.monotonic() + LOOK_S
            self._thread = threading.Thread(target=self._look, name="certificates", daemon=True)
            self._thread.start()
        for one in self._found:
            if (days := one.days()) is not None:
                self._metrics.certificates.labels(one.path).set(days)
        self._alarms.set(
            "CERTIFICATE", "; ".join(filter(None, (one.trouble() for one in self._found))) or None
        )

    def _look(self) -> None:
        self._found = tuple(certificates(self._settings))
