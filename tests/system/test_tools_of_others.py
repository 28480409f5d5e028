"""A package beside the node brings a tool: the example's tool inspects parts; packages that are
broken or gone never lead to an OK."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.demo.broker_process import BrokerProcess
from schemas.tools.others import GROUP, SWITCH
from tests.rooms.installation.processes import ROOT, NodeProcess
from tests.rooms.promise.promise import Line

EXAMPLE = ROOT / "docs" / "examples" / "symmetry"
SAVE = """
import json, pathlib, sys
from schemas import as_program
from schemas.store.programs import Programs
store = Programs(pathlib.Path(sys.argv[1]))
print(json.dumps({p["id"]: store.save(as_program(p), None, by="test").hash for p in json.load(sys.stdin)}))
"""  # noqa: E501


def installed(site: Path, kind: str = "symmetry") -> Path:
    """The example, installed according to its pyproject.toml as pip does it; or its package once
    more, under the name of another kind."""
    about = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (package,) = about["entry-points"][GROUP].values()
    folder = site / f"inspection_{kind}"
    shutil.copytree(EXAMPLE / package, folder)
    for name in ("settings.py", "steps.py"):
        text = (folder / name).read_text(encoding="utf-8")
        text = text.replace('Literal["symmetry"] = "symmetry"', f'Literal["{kind}"] = "{kind}"')
        (folder / name).write_text(text.replace(package, folder.name), encoding="utf-8")
    name, version = about["name"].replace("symmetry", kind), about["version"]
    info = site / f"{folder.name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{kind} = {folder.name}\n")
    return folder


def program(kind: str) -> dict[str, object]:
    region = {"x": 20, "y": 20, "width": 280, "height": 200}
    tool = {"kind": kind, "name": "halves", "region": region, "low": 0.9}
    return {"id": kind.replace("_", "-"), "name": kind, "tools": [tool]}


def inspected(line: Line, program: str) -> dict[str, Any]:
    """The result of a part by a program, once that is loaded."""
    for number in range(40):
        trigger = line.trigger(payload={"trigger_id": f"{program}-{number}", "program": program})
        result = line.result(trigger, limit_s=40)
        if result["error"] is None or result["error"]["code"] != "PROGRAM_LOADING":
            return result
    raise AssertionError(f"{program} is not loaded")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the example is installed, and where processes look for packages."""
    folder = tmp_path / "site"
    installed(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv(SWITCH, "on")
    return folder


@pytest.fixture
def node(tmp_path: Path, broker: BrokerProcess) -> Iterator[NodeProcess]:
    """A node whose camera sees a picture with two equal halves."""
    rng = np.random.default_rng(1)
    half = cv2.GaussianBlur(rng.integers(0, 256, (240, 160), np.uint8), (0, 0), 0.8)
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "part.png"), np.hstack([half, half[:, ::-1]]))
    camera = {"kind": "folder", "path": str(tmp_path / "pictures")}
    station = {"id": "cam1", "program": "symmetry", "camera": camera, "max_age_ms": 60000}
    process = NodeProcess(tmp_path, broker.port, [station])
    yield process
    process.end()


def test_a_tool_of_others_inspects_and_is_never_ok_when_its_package_has_broken(
    site: Path, node: NodeProcess, line: Line
) -> None:
    kinds = ("settings-raise", "no-steps", "gone")
    settings_raise, no_steps, gone = (installed(site, kind.replace("-", "_")) for kind in kinds)
    saved = subprocess.run(
        [sys.executable, "-c", SAVE, str(node.state / "programs")],
        input=json.dumps([program(kind.replace("-", "_")) for kind in ("symmetry", *kinds)]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=60,
        env=dict(os.environ),
    )
    (settings_raise / "settings.py").write_text("raise RuntimeError('no licence')\n")
    (no_steps / "steps.py").unlink()
    shutil.rmtree(gone)
    shutil.rmtree(site / "inspection_gone-1.0.0.dist-info")

    node.start()
    line.expect(lambda topic, value: topic == "state" and value["state"] == "Ready", 30)
    found = {kind: inspected(line, kind) for kind in ("symmetry", *kinds)}

    fine = found["symmetry"]
    assert (fine["verdict"], fine["error"]) == ("OK", None)
    assert [(tool["kind"], tool["unit"]) for tool in fine["tools"]] == [("symmetry", "score")]
    assert fine["tools"][0]["value"] == pytest.approx(1.0, abs=0.01)
    assert fine["program_hash"] != json.loads(saved.stdout)["symmetry"]
    info = line.expect(lambda topic, value: topic == "info" and "programs" in value)
    assert fine["program_hash"] == info["programs"]["symmetry"]["hash"]
    assert info["software"]["inspection-symmetry"] == "1.0.0"

    why = {
        "settings-raise": "no licence",
        "no-steps": "inspection_no_steps.steps",
        "gone": "'gone'",
    }
    for kind, said in why.items():
        assert (found[kind]["verdict"], found[kind]["evaluation"]) == ("ERROR", 3)
        assert found[kind]["error"]["code"] == "PROGRAM_INVALID"
        assert said in found[kind]["error"]["message"]
