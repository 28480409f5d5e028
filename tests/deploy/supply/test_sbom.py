"""The lock and the bill of materials: every dependency is pinned with hashes, and nothing is
missing."""

import json
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.supply.sbom import LOCK, PATH, packages
from tests.rooms.installation.processes import ROOT


def test_every_dependency_is_locked_to_a_version_it_allows_and_by_hash() -> None:
    locked = {canonicalize_name(each.name): each for each in packages(LOCK.read_text())}
    assert all(each.hashes for each in locked.values())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"]:
        wanted = Requirement(line)
        assert locked[canonicalize_name(wanted.name)].version in wanted.specifier, (
            f"{line}: make requirements.lock anew"
        )


def test_the_bill_of_materials_has_what_is_locked() -> None:
    made = json.loads((ROOT / PATH).read_text())
    assert {(each["name"], each["version"]) for each in made["components"]} == {
        (each.name, each.version) for each in packages(LOCK.read_text())
    }
