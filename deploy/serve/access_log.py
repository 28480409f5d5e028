"""A line of the access log: the same for every server, without the query, which may say too much,
and with nothing raw in it."""

import logging
from datetime import timedelta
from typing import Any

from schemas import logs


def accessed(
    logger: logging.Logger, environ: dict[str, Any], status: str, sent: int, took: timedelta
) -> None:
    """One answer was given. Path, user and ids of the request come from web/headers.py."""
    address, user = environ.get("REMOTE_ADDR") or "-", environ.get("inspection.user", "-")
    path, ids = environ.get("inspection.path", "-"), environ.get("inspection.ids", "-")
    method, ms = environ.get("REQUEST_METHOD", "-"), int(took / timedelta(milliseconds=1))
    fields = {
        "event": f'{address} {user} "{method} {path}" {status} {sent} bytes {ms} ms {ids}',
        "address": address,
        "user": user,
        "method": method,
        "path": path,
        "status": int(status) if status.isdecimal() else 0,
        "bytes": sent,
        "duration_s": round(took.total_seconds(), 3),
        "request_id": ids,
    }
    logs.accessed(logger, fields)
