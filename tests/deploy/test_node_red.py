"""The flow and the node for Node-RED: current, whole, and with functions that do what they say, run
by Node.js alone."""

import json
import os
import shutil
import subprocess

import pytest

from tests.rooms.installation.processes import ROOT

MODULE = ROOT / "deploy" / "node-red"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and not os.environ.get("CI"),
    reason="Node.js is not installed; .ci/run installs it",
)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", *words], check=False, capture_output=True, text=True, timeout=60, cwd=MODULE
    )


def test_flow_and_node_are_made_from_the_functions() -> None:
    done = run("build.mjs", "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_functions_hold_on_messages_as_they_come() -> None:
    done = run("--test", "test.mjs")
    assert done.returncode == 0, done.stdout
    assert "# pass 6" in done.stdout


def test_every_wire_leads_somewhere_and_every_node_has_its_place() -> None:
    flow = json.loads((MODULE / "examples" / "inspection.json").read_text())
    subflow = json.loads((MODULE / "inspect.json").read_text())
    for nodes in (flow, subflow["flow"]):
        ids = {node["id"] for node in nodes}
        assert len(ids) == len(nodes)
        wired = [to for node in nodes for port in node.get("wires", []) for to in port]
        assert set(wired) <= ids
        placed = {node["id"] for node in nodes if "x" in node and "y" in node}
        assert ids - placed <= {"inspection-flow", "inspection-broker"}
        for node in nodes:
            assert len(node.get("wires", [])) <= node.get("outputs", 1)
    assert len(subflow["out"]) == len(subflow["outputLabels"]) == 4
    assert subflow["info"]


def test_the_module_names_files_that_are_there() -> None:
    package = json.loads((MODULE / "package.json").read_text())
    for name in [*package["files"], *package["node-red"]["nodes"].values()]:
        assert (MODULE / name).exists(), name
