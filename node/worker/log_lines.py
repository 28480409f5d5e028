"""Lines of a worker process's log: they go to the node, with the part that is looked at."""

import json
import logging

from node.worker.wire import Wire


class LogLines(logging.Handler):
    """Sends them, and waits for no room: what finds none is lost."""

    def __init__(self, side: Wire, station: str) -> None:
        super().__init__()
        self._side = side
        self._station = station
        self._format = logging.Formatter()
        self._part: str | None = None

    def part(self, trigger_id: str | None) -> None:
        """The part that the main thread looks at now."""
        self._part = trigger_id

    def emit(self, record: logging.LogRecord) -> None:
        """Send it."""
        try:
            self._side.send(b"l", self._said(record), wait=False)
        except Exception:  # as handlers of logging do: a line is not part of what it reports
            self.handleError(record)

    def _said(self, record: logging.LogRecord) -> bytes:
        fields = {"station": self._station, **getattr(record, "fields", {})}
        if self._part is not None and record.threadName == "MainThread":
            fields["trigger_id"] = self._part
        trace = self._format.formatException(record.exc_info) if record.exc_info else None
        said = [record.name, record.levelno, record.getMessage(), trace, fields]
        return json.dumps(said, default=str).encode()
