"""Rows of the table: what was looked at, whether it held, what was seen."""

import sys
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One thing that was checked."""

    name: str
    held: bool
    seen: str


def row(name: str, look: Callable[[], str]) -> Row:
    """Look, and say what was seen; an exception is that it did not hold."""
    began = time.monotonic()
    try:
        found = Row(name, True, look())
    except Exception as error:
        traceback.print_exc()
        found = Row(name, False, f"{type(error).__name__}: {str(error)[:400]}")
    print(f"{name}: {found.seen} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return found
