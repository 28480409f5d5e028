"""Signals to the process, as the watch sees them."""

import signal
from typing import Any


class Signals:
    """SIGTERM and SIGINT ask for a stop, SIGHUP for a reload; the watch looks at it, no handler
    does any work."""

    def __init__(self) -> None:
        self._stop = False
        self._reload = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_stop(self, *_: Any) -> None:
        self._stop = True

    def _on_reload(self, *_: Any) -> None:
        self._reload = True

    @property
    def stop(self) -> bool:
        """Whether to stop."""
        return self._stop

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self._reload = self._reload, False
        return asked
