"""What the node runs on, for `info`: versions of Python, SQLite and of every package that the node
asks for."""

import platform
import re
import sqlite3
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version


@cache
def software() -> dict[str, str]:
    """Versions by name, without extras, and without what only other systems need."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for line in requires("inspection-node") or ():
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower()
        if "extra ==" in line:
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
