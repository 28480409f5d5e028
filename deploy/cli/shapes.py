"""`schemas`: the JSON Schemas as shipped."""

import argparse
import json
from importlib.resources import files
from typing import Any

from deploy.cli import show

FOLDER = files("schemas") / "json_schemas"


def shapes(args: argparse.Namespace) -> int:
    """One schema, or their names with what they describe."""
    found = {
        entry.name.removesuffix(".json"): entry
        for entry in FOLDER.iterdir()
        if entry.name.endswith(".json")
    }
    if args.name is not None:
        if args.name not in found:
            show.note(
                f"inspection-node: there is no schema {args.name!r:.80}; there are"
                f" {', '.join(sorted(found))}"
            )
            return 64
        print(found[args.name].read_text(encoding="utf-8").rstrip("\n"))
        return 0
    documents = {
        name: json.loads(found[name].read_text(encoding="utf-8")) for name in sorted(found)
    }
    rows = [(name, _first(document)) for name, document in documents.items()]
    if args.json:
        show.document([{"name": name, "description": description} for name, description in rows])
    else:
        show.table(("name", "describes"), rows)
    return 0


def _first(document: dict[str, Any]) -> str:
    described = document.get("description") or document.get("info", {}).get("description") or ""
    return str(described).partition("\n")[0]
