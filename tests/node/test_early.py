"""A part is looked at before its trigger is in the ledger only where nobody can tell, and nothing
comes of it if the trigger is not taken."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node import early
from node.early import as_job
from node.worker.seam import PartJob, ReadyProgram
from schemas import Problem, StationSettings
from schemas.program import Keep
from schemas.store.ledger import Duplicate
from tests.rooms.installation.nodes import Still, still

pytestmark = pytest.mark.slow

READY = ReadyProgram("p", 3, "h", {"OUT1": "ng"}, 500, Keep())
PART: dict[str, Any] = {"trigger_id": "L3-1", "part_id": "part-1", "program": "p"}


class Looks:
    """A worker that could look early: what it was asked for, what it was told to forget."""

    def __init__(self, node: Still, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[PartJob] = []
        self.forgotten: list[str] = []
        self.program = READY
        self.rows: list[int] = []  # in the ledger, whenever it was asked
        self._ledger = node.service.ledger
        worker: Any = node.service.stations["cam1"].worker
        monkeypatch.setattr(worker, "look_early", self._look_early)
        monkeypatch.setattr(worker, "forget", self.forgotten.append)

    def _look_early(
        self, program_id: str, asked: Callable[[ReadyProgram], PartJob | None]
    ) -> ReadyProgram | None:
        assert program_id == self.program.id
        self.rows.append(self._ledger.read("SELECT count(*) FROM triggers")[0][0])
        job = asked(self.program)
        if job is None:
            return None
        self.jobs.append(job)
        return self.program


def has(node: Still, **settings: Any) -> None:
    """Give cam1 other settings."""
    station = StationSettings.model_validate(
        {"id": "cam1", "worker": "thread", "camera": {"kind": "synthetic"}, **settings}
    )
    node.service.stations["cam1"].settings = station


def waiting(node: Still) -> list[Any]:
    return node.service.stations["cam1"].thread.take_waiting()


def test_a_part_is_looked_at_before_its_trigger_is_committed_and_after_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with still(tmp_path) as node:
        looks = Looks(node, monkeypatch)
        node.deliver(PART)
        (job,) = looks.jobs
        assert looks.rows == [0]
        assert job.row == 0
        (part,) = waiting(node)
        assert part.early == READY
        assert part.id == 1
        # what the camera is asked for is what it will be asked for by the part itself
        assert (job.trigger_id, job.trigger, job.program) == ("L3-1", part.trigger, "p")
        assert job.after_ns == job.received_ns == part.received_ns
        assert part.received_ns <= job.began_ns < job.deadline_ns
        assert job.deadline_ns <= job.began_ns + 500_000_000
        assert looks.forgotten == []
        assert node.service.driver.values("cam1") == {}


BUSY = {"kind": "gpiod", "chip": "none-such", "ok": 3, "outputs": {"OUT1": 8}}


@pytest.mark.parametrize(
    ("station", "part", "why"),
    [
        ({"trigger_delay_ms": 5}, PART, "its frame is exposed later"),
        ({"camera": {"kind": "folder", "path": ".", "order": "name"}}, PART, "shows each once"),
        ({"camera": {"kind": "folder", "path": ".", "order": "newest"}}, PART, "shows each once"),
        ({}, {"trigger_id": "a", "program": "p"}, "the line of parts goes on"),
        ({}, PART | {"part_id": "4711"}, "the line of parts goes on"),
        ({"lines": BUSY | {"busy": 7}}, PART, "BUSY may be a lamp"),
        ({"clocks_synced": True}, PART | {"sent_at": "2020-01-01T00:00:00Z"}, "stale"),
    ],
)
def test_a_part_is_not_looked_at_early_where_somebody_could_tell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    station: dict[str, Any],
    part: dict[str, Any],
    why: str,
) -> None:
    with still(tmp_path) as node:
        has(node, **station)
        looks = Looks(node, monkeypatch)
        node.deliver(part)
        assert looks.jobs == [], why
        assert [each.early for each in waiting(node)] in ([], [None])


@pytest.mark.parametrize(
    ("station", "means"),
    [
        ({"camera": {"kind": "folder", "path": ".", "order": "part_id"}}, "ng"),
        ({"camera": {"kind": "usb", "device": "/dev/video99"}}, "ng"),
        ({"lines": BUSY}, "ng"),
        ({"lines": {"kind": "memory", "busy": 7, "outputs": {"OUT1": 8}}}, "busy"),
    ],
)
def test_a_part_is_looked_at_early_where_nobody_can_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, station: dict[str, Any], means: str
) -> None:
    with still(tmp_path) as node:
        has(node, **station)
        looks = Looks(node, monkeypatch)
        looks.program = READY._replace(outputs={"OUT1": means})
        node.deliver(PART)
        assert len(looks.jobs) == 1


@pytest.mark.parametrize("means", ["busy", "always_on"])
def test_an_output_that_begins_with_the_part_may_be_a_lamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, means: str
) -> None:
    with still(tmp_path) as node:
        has(node, lines=BUSY)
        looks = Looks(node, monkeypatch)
        looks.program = READY._replace(outputs={"OUT1": means})
        node.deliver(PART)
        assert looks.jobs == []


def test_only_the_lone_part_of_a_station_that_is_idle_is_looked_at_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with still(tmp_path) as node:
        looks = Looks(node, monkeypatch)
        node.deliver(PART, PART | {"trigger_id": "L3-2"})
        node.deliver(PART | {"trigger_id": "L3-3"})  # two wait already
        assert looks.jobs == []
        (first, *_) = waiting(node)
        thread = node.service.stations["cam1"].thread
        thread.current = first
        node.deliver(PART | {"trigger_id": "L3-4"})
        assert looks.jobs == []
        thread.current = None
        waiting(node)
        node.service.stations["cam1"].paused = True
        node.deliver(PART | {"trigger_id": "L3-5"})
        assert looks.jobs == []


def test_a_trigger_that_cannot_be_stored_leaves_nothing_and_is_looked_at_anew_when_it_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise Problem("STORE_FAILED", "disk full")

    with still(tmp_path) as node:
        looks = Looks(node, monkeypatch)
        with monkeypatch.context() as broken:
            broken.setattr(node.service.ledger, "accept_all", full)
            for _ in range(2):
                with pytest.raises(Problem, match="STORE_FAILED"):
                    node.deliver(PART)
        assert looks.forgotten == ["L3-1", "L3-1"]
        assert (waiting(node), node.results()) == ([], [])
        node.deliver(PART, again=True)
        assert len(looks.jobs) == 3
        assert looks.jobs[2].received_ns > looks.jobs[1].received_ns
        (part,) = waiting(node)
        assert part.received_ns == looks.jobs[2].received_ns


def test_nothing_is_looked_at_early_while_the_ledger_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with still(tmp_path) as node:
        looks = Looks(node, monkeypatch)
        other = sqlite3.connect(node.service.ledger.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Problem, match="STORE_FAILED"):
            node.deliver(PART)
        assert looks.forgotten == ["L3-1"]
        with pytest.raises(Problem, match="STORE_FAILED"):
            node.deliver(PART)
        assert len(looks.jobs) == 1
        other.execute("ROLLBACK")
        other.close()


def test_what_comes_again_is_not_looked_at_and_what_turns_out_to_be_known_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with still(tmp_path) as node:
        looks = Looks(node, monkeypatch)
        node.deliver(PART)
        assert len(waiting(node)) == 1
        node.deliver(PART, again=True)
        assert len(looks.jobs) == 1
        node.deliver(PART)  # only the commit tells that it is known
        assert len(looks.jobs) == 2
        assert looks.forgotten == ["L3-1"]
        # another thread commits the same id between the look and the commit
        monkeypatch.setattr(node.service.ledger, "accept_all", lambda _: [Duplicate(False)])
        node.deliver(PART | {"trigger_id": "L3-9"}, again=True)
        assert len(looks.jobs) == 3
        assert looks.forgotten == ["L3-1", "L3-9"]
        assert waiting(node) == []


def test_a_look_that_cannot_begin_costs_no_trigger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    with still(tmp_path) as node:
        worker: Any = node.service.stations["cam1"].worker
        monkeypatch.setattr(worker, "look_early", broken)
        node.deliver(PART)
        (part,) = waiting(node)
        assert part.early is None
        assert "boom" in str(node.service.stations["cam1"].fault)  # an alarm tells it


def test_a_part_that_became_too_old_meanwhile_is_an_error_whatever_was_found_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with still(tmp_path, max_age_ms=1000) as node:
        Looks(node, monkeypatch)
        looked: list[PartJob] = []
        monkeypatch.setattr(node.service.stations["cam1"].worker, "look", looked.append)
        node.deliver(PART)
        thread = node.service.stations["cam1"].thread
        part = thread._queue.get_nowait()
        assert part is not None
        part.received_ns -= 2_000_000_000
        thread._queue.put(part)
        node.inspect()
        (result,) = node.results()
        assert (result["verdict"], result["error"]["code"]) == ("ERROR", "TRIGGER_STALE")
        assert looked == []
        assert json.dumps(result["tools"]) == "[]"


@pytest.mark.parametrize(("cores", "crowded"), [(1, True), (2, True), (3, False)])
def test_a_worker_is_told_whether_other_parts_wait_and_whether_others_use_the_other_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, crowded: bool
) -> None:
    monkeypatch.setattr(early, "CORES", cores)
    with still(tmp_path) as node:
        cam1 = node.service.stations["cam1"]
        node.deliver(PART)
        (part,) = cam1.thread.take_waiting()
        first = as_job(part, cam1, READY, 0)
        assert (first.crowded, first.queued) == (cores == 1, False)
        node.deliver({"trigger_id": "L3-2"})
        node.deliver({"trigger_id": "L3-3"}, station="cam2")
        job = as_job(part, cam1, READY, 0)
        assert (job.crowded, job.queued) == (crowded, True)
