"""The bill of materials: every package of `requirements.lock`, as CycloneDX. `python -m
deploy.supply.sbom` writes or checks it.

The lock is made by `uv pip compile pyproject.toml --extra exports --generate-hashes --universal -o
requirements.lock`.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from schemas.generate import run

COMMAND = "python -m deploy.supply.sbom"
PATH = "deploy/supply/sbom.cdx.json"
LOCK = Path(__file__).parents[2] / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Package(NamedTuple):
    """One pinned package, with the SHA-256 of each file that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]


def packages(lock: str) -> Iterator[Package]:
    """Those of a lock file, in its order."""
    pins = list(PINNED.finditer(lock))
    for at, pinned in enumerate(pins):
        end = pins[at + 1].start() if at + 1 < len(pins) else len(lock)
        yield Package(pinned[1].lower(), pinned[2], tuple(HASH.findall(lock, pinned.end(), end)))


def text() -> str:
    """The document (CycloneDX 1.6)."""
    components: list[dict[str, Any]] = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "bom-ref": f"{name}@{version}",
            "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
        }
        for name, version, hashes in packages(LOCK.read_text())
    ]
    about = {"type": "application", "name": "inspection-node", "bom-ref": "inspection-node"}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": about},
        "components": components,
        "dependencies": [
            {
                "ref": "inspection-node",
                "dependsOn": [component["bom-ref"] for component in components],
            }
        ],
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(run({PATH: text()}, COMMAND, sys.argv[1:]))
