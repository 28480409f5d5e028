"""Memory that a worker may use is never more than there is, for the machine or a container."""

import os
from pathlib import Path

import pytest

from node.worker.room import memory_bytes

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
MB = 2**20


@pytest.mark.parametrize(
    ("known", "files", "expected"),
    [
        ("0::/", {"memory.max": "max\n"}, MACHINE),
        ("0::/", {"memory.max": f"{64 * MB}\n"}, 64 * MB),
        ("0::/system/node", {"system/memory.max": f"{32 * MB}", "system/node/memory.max": "max"}, 32 * MB),  # noqa: E501
        ("9:cpu:/x\n4:memory:/a/b", {"memory/a/memory.limit_in_bytes": f"{16 * MB}"}, 16 * MB),
        ("4:memory:/", {"memory/memory.limit_in_bytes": "9223372036854771712"}, MACHINE),
    ],
)  # fmt: skip
def test_the_least_of_what_machine_and_groups_allow(
    tmp_path: Path, known: str, files: dict[str, str], expected: int
) -> None:
    (tmp_path / "known").write_text(known)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert memory_bytes(tmp_path / "groups", tmp_path / "known") == expected


def test_without_anything_to_read_it_is_the_machine(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path, tmp_path / "none") == MACHINE
