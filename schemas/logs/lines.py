"""Log lines: a record becomes one line, is counted with those like it, and is written."""

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from schemas.base import plain, utc
from schemas.logs.files import LogFile
from schemas.logs.redaction import Redaction

Fields = dict[str, Any]
WINDOW_S = 10.0
ALIKE = 20  # lines of one kind in that time
MOST = 1000  # lines of all kinds, and kinds
EVENT, TRACE = 8192, 32768  # characters of a text, and of a traceback
# given by the caller: more about what the calling thread is doing
telling: dict[str, Callable[[], Mapping[str, Any]]] = {}


class Renderer:
    """A record as one line. For people each line of a traceback is marked, so that none can be
    taken for an event."""

    def __init__(self, redaction: Redaction, *, as_json: bool, colours: bool = False) -> None:
        self._redaction = redaction
        self._as_json = as_json
        self._render: Callable[[Any, str, Fields], str] = _json
        if not as_json:
            import structlog  # only where a person reads: it takes longer than all the rest

            self._render = structlog.dev.ConsoleRenderer(
                colors=colours,
                pad_event_to=0,
                sort_keys=False,
                timestamp_key="time",
                exception_formatter=structlog.dev.plain_traceback,
            )

    def line(self, record: logging.LogRecord) -> bytes:
        """The line with its line end."""
        access: Fields | None = getattr(record, "access", None)
        fields: Fields = {
            "time": utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if access is not None:  # its texts are ours already
            fields |= access
        else:
            fields["event"] = record.getMessage()[:EVENT]
            for tell in tuple(telling.values()):
                fields.update(tell())
            fields.update(getattr(record, "fields", {}), thread=record.threadName)
            fields = {
                name: self._shown(self._redaction.value(value, name))
                for name, value in fields.items()
            }
        trace = _trace(record)
        if trace is not None:
            trace = self._redaction.text(trace)
            fields["exception"] = (
                trace
                if self._as_json
                else "\n".join(f"  | {plain(each, 1000)}" for each in trace.splitlines())
            )
        if not self._as_json and access is not None:
            fields = {name: fields[name] for name in ("time", "level", "logger", "event")}
        return self._render(None, "", fields).encode("utf-8", "backslashreplace") + b"\n"

    def _shown(self, value: Any) -> Any:
        return plain(value, EVENT) if isinstance(value, str) and not self._as_json else value


def _json(_logger: Any, _name: str, fields: Fields) -> str:
    return json.dumps(fields, default=repr)


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
        except Exception as error:  # a line that cannot be written must not stop anybody's work
            self._complain(error)

    def close(self) -> None:
        """Say what was left out, and write nothing more."""
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
            key = "schemas.logs", record.levelno, "(many other kinds)"
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
        """The flood may be over with nobody writing any more: what was left out is reported all the
        same."""
        self.acquire()
        try:
            self._timer = None
            self._tell(time.monotonic() + 0.1)
            if any(kind.left_out for kind in self._kinds.values()):  # those whose time began later
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
            with contextlib.suppress(OSError):  # there is nobody left to report it to
                os.write(
                    2,
                    f"a log line cannot be written: {type(error).__name__}:"
                    f" {plain(str(error), 200)}\n".encode(),
                )
