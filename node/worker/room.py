"""How much memory there is for this process and those it starts: of the machine, or what its
control group may use."""

import os
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
KNOWN = Path("/proc/self/cgroup")


def memory_bytes(groups: Path = GROUPS, known: Path = KNOWN) -> int:
    """The least of what the machine has and what its control groups allow (versions 1 and 2)."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    try:
        lines = known.read_text().splitlines()
    except OSError:
        return limits[0]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = groups, "memory.max"
        elif controllers == "memory":
            root, name = groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        place = root / path.lstrip("/")
        for each in (place, *place.parents):
            if each == root.parent:
                break
            try:
                limits.append(int((each / name).read_text()))
            except (OSError, ValueError):  # none, or "max"
                continue
    return min(limits)
