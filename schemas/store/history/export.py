"""Results as CSV for a spreadsheet and as JSON lines for programs, as a stream of text."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from schemas.store.history.cells import cell
from schemas.store.history.filter import Filter
from schemas.store.history.rows import History
from schemas.store.history.walk import Order
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
OF_TOOL = ("value", "unit", "low", "high", "verdict")


def json_lines(
    history: History, wanted: Filter, order: Order = "newest", rows: int = MAX_ROWS
) -> Iterator[bytes]:
    """One result a line, as published."""
    for payload in history.walk(wanted, rows, order):
        yield payload + b"\n"


def as_csv(
    history: History, wanted: Filter, order: Order = "newest", rows: int = MAX_ROWS
) -> Iterator[str]:
    """One result a line after a head; tools of the first results get columns, one set for each name
    and unit; those that come later go into `more`.

    Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV
    injection).
    """
    first = [json.loads(payload) for payload in history.walk(wanted, min(rows, LOOKED_AT), order)]
    tools = list(
        dict.fromkeys((tool["name"], tool["unit"]) for result in first for tool in result["tools"])
    )
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(
        [
            *COLUMNS,
            "error",
            "message",
            "why",
            *(f"{_title(tool, tools)}.{part}" for tool in tools for part in OF_TOOL),
            "more",
        ]
    )
    for payload in history.walk(wanted, rows, order):
        writer.writerow([cell(value) for value in _values(json.loads(payload), tools)])
        if buffer.tell() > 16_384:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _title(tool: tuple[str, str], tools: list[tuple[str, str]]) -> str:
    """The name, with its unit where another column is of that name."""
    name, unit = tool
    return name if sum(each == name for each, _ in tools) == 1 else f"{name} [{unit}]"


def _values(result: dict[str, Any], tools: list[tuple[str, str]]) -> Iterator[Any]:
    yield from (result.get(name) for name in COLUMNS)
    error = result.get("error") or {}
    yield from (error.get("code"), error.get("message"), in_words(why(result)))
    measured = {(tool["name"], tool["unit"]): tool for tool in result["tools"]}
    for tool in tools:
        yield from (measured.get(tool, {}).get(part) for part in OF_TOOL)
    more = {
        _title(tool, [*tools, tool]): reading["value"]
        for tool, reading in measured.items()
        if tool not in tools
    }
    yield json.dumps(more) if more else None
