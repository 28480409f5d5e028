"""Settings that are read again, on a thread of their own: a file on a dead share must not stop the
watch."""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from schemas import Problem
from schemas.settings.load import Loaded, load

log = logging.getLogger(__name__)

SLOW_S = 5.0


class Reload:
    """One reading at a time; a request during one is kept until that is over."""

    def __init__(self, config: Path | None, environ: Mapping[str, str]) -> None:
        self._config = config
        self._environ = environ
        self._wanted = False
        self._began_at: float | None = None
        self._slow_told = False
        self._read: list[Loaded | Problem] = []

    def want(self) -> None:
        """Read the settings again."""
        self._wanted = True

    def look(self) -> Loaded | Problem | None:
        """What was read, or why it cannot be used; None while there is nothing new. Never waits."""
        if self._wanted and self._began_at is None:
            self._wanted, self._slow_told, self._began_at = False, False, time.monotonic()
            threading.Thread(target=self._load, name="reload", daemon=True).start()
        if self._read:
            self._began_at = None
            return self._read.pop()
        return None

    def slow(self) -> bool:
        """True once for each reading that takes long."""
        slow = (
            self._began_at is not None
            and not self._slow_told
            and time.monotonic() - self._began_at > SLOW_S
        )
        self._slow_told = self._slow_told or slow
        return slow

    def _load(self) -> None:
        try:
            self._read.append(load(self._config, self._environ))
        except Problem as problem:
            self._read.append(problem)
        except Exception as error:  # whatever it is, the old settings stay, and it is reported
            log.exception("reload")
            self._read.append(Problem("SETTINGS_INVALID", f"{type(error).__name__}: {error}"))
