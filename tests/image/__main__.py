"""`make image`: build the image, run its node and web as an engine would, and let them answer.

A table tells what was seen: size, cold start, who it runs as, and that no secret is anywhere but in
its file. It takes about 5 minutes, 7 the first time, and needs root, Debian's registry and PyPI.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from tests.image import build, inside
from tests.image.rows import Row, row
from tests.rooms.installation.processes import ROOT

TOOLS = re.compile(
    r"(.*-)?(gcc|cc|c\+\+|g\+\+|clang|tcc|ld|as|make|cmake|rustc|go|pip3?)(-[\d.]+)?"
)
KUBERNETES = ROOT / "deploy" / "containers" / "kubernetes"
LIMIT_S = 600


def main(argv: list[str] | None = None) -> int:
    """0 if all that was looked at held."""
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("--keep", metavar="DIR", type=Path, help="build there, and leave it there")
    args = parser.parse_args(argv)
    if told := build.lacking():
        print(f"make image: {told}", file=sys.stderr)
        return 1
    build.CACHE.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(dir=build.CACHE)
        folder = args.keep or Path(stack.enter_context(scratch))
        folder.mkdir(parents=True, exist_ok=True)
        rows = [*_image(build.Storage(folder), folder), *_manifests(folder), _engine()]
    print("\n| of the image | held | seen |\n|---|---|---|")
    for each in rows:
        print(f"| {each.name} | {'yes' if each.held else 'NO'} | {each.seen} |".replace("\n", " "))
    return 0 if all(each.held for each in rows) else 1


def _image(storage: build.Storage, folder: Path) -> Iterator[Row]:
    built = row("build", lambda: f"{storage.build(folder):.0f} s, from debootstrap and wheels")
    yield built
    if not built.held:
        return
    config, root = storage.config(), storage.tree()
    yield row("size", lambda: _size(root))
    yield row("what it says of itself", lambda: _config(config))
    yield row("no compiler, no pip", lambda: _no_tools(root))
    yield from inside.rows(root, config, folder)


def _size(root: Path) -> str:
    total = sum(int(build.shell("du", "-sb", root / each).split()[0]) for each in ("usr", "opt"))
    ours = int(build.shell("du", "-sb", root / "opt").split()[0])
    whole = int(build.shell("du", "-sbx", root).split()[0])
    assert total <= whole < 1_000_000_000, whole
    return f"{whole / 1e6:.0f} MB unpacked, {ours / 1e6:.0f} MB of it node, web and libraries"


def _config(config: dict[str, object]) -> str:
    assert config["User"] == "10001:10001", config["User"]
    assert config["Entrypoint"] == ["inspection-node"]
    assert "healthy" in str(config["Healthcheck"])
    assert sorted(config["Volumes"]) == ["/tmp", "/var/lib/inspection-node"]  # type: ignore[call-overload]
    secret = re.compile(r"(PASS|SECRET|TOKEN|KEY)", re.IGNORECASE)
    names = [each.partition("=")[0] for each in config["Env"]]  # type: ignore[attr-defined]
    assert not [name for name in names if secret.search(name)], names
    return "runs as 10001:10001, has a health check, two volumes, no secret in its environment"


def _no_tools(root: Path) -> str:
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/inspection-node/bin")
    found = [
        path.name
        for folder in folders
        for path in (root / folder).iterdir()
        if TOOLS.fullmatch(path.name)
    ]
    assert not found, found
    assert not list(root.rglob("cc1")), "a compiler"
    site = Path("usr/local/share/ca-certificates")
    assert not (root / "etc/pip.conf").exists(), "what only the build knows"
    assert not [*(root / site).iterdir()], "what only the build knows"
    return "none among its programs; nothing of the build's registries and authorities"


def _manifests(folder: Path) -> Iterator[Row]:
    def valid() -> str:
        place = folder / "kubernetes-validate"
        venv.create(place, with_pip=True)
        words = ["install", "--quiet", "--disable-pip-version-check", "kubernetes-validate==1.37.0"]
        build.shell(place / "bin/pip", *words, limit_s=LIMIT_S)
        files = sorted(KUBERNETES.glob("base/[!k]*.yaml"))
        told = subprocess.run(
            [place / "bin/kubernetes-validate", "--strict", *files],
            check=False,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        seen = told.stdout + told.stderr
        assert told.returncode == 0, seen[-800:]
        return f"{seen.count('passed for resource')} resources fit the schemas of Kubernetes 1.37"

    yield row("Kubernetes manifests", valid)


def _engine() -> Row:
    """The same by a Docker engine, where one answers."""
    from tests.image import docker

    why = docker.missing()
    if why:
        return Row("the same in a Docker engine", True, f"not tried, for none answers here: {why}")
    return row("the same in a Docker engine", docker.trial)


if __name__ == "__main__":
    sys.exit(main())
