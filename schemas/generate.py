"""Generates JSON Schemas, the page of codes and the example settings: `python -m schemas.generate
[--check]`."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.command import COMMANDS, Reply
from schemas.errors import CATALOGUE
from schemas.kinds import catalogue, editor, manual, packages
from schemas.program import Program
from schemas.result import Result, ShortResult
from schemas.settings import Settings
from schemas.settings.example import example
from schemas.state import Alarm, AuditHead, Event, Info, Metrics, NodeState
from schemas.tools import OTHERS
from schemas.tools.others import SWITCH
from schemas.trigger import AcceptedTrigger, Trigger

COMMAND = "python -m schemas.generate"
ROOT = Path(__file__).resolve().parent.parent
FOLDER = "schemas/json_schemas"
MANUAL = "docs/tools.md"

DRAFT = "https://json-schema.org/draft/2020-12/schema"

MODELS: dict[str, type[BaseModel]] = {
    "trigger": Trigger,
    "accepted": AcceptedTrigger,
    "result": Result,
    "short": ShortResult,
    "state": NodeState,
    "info": Info,
    "event": Event,
    "alarm": Alarm,
    "metrics": Metrics,
    "audit": AuditHead,
    "program": Program,
    "settings": Settings,
    "reply": Reply,
    **{f"command.{name}": model for name, model in COMMANDS.items()},
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one shape."""
    body = MODELS[name].model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DRAFT, "$id": f"urn:inspection-node:schema:{name}", **body}


@cache
def schema_texts() -> dict[str, str]:
    """The file of each schema, by name."""
    return {name: json.dumps(schema(name), ensure_ascii=False, indent=2) + "\n" for name in MODELS}


@cache
def schema_hashes() -> dict[str, str]:
    """`sha256:` and the hash of each schema's file, for the info topic: of those that ship, since
    making them takes longer than all else of a start, unless tools of others change them."""
    try:
        files = {
            name: (ROOT / FOLDER / f"{name}.json").read_bytes() for name in MODELS if not OTHERS
        }
    except OSError:
        files = {}
    files = files or {name: text.encode() for name, text in schema_texts().items()}
    return {name: "sha256:" + hashlib.sha256(data).hexdigest() for name, data in files.items()}


def codes() -> str:
    """The page of all codes, for people who have met one."""
    rows = [
        f"| `{code}` | {entry.message} | {entry.http_status} | {entry.advice} |"
        for code, entry in CATALOGUE.items()
    ]
    head = (
        "# Codes\n\nMade from `schemas/errors.py`: what each code says, its status over HTTP, and"
        " what to do about it.\n"
    )
    return "\n".join([head, "| code | says | HTTP | what to do |", "|---|---|---|---|", *rows, ""])


def generated() -> dict[str, str]:
    """Every generated file: path from the root of the project, and its text."""
    files = {f"{FOLDER}/{name}.json": text for name, text in schema_texts().items()}
    tables = {**packages(), "web/static/js/editor/table.js": editor()}
    return {
        **files,
        **tables,
        MANUAL: manual((ROOT / MANUAL).read_text(encoding="utf-8")),
        **{
            str(path.relative_to(ROOT)): catalogue(path.stem, path.read_text(encoding="utf-8"))
            for path in sorted((ROOT / "web" / "static" / "words").glob("*.json"))
        },
        "docs/codes.md": codes(),
        "deploy/node.example.toml": example(),
    }


def stale(files: dict[str, str], root: Path = ROOT) -> list[str]:
    """The paths whose file is missing or differs."""
    return [
        path
        for path, text in files.items()
        if not (root / path).is_file() or (root / path).read_bytes() != text.encode()
    ]


def run(files: dict[str, str], command: str, arguments: list[str]) -> int:
    """Write the files, or with --check only compare them: 1 and the command to run if one
    differs. What is generated knows our own tools only."""
    if OTHERS:
        alone = [sys.executable, *command.split()[1:], *arguments]
        return subprocess.run(
            alone, cwd=ROOT, env={**os.environ, SWITCH: "off"}, check=False
        ).returncode
    old = stale(files)
    if arguments == ["--check"]:
        if old:
            sys.stderr.write(f"not current: {', '.join(old)}\nrun: .venv/bin/{command}\n")
        return 1 if old else 0
    if arguments:
        sys.stderr.write(f"usage: {command} [--check]\n")
        return 64
    for path in old:
        (ROOT / path).write_bytes(files[path].encode())
        sys.stdout.write(f"written: {path}\n")
    return 0


def main(arguments: list[str]) -> int:
    """Write all, or compare. New kinds come first, and everything else is made by a process that
    knows them."""
    union = packages()
    if arguments == [] and stale(union):
        run(union, COMMAND, [])
        return subprocess.run(
            [sys.executable, "-m", "schemas.generate"], cwd=ROOT, check=False
        ).returncode
    return run(generated(), COMMAND, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
