"""Known faults: what F29 found is found again, and nothing that is locked has a listed one."""

import json

from packaging.version import Version

from deploy.supply.advisories import LIST, brought_along, faults
from deploy.supply.sbom import LOCK, packages

ADVISORIES = json.loads(LIST.read_text())["advisories"]


def test_the_pip_and_setuptools_of_before_would_be_found() -> None:
    told = list(faults([("pip", "23.2.1"), ("setuptools", "65.5.0")], ADVISORIES))
    assert [line.partition(",")[0] for line in told] == [
        "pip 23.2.1: CVE-2023-5752",
        "pip 23.2.1: CVE-2025-8869",
        "setuptools 65.5.0: CVE-2022-40897",
        "setuptools 65.5.0: CVE-2024-6345",
        "setuptools 65.5.0: CVE-2025-47273",
    ]


def test_a_version_is_a_number_and_no_text() -> None:
    assert list(faults([("flask", "10.0"), ("other", "1")], {"flask": {"X": "9.1"}})) == []
    assert list(faults([("flask", "9.0.10")], {"flask": {"X": "9.1"}})) == [
        "flask 9.0.10: X, mended in 9.1"
    ]


def test_nothing_that_is_locked_has_a_fault_that_is_listed() -> None:
    locked = [(each.name, each.version) for each in packages(LOCK.read_text())]
    assert list(faults([*locked, *brought_along()], ADVISORIES)) == []
    assert len({name for name, _ in locked} & ADVISORIES.keys()) > 10, (
        "the list is about what is locked"
    )
    assert all(Version(mended) for each in ADVISORIES.values() for mended in each.values())
