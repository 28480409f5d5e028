"""How facts are printed: tables for people, JSON for programs. Text from elsewhere cannot colour or
move anything."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.base import plain

PIPE_WIDTH = 1000
COLOURS = {
    "OK": "green",
    "ok": "green",
    "NG": "red",
    "ERROR": "magenta",
    "fail": "red",
    "warn": "yellow",
}


def document(value: Any) -> None:
    """One JSON document, indented."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def line(value: Any) -> None:
    """One JSON document on one line, at once."""
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows under headings; None is a dash."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(
            *(Text(_cell(value), COLOURS.get(str(value), ""), overflow="fold") for value in row)
        )
    if sys.stdout.isatty():
        Console(highlight=False).print(made)
        return
    console = Console(width=PIPE_WIDTH, highlight=False)
    with console.capture() as drawn:
        console.print(made)
    print("\n".join(row.rstrip() for row in drawn.get().splitlines()))


def note(text: str) -> None:
    """One line for people watching, kept out of what a pipe reads."""
    print(plain(text, 1000), file=sys.stderr)


def number(value: Any) -> str | None:
    """A measured number with six significant digits."""
    return (
        None if value is None else f"{value:.6g}" if isinstance(value, int | float) else str(value)
    )


def _cell(value: Any) -> str:
    return "-" if value is None else plain(value if isinstance(value, str) else str(value), 500)
