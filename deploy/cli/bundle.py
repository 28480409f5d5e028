"""`bundle`: everything that a box without any registry needs to install this version, in one
archive.

It is made from a source tree, on a machine with the same processor and Python as the box, by pip
from the locked and hashed requirements. `install.sh` and `deploy.sh` take it, and check every wheel
against its list first.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deploy.cli import show
from schemas import Problem
from schemas.store.disk import failed

ROOT = Path(__file__).parents[2]
Pip = Callable[[Sequence[str]], None]


def bundle(args: argparse.Namespace) -> int:
    """Make the archive. Raises Problem BUNDLE_FAILED where this is not a source tree or pip fails,
    STORE_FAILED."""
    try:
        facts = make(args.source or ROOT, args.output, _pip)
    except OSError as error:
        raise failed(str(error.filename or args.output), error) from error
    if args.json:
        show.document(facts)
    else:
        print(f"{facts['file']}: {facts['wheels']} wheels, {facts['bytes'] / 1e6:.0f} MB")
    return 0


def make(source: Path, output: Path, pip: Pip) -> dict[str, Any]:
    """Collect wheels, list, lock and scripts below one folder, and pack it; `output` appears whole
    or not at all."""
    for needed in ("pyproject.toml", "requirements.lock", "deploy/install/install.sh"):
        if not (source / needed).is_file():
            raise Problem(
                "BUNDLE_FAILED", f"{source} is no source tree of this project: it has no {needed}"
            )
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch) / "inspection-node"
        wheels = top / "wheels"
        wheels.mkdir(parents=True)
        pip(["wheel", "--no-deps", "--wheel-dir", str(wheels), str(source)])
        pip(
            [
                "download",
                "--require-hashes",
                "--only-binary",
                ":all:",
                "-r",
                str(source / "requirements.lock"),
                "-d",
                str(wheels),
            ]
        )
        files = sorted(path for path in wheels.iterdir())
        listed = "".join(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files
        )
        (wheels / "MANIFEST").write_text(listed)
        shutil.copytree(source / "deploy" / "install", top / "install")
        for name in ("requirements.lock", "deploy/mosquitto.conf", "README.md"):
            shutil.copy2(source / name, top)
        part = output.with_name(output.name + ".part")
        with tarfile.open(part, "w:gz", compresslevel=1) as packed:  # wheels are compressed already
            packed.add(top, top.name)
        part.replace(output)
    return {"file": str(output), "wheels": len(files), "bytes": output.stat().st_size}


def _pip(words: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise Problem("BUNDLE_FAILED", f"pip {words[0]} failed: {last}")
