"""The shelf: programs are loaded when they are used, again when they change, and let go when there
are too many."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import node.shelf
from node.cameras import synthetic
from node.program import LoadedProgram
from node.shelf import Shelf, size_of
from schemas import Problem, StoredProgram, SyntheticCamera, as_program
from schemas.store.programs import Programs

CAMERA = SyntheticCamera()
MASTER = cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes()


@pytest.fixture
def store(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def save(store: Programs, program_id: str, **changes: Any) -> None:
    store.save(
        as_program({**synthetic.program(CAMERA), "id": program_id, **changes}), MASTER, "ada"
    )


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids in the order in which programs were loaded."""
    found: list[str] = []
    real = node.shelf.load_stored  # type: ignore[attr-defined]

    def load(stored: StoredProgram, *rest: Any) -> LoadedProgram:
        found.append(stored.program.id)
        return real(stored, *rest)

    monkeypatch.setattr(node.shelf, "load_stored", load)
    return found


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Loading waits until this is called."""
    go, real = threading.Event(), node.shelf.load_stored  # type: ignore[attr-defined]

    def load(*given: Any) -> LoadedProgram:
        assert go.wait(20)
        return real(*given)

    monkeypatch.setattr(node.shelf, "load_stored", load)
    yield go.set
    go.set()


def test_only_what_is_asked_for_is_loaded_and_only_once(store: Programs, loads: list[str]) -> None:
    for number in range(5):
        save(store, f"p{number}")
    shelf = Shelf(store)
    assert shelf.refresh() == []
    assert loads == []
    assert shelf.get("p2") is shelf.get("p2")
    assert loads == ["p2"]


def test_saving_one_program_loads_that_one_if_it_is_in_use(
    store: Programs, loads: list[str], tmp_path: Path
) -> None:
    for program_id in ("used", "other", "unused"):
        save(store, program_id)
    shelf = Shelf(store)
    shelf.refresh()
    other = shelf.get("other")
    shelf.get("used")
    loads.clear()
    for program_id in ("used", "unused"):
        save(Programs(tmp_path), program_id, limits_ms=77)
    assert shelf.refresh() == ["unused", "used"]
    assert loads == ["used"]
    assert (shelf.get("used").version, shelf.get("unused").version) == (2, 2)
    assert shelf.get("other") is other
    assert shelf.refresh() == []


def test_the_old_version_stays_in_use_until_the_new_one_is_loaded(
    store: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, "cap")
    shelf = Shelf(store)
    old = shelf.get("cap")
    shelf.refresh()
    go, real = threading.Event(), node.shelf.load_stored  # type: ignore[attr-defined]

    def slow(*given: Any) -> LoadedProgram:
        assert go.wait(20)
        return real(*given)

    monkeypatch.setattr(node.shelf, "load_stored", slow)
    save(store, "cap", limits_ms=77)
    assert shelf.refresh(0) == ["cap"]
    assert shelf.get("cap", 0) is old
    save(store, "cap", limits_ms=78)  # while the second version is learned
    go.set()
    shelf.refresh()
    assert shelf.get("cap").version == 3


def test_who_asks_for_a_program_that_learns_for_long_is_told_and_gets_it_later(
    store: Programs, held_up: Callable[[], None]
) -> None:
    save(store, "cap")
    shelf = Shelf(store)
    assert shelf.peek("cap") is None
    with pytest.raises(Problem) as caught:
        shelf.get("cap", limit_s=0.05)
    assert caught.value.code == "PROGRAM_LOADING"
    held_up()
    assert shelf.get("cap").version == 1


def test_a_master_that_is_back_makes_the_program_usable_without_a_change(
    store: Programs, tmp_path: Path
) -> None:
    save(store, "cap")
    master = next((tmp_path / "masters").glob("*.png"))
    away = master.rename(master.with_suffix(".away"))
    for held in (False, True):
        shelf = Shelf(store)
        if held:
            shelf.hold("cam1", "cap")
        problem = shelf.problem("cap")
        assert problem is not None
        assert problem.code == "MASTER_IMAGE_NOT_FOUND"
        shelf.refresh()
        assert shelf.problem("cap") is not None
        away.rename(master)
        shelf.refresh()
        assert shelf.problem("cap") is None
        master.rename(away)


def test_a_fault_while_learning_is_a_coded_problem_and_ends_nothing(
    store: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, "cap")
    shelf = Shelf(store)

    def no_memory(*_: Any) -> LoadedProgram:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(node.shelf, "load_stored", no_memory)
        problem = shelf.problem("cap")
    assert problem is not None
    assert problem.code == "INTERNAL"
    shelf.refresh()
    assert shelf.problem("cap") is None


def test_a_program_that_this_release_refuses_is_told_as_such_and_keeps_no_other_from_being_loaded(
    store: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for saved in ("cap", "old"):
        save(store, saved)
    reading = store.get

    def read(program_id: str, *rest: Any) -> Any:
        if program_id == "old":
            raise Problem("PROGRAM_INVALID", "a tool of a kind that there was once")
        return reading(program_id, *rest)

    monkeypatch.setattr(store, "get", read)
    shelf = Shelf(store)
    problem = shelf.problem("old")
    assert problem is not None
    assert problem.code == "PROGRAM_INVALID"
    assert shelf.problem("cap") is None


def test_programs_used_longest_ago_are_let_go_but_never_one_that_a_station_holds(
    store: Programs,
) -> None:
    for number in range(6):
        save(store, f"p{number}")
    one = size_of(Shelf(store).get("p0"))
    shelf = Shelf(store, most_bytes=3 * one + one // 2)
    shelf.hold("cam1", "p0")
    first = {number: shelf.get(f"p{number}") for number in range(6)}
    assert shelf.get("p0") is first[0]
    assert shelf.get("p5") is first[5]
    assert shelf.get("p1") is not first[1]
    shelf.hold("cam1", "p5")
    for number in range(1, 5):
        shelf.get(f"p{number}")
    assert shelf.get("p0") is not first[0]
    assert shelf.get("p5") is first[5]


def test_a_deleted_program_is_let_go(store: Programs) -> None:
    save(store, "cap")
    shelf = Shelf(store)
    shelf.hold("cam1", "cap")
    shelf.refresh()
    shelf.get("cap")
    store.delete("cap")
    assert shelf.refresh() == ["cap"]
    found = shelf.peek("cap")
    assert isinstance(found, Problem)
    assert found.code == "PROGRAM_NOT_FOUND"


def test_the_size_counts_each_array_once_and_arrays_behind_views() -> None:
    picture = np.zeros((1000, 1000), np.uint8)
    assert 1_000_000 <= size_of([picture, picture, picture[10:20]]) < 1_010_000
    assert 1_000_000 <= size_of({"view": picture[10:20]}) < 1_010_000
