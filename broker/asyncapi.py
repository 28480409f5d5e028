"""The AsyncAPI 3.0 document of a node, made from the table of topics. `python -m broker.asyncapi
[--check]`."""

import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from broker.topics import TOPICS, Topic
from schemas.command import COMMANDS
from schemas.generate import FOLDER, run, schema, schema_texts
from schemas.tools import OTHERS

COMMAND = "python -m broker.asyncapi"
PATH = f"{FOLDER}/asyncapi.json"
CONTRACT_VERSION = "1.0.0"  # of the topics and payloads, not of the release
PARAMETERS = {
    "base": "What every topic begins with, as set; inspection/v1 unless changed.",
    "node": "The node.",
    "station": "The station.",
    "name": "Name of the command.",
    "type": "Type of the event.",
    "code": "Code of the condition.",
}
SCHEMA_NAMES = {
    "NodeState": "state",
    "AcceptedTrigger": "accepted",
    "ShortResult": "short",
    "AuditHead": "audit",
}
OTHER_PAYLOADS: dict[str, dict[str, Any]] = {
    "image": {"payload": {"type": "string", "format": "binary"}, "contentType": "image/jpeg"},
    "_fence": {
        "payload": {
            "type": "object",
            "properties": {"nonce": {"type": "string"}},
            "required": ["nonce"],
        },
        "contentType": "application/json",
    },
}


def document(topics: Sequence[Topic] | None = None) -> dict[str, Any]:
    """The document as JSON values: seen from the node, which receives `in` and sends `out`."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for topic in TOPICS if topics is None else topics:
        names = re.findall(r"\{(\w+)\}", topic.template)
        own = _messages(topic)
        messages |= own
        channels[topic.name] = {
            "address": topic.template,
            "description": topic.summary,
            "parameters": {name: {"description": PARAMETERS[name]} for name in names},
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in own},
        }
        binding: dict[str, Any] = {"qos": topic.qos, "retain": topic.retain}
        if topic.expiry_s is not None:
            binding["messageExpiryInterval"] = topic.expiry_s
        actions = {"in": ["receive"], "out": ["send"], "own": ["send", "receive"], "web": ["send"]}[
            topic.direction
        ]
        for action in actions:
            operations[f"{action}.{topic.name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": topic.summary,
                "bindings": {"mqtt": {**binding, "bindingVersion": "0.2.0"}},
            }
    if "receive.cmd" in operations and "reply" in channels:
        operations["receive.cmd"]["reply"] = {"channel": {"$ref": "#/channels/reply"}}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:inspection-node:asyncapi",
        "info": {
            "title": "Inspection node",
            "version": CONTRACT_VERSION,
            "description": (
                "Trigger in, verdict out, exactly once. Every trigger gets exactly one result."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "127.0.0.1:1883",
                "protocol": "mqtt",
                "description": "The site's broker, as set.",
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def text() -> str:
    """The file of the document."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


@cache
def texts() -> dict[str, str]:
    """This document and every JSON Schema, by name: as shipped, or with the tools of others."""
    if OTHERS:
        return dict(sorted({**schema_texts(), "asyncapi": text()}.items()))
    return {
        entry.name.removesuffix(".json"): entry.read_text(encoding="utf-8")
        for entry in sorted(files("schemas").joinpath("json_schemas").iterdir(), key=str)
        if entry.name.endswith(".json")
    }


def _messages(topic: Topic) -> dict[str, Any]:
    if topic.name == "cmd":
        return {
            f"command.{name}": _message(f"command.{name}", str(model.__doc__))
            for name, model in COMMANDS.items()
        }
    if topic.name in OTHER_PAYLOADS:
        return {
            topic.name: {"name": topic.name, "summary": topic.summary, **OTHER_PAYLOADS[topic.name]}
        }
    assert topic.payload is not None, f"{topic.name} has no payload"
    kind = topic.payload.__name__
    name = SCHEMA_NAMES.get(kind, kind.lower())
    return {name: _message(name, str(topic.payload.__doc__))}


def _message(name: str, summary: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": summary.partition("\n")[0],
        "contentType": "application/json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": _within(schema(name), f"#/components/messages/{name}/payload/schema"),
        },
    }


def _within(value: Any, place: str) -> Any:
    """The schema, its references from the root of the document, which is not the schema's."""
    if isinstance(value, dict):
        return {
            key: f"{place}{inner[1:]}" if key == "$ref" else _within(inner, place)
            for key, inner in value.items()
        }
    return [_within(inner, place) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(run({PATH: text()}, COMMAND, sys.argv[1:]))
