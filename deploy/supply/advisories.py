"""Known faults in what is locked, without a network: `python -m deploy.supply.advisories` compares
versions with a list kept here.

The list (`deploy/supply/advisories.json`: package, advisory, the version that mends it) is made by
hand and says when it was made. It finds versions that somebody would go back to, and what a virtual
environment brings along; what was published later it cannot know: `make audit` asks pip-audit's
sources for that, where there is a network.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.version import Version

from deploy.supply.sbom import LOCK, packages

LIST = Path(__file__).with_name("advisories.json")
BROUGHT_ALONG = ("pip", "setuptools")  # by the virtual environment itself


def faults(
    installed: Iterable[tuple[str, str]], advisories: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """One line for each advisory that a version is too old for."""
    for name, release in installed:
        for advisory, mended in advisories.get(name, {}).items():
            if Version(release) < Version(mended):
                yield f"{name} {release}: {advisory}, mended in {mended}"


def brought_along() -> Iterator[tuple[str, str]]:
    """The installers of this virtual environment, and their versions."""
    for name in BROUGHT_ALONG:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def main() -> int:
    """1 if anything is too old."""
    known = json.loads(LIST.read_text())
    installed = [
        *((each.name, each.version) for each in packages(LOCK.read_text())),
        *brought_along(),
    ]
    known_faults = list(faults(installed, known["advisories"]))
    print(
        *known_faults,
        f"{len(known_faults)} known faults in {len(installed)} packages, by the list of"
        f" {known['listed_at']}",
        sep="\n",
    )
    return 1 if known_faults else 0


if __name__ == "__main__":
    sys.exit(main())
