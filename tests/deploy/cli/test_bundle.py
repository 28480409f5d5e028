"""`bundle`: one archive that install.sh takes, whole or not at all."""

import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.cli.bundle import make
from schemas import Problem
from tests.deploy.install.test_install import VERSION, script
from tests.rooms.installation.processes import ROOT

OURS = f"inspection_node-{VERSION}-py3-none-any.whl"


class Pip:
    """A pip that finds one wheel of our own and one from elsewhere, or fails."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.asked: list[Sequence[str]] = []

    def __call__(self, words: Sequence[str]) -> None:
        self.asked.append(words)
        if words[0] == self.fails_at:
            raise Problem("BUNDLE_FAILED", f"pip {words[0]} failed")
        folder = words[words.index("--wheel-dir" if words[0] == "wheel" else "-d") + 1]
        (Path(folder) / (OURS if words[0] == "wheel" else "numpy-2.1.0-cp311-any.whl")).write_bytes(
            words[0].encode()
        )


def test_a_bundle_holds_wheels_lock_and_scripts_and_is_taken_by_its_own_install(
    tmp_path: Path,
) -> None:
    pip, output = Pip(), tmp_path / "bundle.tar.gz"
    assert make(ROOT, output, pip)["wheels"] == 2
    download = pip.asked[1]
    assert "--require-hashes" in download
    assert download[download.index("-r") + 1] == str(ROOT / "requirements.lock")
    with tarfile.open(output) as packed:
        packed.extractall(tmp_path, filter="data")
    top = tmp_path / "inspection-node"
    assert (top / "requirements.lock").read_bytes() == (ROOT / "requirements.lock").read_bytes()
    done = subprocess.run(
        [
            str(top / "install" / "install.sh"),
            "--root",
            str(tmp_path / "root"),
            "--dry-run",
            "--no-broker",
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"would build: /opt/inspection-node/versions/{VERSION} from a bundle" in done.stdout
    for given in (output, top):
        assert (
            "from a bundle"
            in script(
                "install.sh", "--root", tmp_path / "root", "--dry-run", "--from", given
            ).stdout
        )


@pytest.mark.parametrize("fails_at", ["wheel", "download"])
def test_where_pip_fails_there_is_no_archive(tmp_path: Path, fails_at: str) -> None:
    with pytest.raises(Problem, match="BUNDLE_FAILED"):
        make(ROOT, tmp_path / "bundle.tar.gz", Pip(fails_at))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_source_tree_is_refused(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with pytest.raises(Problem, match=r"requirements\.lock"):
        make(tmp_path, tmp_path / "bundle.tar.gz", Pip())
