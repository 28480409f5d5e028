"""A station with real parts: after the claim every way ends in a result, and no line says OK for a
part that is not.

One file: each way that a part may go ends at the same bench of station, ledger and lines.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

import node.publish
import node.told
from broker.outbox import Outbox
from broker.topics import Names
from node import ending, limits
from node.alarms import Alarms
from node.arrival import Received
from node.cameras import Request, synthetic
from node.commands.with_pixels import PixelCommands
from node.frame import Frame
from node.gpio import make_bank
from node.gpio.driver import LineDriver
from node.inspection import inspect
from node.intake import Intake
from node.look import look
from node.metrics import NodeMetrics
from node.pictures.keeping import PictureKeeping
from node.pictures.writer import PictureWriter
from node.shared import Shared
from node.shelf import Shelf
from node.station import Station
from node.worker import bench as benches
from node.worker.in_thread import ThreadWorker
from schemas import (
    MemoryLines,
    Problem,
    Result,
    StationSettings,
    SyntheticCamera,
    Trigger,
    as_program,
)
from schemas.settings import PictureSettings
from schemas.store.ledger import Ledger
from schemas.store.pictures import Pictures
from schemas.store.programs import Programs
from tests.rooms.promise.promise import stored, wait_for

pytestmark = pytest.mark.slow

CAMERA = SyntheticCamera(defect_rate=0.0, exposure_ms=30.0)
LINES = MemoryLines(kind="memory", ok=1, ng=2, error=3, ready=4)


class Bench:
    """A station on a ledger, with lines that remember."""

    def __init__(self, folder: Path, camera: Any = None) -> None:
        # a busy machine is not a fault of the station
        program = as_program(synthetic.program(CAMERA) | {"limits_ms": 60000})
        Programs(folder / "programs").save(
            program, cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes(), "ada"
        )
        outbox = Outbox(Names("inspection/v1", "node-01"))
        settings = StationSettings(
            id="cam1", program="synthetic-part", camera=CAMERA, lines=LINES, max_age_ms=60000
        )
        self.path = folder / "ledger.db"
        self.ledger = Ledger(self.path, outbox.committed, outbox.flush_soon)
        self.driver = LineDriver({"cam1": (LINES, make_bank(LINES))}, lambda _station, _at: None)
        self.driver.start()
        metrics = NodeMetrics("1", "node-01")
        store = Pictures(folder / "pictures", PictureSettings())
        keeping = PictureKeeping(store, metrics)
        self.pictures = PictureWriter(store, 85, keeping.written)
        programs = Programs(folder / "programs")
        workshop = benches.Workshop("node-01", Shelf(programs), self.pictures)
        camera = camera or synthetic.SyntheticLine(CAMERA, folder)
        bench = benches.Bench(settings, camera, workshop)
        worker = ThreadWorker(bench, look, PixelCommands(workshop))
        worker.start()
        shared = Shared("node-01", self.driver, self.ledger, programs, keeping, metrics)
        self.station = Station(settings, worker, shared, inspect)
        self.intake = Intake({"cam1": self.station}, self.ledger, outbox, Alarms(("cam1",), outbox))
        self.pictures.start()
        self.station.thread.start()

    def trigger(self, trigger_id: str) -> None:
        self.intake.take(self.station, Trigger(trigger_id=trigger_id), "http", Received.now())

    def results(self) -> dict[str, Result]:
        return {
            result_id: Result.model_validate_json(payload, strict=False)
            for result_id, _, payload in stored(self.path)
        }

    def result(self, trigger_id: str) -> Result:
        return wait_for(lambda: self.results().get(trigger_id), 20, f"the result of {trigger_id}")  # type: ignore[no-any-return]

    def shown_ok(self) -> int:
        """How often the OK line went on."""
        values = [values["ok"] for _, values in self.driver.timeline("cam1")]
        return sum(
            1
            for before, after in zip([False, *values], values, strict=False)
            if after and not before
        )

    def full(self, full: bool) -> None:
        """A database that may not grow, as on a full disk."""
        pages = self.ledger._db.execute("PRAGMA page_count").fetchone()[0]
        self.ledger._db.execute(f"PRAGMA max_page_count={pages if full else 1 << 30}")

    def close(self) -> None:
        ending.finish([self.station])
        self.pictures.stop(2)
        self.driver.stop(2)
        self.ledger.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def of_one_part(real: Callable[..., Any], trigger_id: str) -> Callable[..., Any]:
    """A function that fails for one part, the one whose inspection is among its arguments."""

    def faulty(*given: Any, **named: Any) -> Any:
        if any(
            getattr(getattr(each, "part", None), "trigger_id", None) == trigger_id for each in given
        ):
            raise RuntimeError("a fault of ours")
        return real(*given, **named)

    return faulty


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (PictureKeeping, "names"),
        (node.publish, "build"),
        (node.inspection, "compose"),
        (node.inspection, "publish"),
    ],
)
def test_a_fault_of_ours_after_the_claim_is_answered_and_the_next_parts_are_inspected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: Any, what: str
) -> None:
    monkeypatch.setattr(where, what, of_one_part(getattr(where, what), "bad"))
    bench.station.pictures._ok_counts["cam1"] = 9  # the second one's pictures are to be kept
    for trigger_id in ("good", "bad", "next"):
        bench.trigger(trigger_id)
    assert bench.result("next").verdict == "OK"
    bad = bench.result("bad")
    assert (bad.verdict, bad.error and bad.error.code) == ("ERROR", "INTERNAL")
    assert bench.station.fault is not None
    told_ok = sum(
        result.verdict == "OK" and result.outputs == "ok" for result in bench.results().values()
    )
    # at the very last step the lines have already shown the verdict
    assert bench.shown_ok() == told_ok + (what == "publish")
    wait_for(lambda: not bench.station.pictures.pending, 20, "no picture is promised any more")


def test_the_lines_mean_what_the_program_that_judged_says_whatever_is_selected_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = bench.station
    ready = station.worker.program("synthetic-part", 20)
    other = ready._replace(version=99, outputs={"OUT1": "ok"})
    assign, show, done = bench.driver.assign, bench.driver.show, []

    def look(_: Any) -> Any:
        station.assign(other)
        raise Problem("TOOL_CRASHED")

    def assigned(program_id: str, outputs: Any) -> None:
        done.append(outputs)
        assign(program_id, outputs)

    def shown(*given: Any) -> Any:
        done.append("shown")
        return show(*given)

    monkeypatch.setattr(bench.driver, "assign", assigned)
    monkeypatch.setattr(bench.driver, "show", shown)
    monkeypatch.setattr(station.worker, "look", look)
    bench.trigger("one")
    assert bench.result("one").verdict == "ERROR"
    assert done == [ready.outputs, other.outputs, ready.outputs, "shown"]


def test_of_two_programs_told_at_once_the_lines_keep_the_one_that_the_station_knows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = bench.station.worker.program("synthetic-part", 20)
    programs = [
        ready._replace(version=n, outputs={"OUT1": meaning})
        for n, meaning in enumerate(("ok", "ng"), 98)
    ]
    entered, goes_on, told = threading.Event(), threading.Event(), []

    def assign(_: str, outputs: Any) -> None:
        if outputs == programs[0].outputs:
            entered.set()
            assert goes_on.wait(20)
        told.append(outputs)

    monkeypatch.setattr(bench.driver, "assign", assign)
    threads = [threading.Thread(target=bench.station.assign, args=(it,)) for it in programs]
    threads[0].start()
    assert entered.wait(20)
    threads[1].start()
    threads[1].join(0.1)
    goes_on.set()
    for thread in threads:
        thread.join(20)
    assert told == [it.outputs for it in programs]


def test_a_result_that_cannot_be_written_as_json_is_answered_with_a_smaller_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = node.told.build

    def build(found: Any, *rest: Any) -> Result:
        result = real(found, *rest)
        return (
            result.model_copy(update={"part_id": "\ud800"})
            if found.part.trigger_id == "bad"
            else result
        )

    monkeypatch.setattr(node.publish, "build", build)
    for trigger_id in ("bad", "next"):
        bench.trigger(trigger_id)
    assert bench.result("next").verdict == "OK"
    bad = bench.result("bad")
    assert (bad.verdict, bad.error and bad.error.code) == ("ERROR", "INTERNAL")


def test_lines_that_fail_in_an_unknown_way_leave_a_result_that_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(*_: Any) -> str:
        raise Problem("BAD_COMMAND", "not of the lines")

    with monkeypatch.context() as patch:
        patch.setattr(bench.driver, "show", show)
        bench.trigger("one")
        assert bench.result("one").outputs == "error"
    bench.trigger("two")
    assert bench.result("two").outputs == "ok"


def test_a_result_that_cannot_be_stored_is_kept_as_the_lines_showed_it(bench: Bench) -> None:
    bench.trigger("before")
    bench.result("before")
    for number in range(1, 6):  # accepted while there was room
        bench.trigger(f"t{number}")
    bench.full(True)
    wait_for(lambda: bench.station.unrecorded, 10, "a station that says so")
    assert bench.station.state().state == "Error"
    error = bench.station.state().error
    assert error is not None
    assert error.code == "STORE_FAILED"
    wait_for(lambda: not bench.driver.values("cam1")["ready"], 5, "READY off")
    seen = bench.shown_ok()
    bench.full(False)
    results = {f"t{number}": bench.result(f"t{number}") for number in range(1, 6)}
    assert {result.verdict for result in results.values()} == {"OK"}
    assert bench.shown_ok() == 6 >= seen
    assert bench.station.unrecorded is None
    assert bench.station.state().state == "Ready"


class Silent:
    """A camera that gives nothing until it is closed."""

    simulated = True
    controls = ()
    problem = None

    def open(self) -> None:
        self.closed = False

    def grab(self, request: Request) -> Frame:
        while not self.closed:
            time.sleep(0.01)
        raise Problem("CAMERA_ERROR", "it is closed")

    def close(self) -> None:
        self.closed = True


def test_the_end_answers_the_part_that_hangs_and_those_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "FINISH_S", 0.2)
    bench = Bench(tmp_path, Silent())
    for number in range(3):
        bench.trigger(f"t{number}")
    wait_for(lambda: bench.station.thread.current, 5, "the first part")
    ending.finish([bench.station])
    ending.answer_waiting([bench.station], bench.intake)
    assert [(r.error and r.error.code) for r in bench.results().values()] == ["INTERRUPTED"] * 3
    bench.station.worker.stop()
    bench.close()


def test_what_does_not_end_in_time_is_left_behind() -> None:
    never = threading.Event()
    done: list[str] = []
    late = ending.apart(
        {"hangs": never.wait, "ends": lambda: done.append("ends"), "fails": lambda: 1 / 0}, 0.1
    )
    never.set()
    assert (late, done) == (["hangs"], ["ends"])


def test_the_shares_of_the_end_are_less_than_ten_seconds() -> None:
    assert limits.END_S < 10
