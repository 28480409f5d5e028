"""Log lines: one event a line, as JSON for machines or for a person's eyes, with nothing secret and
nothing raw in it.

Everybody logs by `logging.getLogger(__name__)`. What a line tells besides its text (request,
trigger, station, user) is asked for when it is written, of those who know it (`telling`), so what
is not logged costs nothing. One handler takes every line: it limits those that repeat and says how
many it left out, renders what is left once, and writes it to the journal or to files.
"""

import contextlib
import functools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import structlog

from schemas.base import plain, utc
from schemas.logs.files import LogFile
from schemas.logs.redaction import Redaction, secrets_of
from schemas.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
Program = Literal["node", "web"]
Fields = dict[str, Any]

WINDOW_S = 10.0
ALIKE = 20  # lines of one kind in that time
MOST = 1000  # lines of all kinds, and kinds
EVENT, TRACE = 8192, 32768  # characters of a text, and of a traceback
SLOW_S = 1.0
log = logging.getLogger(__name__)
# by who tells it: more of what the calling thread is doing
telling: dict[str, Callable[[], Mapping[str, Any]]] = {}


def begin(settings: Settings, program: Program) -> None:
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
    if dsn or "sentry_sdk" in sys.modules:  # which is loaded if it was told until now
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


class Renderer:
    """A record as one line. Of a traceback for a person's eyes each line is marked, so that none
    passes for an event."""

    def __init__(self, redaction: Redaction, *, as_json: bool, colours: bool = False) -> None:
        self._redaction = redaction
        self._as_json = as_json
        self._render: Callable[[Any, str, Fields], str | bytes] = (
            structlog.processors.JSONRenderer()
        )
        if not as_json:
            self._render = structlog.dev.ConsoleRenderer(
                colors=colours,
                pad_event_to=0,
                sort_keys=False,
                timestamp_key="time",
                exception_formatter=structlog.dev.plain_traceback,
            )

    def line(self, record: logging.LogRecord) -> bytes:
        """The line, ended."""
        access: Fields | None = getattr(record, "access", None)
        found: Fields = {
            "time": utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if access is not None:  # its texts are ours already
            found |= access
        else:
            found["event"] = record.getMessage()[:EVENT]
            for tell in tuple(telling.values()):
                found.update(tell())
            found.update(getattr(record, "fields", {}), thread=record.threadName)
            found = {
                name: self._shown(self._redaction.value(value, name))
                for name, value in found.items()
            }
        trace = _trace(record)
        if trace is not None:
            trace = self._redaction.text(trace)
            found["exception"] = (
                trace
                if self._as_json
                else "\n".join(f"  | {plain(each, 1000)}" for each in trace.splitlines())
            )
        if not self._as_json and access is not None:
            found = {name: found[name] for name in ("time", "level", "logger", "event")}
        text = self._render(None, "", found)
        return (
            text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
        ) + b"\n"

    def _shown(self, value: Any) -> Any:
        return plain(value, EVENT) if isinstance(value, str) and not self._as_json else value


def _trace(record: logging.LogRecord) -> str | None:
    if not record.exc_info or record.exc_info[0] is None:
        return None
    text = logging.Formatter().formatException(record.exc_info)
    return text if len(text) <= TRACE else f"{text[: TRACE // 2]}\n...\n{text[-TRACE // 2 :]}"


class _Kind:
    """Lines of one kind since the window began."""

    __slots__ = ("began", "left_out", "written")

    def __init__(self, began: float) -> None:
        self.began, self.written, self.left_out = began, 0, 0


class Lines(logging.Handler):
    """See the head of this file. Without files, lines go to the standard error output, which is the
    journal's under systemd."""

    def __init__(self, renderer: Renderer, files: Mapping[str, LogFile] | None = None) -> None:
        super().__init__()
        self._renderer = renderer
        self._files = dict(files or {})
        self._kinds: dict[tuple[str, int, str], _Kind] = {}  # by their age
        self._all = _Kind(time.monotonic())
        self._timer: threading.Timer | None = None
        self._broken = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        try:
            if hasattr(record, "access") or self._may(record):
                self._write(record)
        except Exception as error:  # a line that cannot be written must not stop whoever works
            self._complain(error)

    def close(self) -> None:
        """Say what was left out, and write no more."""
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
            self._tell(time.monotonic() + WINDOW_S)
            for file in self._files.values():
                file.close()
            self._files = {}
        except Exception as error:
            self._complain(error)
        finally:
            self.release()
        super().close()

    def _may(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        self._tell(now)
        key = record.name, record.levelno, str(record.msg)[:200]
        # texts that are made before they are logged, and never alike
        if key not in self._kinds and len(self._kinds) >= MOST:
            key = __name__, record.levelno, "(many other kinds)"
        kind = self._kinds.setdefault(key, _Kind(now))
        if kind.written < ALIKE and self._all.written < MOST:
            kind.written += 1
            self._all.written += 1
            return True
        kind.left_out += 1
        self._tell_later()
        return False

    def _tell_later(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(WINDOW_S, self._later)
            self._timer.daemon = True
            self._timer.start()

    def _later(self) -> None:
        """The flood may be over, and nobody write any more: what was left out is told all the
        same."""
        self.acquire()
        try:
            self._timer = None
            self._tell(time.monotonic() + 0.1)
            if any(kind.left_out for kind in self._kinds.values()):  # whose time began later
                self._tell_later()
        except Exception as error:
            self._complain(error)
        finally:
            self.release()

    def _tell(self, now: float) -> None:
        if now - self._all.began >= WINDOW_S:
            self._all = _Kind(now)
        while self._kinds:
            key, kind = next(iter(self._kinds.items()))
            if now - kind.began < WINDOW_S:
                break
            del self._kinds[key]
            if kind.left_out:
                name, level, message = key
                fields = {"left_out": kind.left_out, "pattern": message}
                said = logging.LogRecord(
                    name, level, "", 0, "%d more lines in %.0f s like: %s", None, None
                )
                said.args = kind.left_out, now - kind.began, message
                said.fields = fields
                self._write(said)

    def _write(self, record: logging.LogRecord) -> None:
        line = self._renderer.line(record)
        if not self._files:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
        elif hasattr(record, "access"):
            self._files["access"].write(line)
        else:
            self._files["app"].write(line)
            if record.levelno >= logging.ERROR:
                self._files["error"].write(line)
        self._broken = False

    def _complain(self, error: Exception) -> None:
        if not self._broken:
            self._broken = True
            with contextlib.suppress(OSError):  # there is nobody left to tell
                os.write(
                    2,
                    f"a log line cannot be written: {type(error).__name__}:"
                    f" {plain(str(error), 200)}\n".encode(),
                )
