"""The image, built by buildah on a Debian from debootstrap: no engine, no registry of images."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.rooms.installation.processes import ROOT

CACHE = Path(os.environ.get("IMAGE_CACHE", Path.home() / ".cache" / "inspection-image"))
RELEASE, MIRROR = "bookworm", "http://deb.debian.org/debian"
NEEDED = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "mosquitto": "mosquitto",
    "unshare": "util-linux",
}
BASE, SITE, IMAGE = "localhost/debian", "localhost/debian-site", "localhost/inspection-node"
AUTHORITIES = Path("/usr/local/share/ca-certificates")
PIP = "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ntimeout = 180\n"
BUILD_S = 1500


def lacking() -> str:
    """What this machine still needs, as a sentence; empty if it has everything."""
    if os.geteuid() != 0:
        return "root is needed: buildah and debootstrap make trees of other accounts"
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = sorted(
        package for name, package in NEEDED.items() if shutil.which(name, path=path) is None
    )
    return (
        f"install these first: apt-get install --no-install-recommends {' '.join(missing)}"
        if missing
        else ""
    )


def shell(*words: str | Path, limit_s: float = 600) -> str:
    """What a command prints. Raises RuntimeError with its last lines."""
    done = subprocess.run(
        [*map(str, words)], check=False, capture_output=True, text=True, timeout=limit_s
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"{' '.join(map(str, words))[:120]}: {(done.stderr or done.stdout)[-1500:]}"
        )
    return done.stdout


def base() -> Path:
    """The archive of a small Debian."""
    made = CACHE / f"{RELEASE}.tar"
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        tree = CACHE / f"{RELEASE}.tree"
        shutil.rmtree(tree, ignore_errors=True)
        words = ("debootstrap", "--variant=minbase", "--components=main", RELEASE, tree, MIRROR)
        shell(*words, limit_s=1200)
        for used in (
            *tree.glob("var/cache/apt/archives/*.deb"),
            *tree.glob("var/lib/apt/lists/*_*"),
        ):
            used.unlink()
        shell("tar", "-C", tree, "-cf", made.with_suffix(".part"), ".")
        made.with_suffix(".part").replace(made)
        shutil.rmtree(tree)
    return made


class Storage:
    """Images in a folder of their own, and the commands on them."""

    def __init__(self, folder: Path) -> None:
        self._words = (
            "buildah",
            "--root",
            folder / "storage",
            "--runroot",
            folder / "run",
            "--storage-driver",
            "vfs",
        )

    def run(self, *words: str | Path, limit_s: float = 300) -> str:
        """One buildah command."""
        return shell(*self._words, *words, limit_s=limit_s).strip()

    def image_of(self, name: str, source: Path | str, *files: tuple[Path, str]) -> None:
        """An image from a base (an archive, or an image), with files at the given places."""
        given = self.run("from", "scratch" if isinstance(source, Path) else source)
        if isinstance(source, Path):
            self.run("add", "-q", given, source, "/")
        for file, to in files:
            self.run("copy", "-q", given, file, to)
        self.run("commit", "-q", given, name)
        self.run("rm", given)

    def build(self, folder: Path) -> float:
        """Build the image as the Dockerfile says; the seconds that took."""
        self.image_of(BASE, base())
        (folder / "pip.conf").write_text(PIP)
        given = [(each, f"{AUTHORITIES}/") for each in AUTHORITIES.glob("*.crt")]
        # The registries of this site may be behind authorities of its own: the build knows them.
        self.image_of(SITE, BASE, (folder / "pip.conf", "/etc/pip.conf"), *given)
        began = time.monotonic()
        self.run(
            *(
                "bud",
                "--isolation",
                "chroot",
                "--format",
                "docker",
                "--pull-never",
                "--layers=false",
            ),
            *("--build-arg", f"BASE={BASE}", "--build-arg", f"BUILD_BASE={SITE}"),
            *("-f", ROOT / "deploy/containers/Dockerfile", "--ignorefile", ROOT / ".dockerignore"),
            *("-t", IMAGE, ROOT),
            limit_s=BUILD_S,
        )
        return time.monotonic() - began

    def config(self) -> dict[str, Any]:
        """What the image says of itself."""
        found: dict[str, Any] = json.loads(self.run("inspect", "--type", "image", IMAGE))["Docker"][
            "config"
        ]
        return found

    def tree(self) -> Path:
        """The root of a container from it."""
        return Path(self.run("mount", self.run("from", "--pull-never", IMAGE)))
