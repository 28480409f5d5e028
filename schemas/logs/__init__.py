"""Log lines: one event a line, as JSON for machines or for a person's eyes, with nothing secret and
nothing raw in it.

Everybody logs by `logging.getLogger(__name__)`. What a line tells besides its text (request,
trigger, station, user) is asked for when it is written, of those who know it (`telling`), so what
is not logged costs nothing. One handler takes every line: it limits those that repeat and says how
many it left out, renders what is left once, and writes it to the journal or to files.
"""

import functools
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from schemas.logs.files import LogFile
from schemas.logs.lines import Fields, Lines, Renderer, telling
from schemas.logs.redaction import Redaction, secrets_of
from schemas.settings import Settings

__all__ = ["accessed", "begin", "log_performance", "telling"]
P = ParamSpec("P")
R = TypeVar("R")
Process = Literal["node", "web"]
SLOW_S = 1.0
log = logging.getLogger(__name__)


def begin(settings: Settings, program: Process) -> None:
    """Log as the settings say from here on; at a reload, anew. Raises OSError if a file cannot be
    written."""
    given, terminal = settings.logs, sys.stderr.isatty()
    as_json = given.format == "json" or (
        given.format == "auto" and settings.environment == "production" and not terminal
    )
    files: dict[str, LogFile] = {}
    if given.folder is not None:
        for kind in ("app", "error", "access") if program == "web" else ("app", "error"):
            folder = Path(given.folder) / program
            files[kind] = LogFile(
                folder, kind, given.file_mb * 2**20, given.keep_days, given.most_mb * 2**20
            )
    redaction = Redaction(secrets_of(settings))
    dsn = given.sentry_dsn.get_secret_value() if given.sentry_dsn is not None else ""
    if dsn or "sentry_sdk" in sys.modules:  # which is loaded if it has reported until now
        _report(dsn, settings, redaction)
    handler = Lines(Renderer(redaction, as_json=as_json, colours=terminal and not files), files)
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, Lines)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(settings.log_level)


def _report(dsn: str, settings: Settings, redaction: Redaction) -> None:
    """Tell a Sentry every error that is logged, without secrets, variables and addresses; an empty
    dsn: nobody any more."""
    import sentry_sdk  # only where it is wanted: it opens connections
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        environment=settings.environment,
        server_name=settings.node_id,
        default_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        include_local_variables=False,
        send_default_pii=False,
        before_send=lambda event, _: redaction.value(event),
    )


def accessed(logger: logging.Logger, fields: Fields) -> None:
    """A line of the access log: its text `event`, and what stands in it in fields. None of these is
    left out."""
    logger.info("%s", fields["event"], extra={"access": fields})


def log_performance(limit_s: float = SLOW_S) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function that takes longer than that says so, as a warning with its name and duration."""

    def timed(function: Callable[P, R]) -> Callable[P, R]:
        name = f"{function.__module__}.{function.__qualname__}"

        @functools.wraps(function)
        def call(*args: P.args, **more: P.kwargs) -> R:
            began = time.monotonic()
            try:
                return function(*args, **more)
            finally:
                took_s = time.monotonic() - began
                if took_s > limit_s:
                    fields = {"function": name, "duration_s": round(took_s, 3)}
                    log.warning("slow: %s took %.1f s", name, took_s, extra={"fields": fields})

        return call

    return timed
