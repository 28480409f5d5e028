"""Gunicorn's own lines and the access log, as all our lines: see schemas/logs.py."""

import logging
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from deploy import serving
from schemas import logs


class Log(Logger):  # type: ignore[misc]
    """What Gunicorn logs by. The access log has no query, which may say too much; path, user, ids come from web/headers.py."""

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
        address, user = environ.get("REMOTE_ADDR") or "-", environ.get("inspection.user", "-")
        path, ids = environ.get("inspection.path", "-"), environ.get("inspection.ids", "-")
        method, ms = environ.get("REQUEST_METHOD", "-"), int(request_time / timedelta(milliseconds=1))
        fields = {
            "event": f'{address} {user} "{method} {path}" {status} {sent} bytes {ms} ms {ids}',
            "address": address,
            "user": user,
            "method": method,
            "path": path,
            "status": int(status) if status.isdecimal() else 0,
            "bytes": sent,
            "duration_s": round(request_time.total_seconds(), 3),
            "request_id": ids,
        }
        logs.accessed(self.access_log, fields)

    def reopen_files(self) -> None:
        """Files follow by themselves."""

    def close_on_exec(self) -> None:
        """They are opened so."""
