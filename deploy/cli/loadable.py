"""What `doctor` finds out about third-party tools and about programs: whether they can be
loaded."""

from collections.abc import Iterator
from pathlib import Path

from deploy.cli.machine import CheckFinding, failed
from schemas import Problem, Settings
from schemas.store.programs import Programs
from schemas.tools import OTHERS


def tools() -> Iterator[CheckFinding]:
    """Loads the tools that installed packages bring, as the node would for a program that uses
    them."""
    from node.tools import TOOLS

    for kind, other in OTHERS.items():
        try:
            if other.problem is not None:
                raise Problem("PROGRAM_INVALID", other.problem)
            assert TOOLS[kind]
            yield CheckFinding(f"tool {kind}", "ok", other.package)
        except Problem as problem:
            yield CheckFinding(
                f"tool {kind}", "fail", problem.message, f"Correct or remove {other.package}"
            )


def programs(settings: Settings) -> Iterator[CheckFinding]:
    """Loads every program as the node would, and looks for those that the settings name."""
    from node.program import load_stored

    store = Programs(Path(settings.state_dir) / "programs")
    try:
        stored = store.list()
    except Problem as problem:
        yield failed("programs", problem)
        return
    if store.problem is not None:
        yield failed("programs", store.problem)
    good = 0
    for head in stored:
        try:
            load_stored(store.get(head.id), store)
            good += 1
        except Problem as problem:
            yield failed(f"program {head.id}", problem)
    for station in settings.station:
        if station.program is None:
            continue
        try:
            store.get(station.program)
        except Problem as problem:
            yield failed(f"program of {station.id}", problem)
    if not stored:
        yield CheckFinding(
            "programs", "warn", "there are none", "inspection-node program import FILE"
        )
    elif good == len(stored):
        yield CheckFinding("programs", "ok", f"{good} can be loaded")
    else:
        yield CheckFinding(
            "programs",
            "warn",
            f"{good} of {len(stored)} can be loaded",
            "Correct or delete the others",
        )
