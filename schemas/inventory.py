"""What the node runs on, for `info`: the versions of Python, of SQLite and of every package that
the node needs."""

import platform
import re
import sqlite3
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

from schemas.tools import OTHERS

OPTIONAL = ("rapidocr-onnxruntime",)  # what single tools need; it may be missing without them


@cache
def software() -> dict[str, str]:
    """Versions by name: without extras that no tool needs, and without what only other systems
    need; with the packages of tools of others."""
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for line in requires("inspection-node") or ():
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower()
        if "extra ==" in line:
            continue
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    for name in OPTIONAL:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    for other in OTHERS.values():
        if other.problem is None:
            name, _, of = other.package.rpartition(" ")
            versions[name] = of
    return versions
