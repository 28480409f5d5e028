"""`schemas`: the JSON Schemas."""

import argparse
import json
from typing import Any

from broker.asyncapi import texts
from deploy.cli import show


def shapes(args: argparse.Namespace) -> int:
    """One schema, or their names with what they describe."""
    written = texts()
    if args.name is not None:
        if args.name not in written:
            show.note(
                f"inspection-node: there is no schema {args.name!r:.80}; there are"
                f" {', '.join(sorted(written))}"
            )
            return 64
        print(written[args.name].rstrip("\n"))
        return 0
    documents = {name: json.loads(text) for name, text in written.items()}
    rows = [(name, _first(document)) for name, document in documents.items()]
    if args.json:
        show.document([{"name": name, "description": description} for name, description in rows])
    else:
        show.table(("name", "describes"), rows)
    return 0


def _first(document: dict[str, Any]) -> str:
    described = document.get("description") or document.get("info", {}).get("description") or ""
    return str(described).partition("\n")[0]
