"""Pictures that a worker has drawn and the node stores: each result is reported once, and
correctly."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from node.worker.handed import HandedPictures
from schemas import Problem


class Keeping:
    """A store whose disk may stall, and what is reported about results."""

    def __init__(self) -> None:
        self.store = self
        self.turns = threading.Event()
        self.stored: list[str] = []
        self.told: list[tuple[str, str | None]] = []

    def write(self, name: str, _: bytes) -> None:
        assert self.turns.wait(20)
        if name.startswith("bad"):
            raise RuntimeError("a fault of ours")
        self.stored.append(name)

    def written(self, result_id: str, problem: Problem | None) -> None:
        self.told.append((result_id, None if problem is None else problem.code))


@pytest.fixture
def keeping() -> Iterator[Keeping]:
    made = Keeping()
    yield made
    made.turns.set()


def test_what_came_before_the_end_of_its_worker_is_stored_and_the_rest_is_lost(
    keeping: Any,
) -> None:
    handed = HandedPictures("cam1", keeping)
    for result_id in ("whole", "half", "bad"):
        handed.begin(result_id)
        handed.came(f"{result_id}.jpg\0".encode() + b"jpeg")
    handed.done("whole", None)
    handed.done("bad", None)
    handed.ended()
    assert keeping.told == [], "the disk has it in hand"
    keeping.turns.set()
    handed.close()
    assert keeping.stored == ["whole.jpg", "half.jpg"]
    assert sorted(keeping.told) == [("bad", "INTERNAL"), ("half", "TOOL_CRASHED"), ("whole", None)]


def test_its_end_is_not_over_before_a_stalled_disk_has_stored_what_came(keeping: Any) -> None:
    handed = HandedPictures("cam1", keeping)
    handed.begin("r")
    handed.came(b"r.jpg\0jpeg")
    ending = threading.Thread(target=handed.close, daemon=True)
    ending.start()
    ending.join(0.1)
    assert ending.is_alive(), "so whoever ends the node knows that something is left behind"
    keeping.turns.set()
    ending.join(20)
    assert keeping.stored == ["r.jpg"]
