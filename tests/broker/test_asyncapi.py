"""The AsyncAPI document is current, complete, and refers only to what it contains."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from broker.asyncapi import COMMAND, PATH, document, text
from broker.topics import TOPICS
from schemas import COMMANDS
from schemas.generate import stale
from tests.rooms.installation.processes import ROOT

VALIDATE = """
import { Parser } from "@asyncapi/parser";
import { readFileSync } from "node:fs";
const found = await new Parser().parse(readFileSync(process.argv[1], "utf-8"));
const told = found.diagnostics.map((each) => [each.severity, each.code, each.message]);
console.log(JSON.stringify({ valid: found.document !== undefined, told }));
"""


def references(value: Any) -> list[str]:
    """All local references outside the embedded JSON Schemas."""
    if isinstance(value, dict):
        found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return found + [
            ref for key, inner in value.items() if key != "payload" for ref in references(inner)
        ]
    return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []


def test_the_document_is_current() -> None:
    assert not stale({PATH: text()}), f"{PATH} is not current; run: {COMMAND}"


def test_every_topic_is_a_channel_with_its_parameters_and_quality() -> None:
    made = document()
    assert made["asyncapi"] == "3.0.0"
    for topic in TOPICS:
        channel = made["channels"][topic.name]
        assert channel["address"] == topic.template
        assert topic.template.format(**dict.fromkeys(channel["parameters"], "x")).count("x") >= 2
        action = "receive" if topic.direction == "in" else "send"
        binding = made["operations"][f"{action}.{topic.name}"]["bindings"]["mqtt"]
        assert (binding["qos"], binding["retain"]) == (topic.qos, topic.retain)
        assert binding.get("messageExpiryInterval") == topic.expiry_s


def test_every_reference_leads_somewhere() -> None:
    made = document()
    found = references(made)
    assert found
    for reference in found:
        at: Any = made
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


def test_every_command_is_a_message_and_every_schema_is_one() -> None:
    made = document()
    assert set(made["channels"]["cmd"]["messages"]) == {f"command.{name}" for name in COMMANDS}
    for message in made["components"]["messages"].values():
        payload = message["payload"]
        jsonschema.Draft202012Validator.check_schema(payload.get("schema", payload))


def test_a_shorter_table_makes_a_shorter_document() -> None:
    assert set(document(TOPICS[:2])["channels"]) == {"trigger", "result"}


def test_the_parser_of_asyncapi_itself_finds_no_fault() -> None:
    """npm's @asyncapi/parser: `npm install --prefix .venv/npm @asyncapi/parser@3.6.6`."""
    modules = Path(os.environ.get("NODE_MODULES") or ROOT / ".venv" / "npm" / "node_modules")
    if shutil.which("node") is None or not (modules / "@asyncapi" / "parser").is_dir():
        if os.environ.get("CI"):
            pytest.fail("CI needs nodejs and npm's @asyncapi/parser")
        pytest.skip("npm's @asyncapi/parser is not installed: see above")
    done = subprocess.run(
        ["node", "--input-type=module", "-e", VALIDATE, str(ROOT / PATH)],
        check=True, cwd=modules.parent, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    found = json.loads(done.stdout)
    faults = [each for each in found["told"] if each[0] < 2]  # 0 error, 1 warning, 2 information
    assert (found["valid"], faults) == (True, [])
