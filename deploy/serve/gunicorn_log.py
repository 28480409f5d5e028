"""Gunicorn's own lines and the access log, in the form of all our lines: see schemas/logs."""

import logging
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from deploy.serve import serving
from deploy.serve.access_log import accessed
from schemas import logs


class GunicornLog(Logger):  # type: ignore[misc]
    """What Gunicorn logs with."""

    def setup(self, cfg: Any) -> None:
        """At the start, and at a reload."""
        self.cfg = cfg
        self._access_log_enabled = True
        settings = serving.current().settings
        for each in (self.error_log, self.access_log):
            each.handlers.clear()
            each.propagate = True
            each.setLevel(logging.INFO if each is self.access_log else settings.log_level)
        logs.begin(settings, "web")

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:  # noqa: ARG002
        """One line for one answer, with nothing raw in it."""
        status, sent = str(resp.status).partition(" ")[0], getattr(resp, "sent", None) or 0
        accessed(self.access_log, environ, status, sent, request_time)

    def reopen_files(self) -> None:
        """Files follow by themselves."""

    def close_on_exec(self) -> None:
        """They are opened so."""
