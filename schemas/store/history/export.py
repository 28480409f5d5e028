"""Results as CSV for a spreadsheet and as JSON lines for programs, as a stream of text."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from schemas.store.history.cells import cell
from schemas.store.history.filter import Filter
from schemas.store.history.rows import History, Order
from schemas.store.history.why import in_words, why

MAX_ROWS = 1_000_000
LOOKED_AT = 200  # results whose tools become columns
COLUMNS = (
    "result_id",
    "trigger_id",
    "station",
    "seq",
    "verdict",
    "program",
    "program_version",
    "part_id",
    "source",
    "received_at",
    "captured_at",
    "finished_at",
    "duration_ms",
)
OF_TOOL = ("value", "low", "high", "verdict")


def json_lines(
    history: History, filter: Filter, order: Order = "newest", rows: int = MAX_ROWS
) -> Iterator[bytes]:
    """One result a line, as published."""
    for payload in history.walk(filter, rows, order):
        yield payload + b"\n"


def as_csv(
    history: History, filter: Filter, order: Order = "newest", rows: int = MAX_ROWS
) -> Iterator[str]:
    """One result a line after a head; tools of the first results get columns, those that come later
    go into `more`.

    Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV
    injection).
    """
    first = [json.loads(payload) for payload in history.walk(filter, min(rows, LOOKED_AT), order)]
    tools = list(dict.fromkeys(tool["name"] for result in first for tool in result["tools"]))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(
        [
            *COLUMNS,
            "error",
            "message",
            "why",
            *(f"{tool}.{part}" for tool in tools for part in OF_TOOL),
            "more",
        ]
    )
    for payload in history.walk(filter, rows, order):
        writer.writerow([cell(value) for value in _values(json.loads(payload), tools)])
        if buffer.tell() > 16_384:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _values(result: dict[str, Any], tools: list[str]) -> Iterator[Any]:
    yield from (result.get(name) for name in COLUMNS)
    error = result.get("error") or {}
    yield from (error.get("code"), error.get("message"), in_words(why(result)))
    measured = {tool["name"]: tool for tool in result["tools"]}
    for name in tools:
        yield from (measured.get(name, {}).get(part) for part in OF_TOOL)
    more = {name: tool["value"] for name, tool in measured.items() if name not in tools}
    yield json.dumps(more) if more else None
