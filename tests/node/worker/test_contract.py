"""What a worker does, in a thread of the node and in a process of its own: one suite for both.

One file: a contract is read at one place, and each case runs over both kinds of worker.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from node.cameras import synthetic
from node.commands.with_pixels import PixelCommands
from node.limits import BEAT_S
from node.look import look
from node.metrics import NodeMetrics
from node.part import Part
from node.pictures.keeping import PictureKeeping
from node.pictures.live_view import LiveView
from node.pictures.writer import PictureWriter
from node.record import Record
from node.shelf import Shelf
from node.worker import in_process
from node.worker.at_work import AtWork
from node.worker.bench import Workshop, make_bench
from node.worker.blame import Blame
from node.worker.child import Child
from node.worker.early import UNREAD, EarlyLooks
from node.worker.in_process import ProcessWorker
from node.worker.in_thread import ThreadWorker
from node.worker.seam import Crash, PartJob, PartOutcome, ReadyProgram, Settle, Worker
from node.worker.spare import Spare
from node.worker.wire import WorkerSetup
from schemas import (
    Problem,
    Result,
    StationSettings,
    SyntheticCamera,
    Trigger,
    as_program,
    new_id,
)
from schemas.command import COMMANDS
from schemas.settings import PictureSettings
from schemas.store.live_pictures import LivePictures
from schemas.store.pictures import Pictures
from schemas.store.programs import Programs
from tests.rooms.installation.processes import settle as settle_down
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

CAMERA = SyntheticCamera(width=320, height=240, defect_rate=0.0, exposure_ms=1.0)
LIMIT_S = 60.0
NO_CORE = "1023"  # on no machine


class Place:
    """A worker with what the node keeps of it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.spare = Spare()
        self.folder = folder
        self.programs = Programs(folder / "programs")
        self.save()
        asked = {"worker": kind, **({"cpus": NO_CORE} if kind == "process" else {})}
        station = StationSettings(id="cam1", camera=CAMERA, **asked)
        self.store = Pictures(folder / "pictures", PictureSettings(min_free_percent=0))
        self.keeping = PictureKeeping(self.store, NodeMetrics("1", "node-01"), previews=True)
        self.previews: list[bytes] = []
        self.crashes: list[Crash] = []
        self.workshop: Workshop | None = None
        self.worker: Worker
        if kind == "process":
            setup = WorkerSetup("node-01", station, str(folder), str(folder), 85, "INFO")
            self.worker = ProcessWorker(
                setup, self.programs, self.keeping, self._preview, self.crashes.append, self.spare
            )
        else:
            writer = PictureWriter(self.store, 85, self.keeping.written, self._preview)
            self.workshop = Workshop(
                "node-01",
                Shelf(Programs(folder / "programs")),
                writer,
                LiveView(LivePictures(folder / "shown")),
            )
            bench = make_bench(station, folder, self.workshop)
            self.worker = ThreadWorker(bench, look, PixelCommands(self.workshop))
            self.workshop.start()
        self.worker.hold("synthetic-part")
        self.worker.start()
        self.rows = 0

    def _preview(self, station: str, jpeg: bytes) -> None:
        assert station == "cam1"
        self.previews.append(jpeg)

    def save(self, **changes: Any) -> None:
        program = as_program(synthetic.program(CAMERA) | {"limits_ms": 60000} | changes)
        master = cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes()
        self.programs.save(program, master, "ada")

    def job(self, program: str = "synthetic-part") -> PartJob:
        self.rows += 1
        now = time.monotonic_ns()
        trigger = Trigger(part_id=f"part-{self.rows}", meta={"lot": ["ä", 1]})
        until = now + round(LIMIT_S * 1e9)
        return PartJob(self.rows, f"T{self.rows}", trigger, program, now, now, now, until)

    def look(self, program: str = "synthetic-part") -> PartOutcome:
        self.worker.program(program, LIMIT_S)
        return self.worker.look(self.job(program))

    def ask(self, name: str, **given: Any) -> dict[str, Any]:
        command = COMMANDS[name].model_validate({"request_id": "r", "station": "cam1", **given})
        return self.worker.ask(name, command)

    def stop(self) -> None:
        self.worker.stop()
        self.spare.close()
        if self.workshop is not None:
            self.workshop.stop()


@pytest.fixture(params=["thread", "process"], scope="module")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    made = Place(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.stop()


def test_a_part_is_looked_at_and_what_was_found_comes_back(place: Place) -> None:
    place.worker.program("synthetic-part", LIMIT_S)
    job = place.job()
    found = place.worker.look(job)
    assert (found.row, found.verdict, found.fault) == (job.row, "OK", None)
    stored = place.programs.get("synthetic-part")
    assert found.program is not None
    assert (found.program.version, found.program.hash) == (stored.version, stored.hash)
    assert found.program.outputs == stored.program.outputs
    assert [tool.name for tool in found.tools] == [tool.name for tool in stored.program.tools]
    assert all(tool.verdict == "OK" and tool.low is not None for tool in found.tools[:1])
    assert found.pose is not None
    assert set(found.timings_ms) == {"wait", "acquire", "locate", "measure", "judge"}
    assert found.taken_at_s is not None
    assert job.began_ns < found.ended_ns <= time.monotonic_ns()


def test_a_program_that_is_not_there_is_refused_and_one_that_is_there_is_told(place: Place) -> None:
    with pytest.raises(Problem, match="PROGRAM_NOT_FOUND"):
        place.worker.program("none-such", LIMIT_S)
    missing = place.worker.peek("none-such")
    assert isinstance(missing, Problem)
    assert missing.code == "PROGRAM_NOT_FOUND"
    ready = place.worker.program("synthetic-part", LIMIT_S)
    assert wait_for(lambda: place.worker.peek("synthetic-part"), 30, "the program") == ready
    found = place.worker.look(place.job("none-such"))
    assert (found.verdict, found.fault and found.fault.code) == ("ERROR", "PROGRAM_NOT_FOUND")
    assert found.taken_at_s is None


def test_a_program_that_changed_is_used_after_a_refresh(place: Place) -> None:
    before = place.look().program
    place.save(name=f"another name {place.kind}")
    place.worker.refresh(LIMIT_S)
    after = place.look().program
    assert before is not None
    assert after is not None
    assert (after.version, after.hash) == (
        before.version + 1,
        place.programs.get("synthetic-part").hash,
    )


def test_pictures_are_written_for_a_result_that_is_stored_and_let_go_for_others(
    place: Place,
) -> None:
    job = place.job()
    record = Record(Part(job.row, "cam1", job.trigger_id, job.trigger, False, "mqtt", 0.0, 0))
    record.outcome = place.look()._replace(row=job.row + 1)
    result_id = new_id()
    images = place.keeping.names(record, result_id)
    assert images is not None, "the first of ten"
    assert place.keeping.pending == {result_id}
    result: Any = Result.made(station="cam1", result_id=result_id, seq=1, images=images, error=None)
    settle = place.keeping.settle(record, result)._replace(row=place.rows)
    assert settle.preview
    place.worker.settle(settle)
    wait_for(lambda: not place.keeping.pending, 60, "the pictures")
    assert images.raw is not None
    assert images.annotated is not None
    raw = cv2.imread(str(place.store.path(images.raw)))
    assert raw is not None
    assert raw.shape == (240, 320, 3)
    annotated = place.store.path(images.annotated).read_bytes()
    wait_for(lambda: place.previews, 60, "the preview")
    assert place.previews[-1] == annotated
    # a place that was given comes back even if there is no frame
    lost = settle._replace(row=10**6, result_id=new_id())
    place.keeping.pending.add(lost.result_id)
    assert place.keeping._places.acquire(blocking=False)
    place.worker.settle(lost)
    wait_for(lambda: not place.keeping.pending, 60, "the place")
    place.worker.settle(Settle(10**6))


def test_people_see_the_newest_part_while_they_watch(place: Place) -> None:
    place.ask("show")
    shown = LivePictures(place.folder / "shown")
    found = place.look()
    result_id = new_id()
    place.worker.settle(Settle(found.row, result_id, 7))
    newest = wait_for(lambda: shown.newest("cam1"), 60, "a picture")
    assert (newest.seq, newest.result_id) == (7, result_id)


def test_a_picture_that_fails_in_a_way_nobody_foresaw_is_told_and_the_next_is_shown(
    place: Place,
) -> None:
    assert place.worker.fault is None
    place.ask("show")
    place.worker.settle(Settle(place.look().row, "no\0name", 8))
    fault = wait_for(lambda: place.worker.fault, 60, "the fault")
    assert fault.startswith("live view: ValueError: ")
    result_id = new_id()
    place.worker.settle(Settle(place.look().row, result_id, 9))
    shown = LivePictures(place.folder / "shown")
    wait_for(lambda: shown.find("cam1", result_id), 60, "the next picture")
    assert place.worker.fault == fault, "it is told for a while"


def test_commands_that_need_pixels_are_answered_and_refused(place: Place) -> None:
    captured = place.ask("capture")
    assert (captured["width"], captured["height"], captured["simulated"]) == (320, 240, True)
    assert len(captured["image"]) > 1000
    exact = place.ask("capture", exact=True)["image"]
    tried = place.ask("try_program", program="synthetic-part", image=exact)
    assert tried["verdict"] == "OK"
    assert tried["annotated"]
    with pytest.raises(Problem, match="IMAGE_NOT_KEPT"):
        place.ask("try_program", program="synthetic-part", image_sha256="0" * 64)


def test_what_is_large_crosses_whole(place: Place) -> None:
    noise = b"\x89PNG" + os.urandom(2 * 1024 * 1024)
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        place.ask("calibrate", images=[_encoded(noise)] * 3, columns=7, rows=5, square_mm=5.0)


def _encoded(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def test_it_says_what_its_camera_is(place: Place) -> None:
    place.look()
    assert place.worker.simulated
    assert place.worker.camera_problem is None


# Only a worker process can end

CRASHING = """
import pathlib, sys
if "node.worker" in sys.orig_argv:
    import ctypes, time
    import node.tools.brightness as tool
    plain, what = tool.measure, pathlib.Path({what!r})
    def measure(view, settings, learned):
        if what.exists():
            if what.read_text() == "crash":
                ctypes.string_at(0)
            while True:
                time.sleep(0.01)
        return plain(view, settings, learned)
    tool.measure = measure
"""


def early(place: Place, job: PartJob) -> bool:
    """Whether the worker has begun to look at a part that has no row yet."""
    place.worker.program(job.program, LIMIT_S)
    loaded = lambda: isinstance(place.worker.peek(job.program), ReadyProgram)  # noqa: E731
    wait_for(loaded, 60, "a program that the node knows of")
    begun = place.worker.look_early(job.program, lambda _: job._replace(row=0))
    return begun is not None


def test_a_part_that_is_looked_at_before_it_has_a_row_is_found_once_it_has_one(
    place: Place,
) -> None:
    """In a process, and not in a thread, which has none to spare; nobody can tell but by the
    time."""
    place.worker.program("synthetic-part", LIMIT_S)
    job = place.job()
    assert early(place, job) == (place.kind == "process")
    found = place.worker.look(job._replace(began_ns=time.monotonic_ns()))
    assert (found.row, found.verdict, found.fault) == (job.row, "OK", None)
    assert found.taken_at_s is not None
    assert set(found.timings_ms) == {"wait", "acquire", "locate", "measure", "judge"}
    # and the frame is kept under its row
    result_id = new_id()
    images = place.store.names(result_id)
    assert images.raw is not None
    assert place.keeping._places.acquire(blocking=False)
    place.keeping.pending.add(result_id)
    place.worker.settle(Settle(job.row, result_id, 1, images))
    wait_for(lambda: not place.keeping.pending, 60, "the pictures")
    raw = cv2.imread(str(place.store.path(images.raw)))
    assert raw is not None
    assert raw.shape == (240, 320, 3)


def test_what_is_found_early_of_one_part_is_never_given_to_another(place: Place) -> None:
    place.worker.program("synthetic-part", LIMIT_S)
    good = place.job()
    for change in (
        {"trigger_id": "another"},
        {"program": "none-such"},
        {"trigger": Trigger(part_id="part-77")},
        {"after_ns": good.after_ns + 1, "program": "none-such"},
        {"received_ns": good.received_ns + 1, "program": "none-such"},
    ):
        early(place, good)
        asked = good._replace(row=place.job().row, **change)
        found = place.worker.look(asked)
        assert found.row == asked.row
        assert (found.fault is not None) == (asked.program == "none-such")
        again = place.worker.look(good)  # the one that had begun is looked at anew
        assert (again.row, again.verdict) == (good.row, "OK")


def test_what_is_forgotten_is_never_seen_and_the_worker_is_free_again(place: Place) -> None:
    place.worker.program("synthetic-part", LIMIT_S)
    for number in range(UNREAD + 2):
        refused = place.job()
        begun = early(place, refused)
        assert begun == (place.kind == "process" and number < UNREAD), "nothing piles up"
        assert not early(place, place.job())  # one at a time
        place.worker.forget("of another")
        assert not early(place, place.job())
        place.worker.forget(refused.trigger_id)
    found = place.worker.look(place.job("none-such"))
    assert found.verdict == "ERROR"
    assert place.look().verdict == "OK"
    job = place.job()
    assert early(place, job) == (place.kind == "process")
    assert place.worker.look(job).verdict == "OK"


def test_nothing_is_looked_at_early_with_a_program_that_is_not_loaded_or_not_wanted(
    place: Place,
) -> None:
    assert place.worker.look_early("none-such", lambda _: place.job("none-such")) is None
    assert place.worker.look_early("synthetic-part", lambda _: None) is None
    assert place.look().verdict == "OK"


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A worker process whose tool brightness does what the file `what` says."""
    code = CRASHING.format(what=str(tmp_path / "what"))
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = Place("process", tmp_path)
    made.spare.start()
    yield made
    made.stop()


def _pid(place: Place) -> int:
    assert isinstance(place.worker, ProcessWorker)
    child = wait_for(lambda: place.worker._child, 60, "a worker")  # type: ignore[attr-defined]
    return int(child.process.pid)


def _given_up(place: Place, looking: threading.Thread) -> None:
    """Give the part in hand up until its thread comes back: not at once on a machine that has no
    processor for its worker."""

    def ended() -> bool:
        place.worker.give_up(place.rows)
        return not looking.is_alive()

    wait_for(ended, 60, "the end of the part")


def _refused(place: Place, raised: list[Problem]) -> None:
    try:
        place.worker.look(place.job())
    except Problem as problem:
        raised.append(problem)


def _looked(place: Place) -> PartOutcome | None:
    try:
        return place.look()
    except Problem:
        return None


def test_a_worker_that_is_ended_is_replaced_and_the_program_that_ends_it_three_times_is_told(
    apart: Place, tmp_path: Path
) -> None:
    bright = {"kind": "brightness", "name": "bright", "high": 255.0}
    region = {"x": 10, "y": 10, "width": 20, "height": 20}
    apart.save(tools=[bright | {"low": 0.5, "region": region}])
    apart.worker.refresh(LIMIT_S)
    first = wait_for(lambda: _looked(apart), 60, "a worker")
    assert (first.verdict, first.fault) == ("OK", None)
    before = _pid(apart)
    spare = wait_for(lambda: apart.spare._child, 60, "a spare one").process.pid
    pids = []
    for how in ("crash", "hang", "crash"):
        apart.worker.program("synthetic-part", LIMIT_S)
        (tmp_path / "what").write_text(how)
        raised: list[Problem] = []
        looking = threading.Thread(target=_refused, args=(apart, raised))
        looking.start()
        if how == "hang":
            assert isinstance(apart.worker, ProcessWorker)
            child = apart.worker._child
            assert child is not None
            wait_for(lambda child=child: child.page.done() == "tool bright", 60, "the tool")
            _given_up(apart, looking)
        looking.join(60)
        (tmp_path / "what").unlink()
        assert [problem.code for problem in raised] == ["TOOL_CRASHED"]
        assert ("in time" if how == "hang" else "SIGSEGV") in raised[0].message
        assert "tool bright" in raised[0].message
        pid = before
        wait_for(lambda pid=pid: _pid(apart) != pid, 60, "another worker")
        before = _pid(apart)
        pids.append(before)
    assert pids[0] == spare, "the first one was there already"
    crash = wait_for(lambda: apart.crashes, 60, "the blame")[0]
    version = apart.programs.get("synthetic-part").version
    assert crash[:4] == ("synthetic-part", version, "tool bright", 3)
    assert wait_for(lambda: _looked(apart), 60, "the next worker").verdict == "OK"
    assert len(apart.crashes) == 1


class Late:
    """A spare worker that exists only after the node has ended its station's."""

    def __init__(self) -> None:
        self.child = Child("cam1")
        self.stopped = threading.Event()

    def take(self) -> Child:
        assert self.stopped.wait(60)
        return self.child

    def want(self) -> None:
        """No other is needed."""


def _alone(folder: Path, spare: Any = None) -> ProcessWorker:
    setup = WorkerSetup(
        "node-01", StationSettings(id="cam1", camera=CAMERA), str(folder), "", 85, "INFO"
    )
    keeping = PictureKeeping(Pictures(folder, PictureSettings()), NodeMetrics("1", "node-01"))
    return ProcessWorker(setup, Programs(folder), keeping, lambda *_: None, lambda _: None, spare)


def test_a_worker_that_begins_while_its_station_ends_is_not_left_behind(tmp_path: Path) -> None:
    late = Late()
    worker = _alone(tmp_path, late)
    worker.start()
    worker.stop()
    late.stopped.set()
    wait_for(lambda: late.child.process.poll() is not None, 60, "its end")


def test_a_part_that_waited_while_its_station_was_halted_does_not_go_to_the_next_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = Crash("synthetic-part", 2, "tool label", 3, "was ended by SIGSEGV")
    monkeypatch.setattr(Blame, "ended", lambda *_, **__: crash)
    worker = _alone(tmp_path)
    worker.start()
    try:
        child = wait_for(lambda: worker._shown and worker._child, 60, "the worker")
        now = time.monotonic_ns()
        job = PartJob(1, "a", Trigger(), "synthetic-part", now, now, now, now + 60 * 10**9)
        child.process.kill()
        wait_for(lambda: worker._halted_ns, 60, "the third in a row")
        with pytest.raises(Problem, match="STATION_PAUSED"):
            worker.look(job)
        assert worker._child is not child
        later = job._replace(began_ns=time.monotonic_ns())
        assert worker.look(later).fault is not None, "after somebody resumed it, it is looked at"
    finally:
        worker.stop()


def test_a_part_does_not_wait_for_a_worker_that_nobody_will_start(tmp_path: Path) -> None:
    worker = _alone(tmp_path)
    answers: list[Problem] = []

    def wait() -> None:
        now = time.monotonic_ns()
        trigger = Trigger(part_id="part-1", meta={})
        job = PartJob(1, "T1", trigger, "synthetic-part", now, now, now, now + 600 * 10**9)
        try:
            worker.look(job)
        except Problem as problem:
            answers.append(problem)

    threading.Thread(target=wait, daemon=True).start()
    worker.stop()
    wait_for(lambda: answers, 60, "the answer")
    assert answers[0].code == "TIMEOUT"


def _stopped(worker: ProcessWorker) -> Child:
    """Its process, once it has begun; it is stopped now."""
    child = wait_for(lambda: worker._shown and worker._child, 60, "the worker")
    os.kill(child.process.pid, signal.SIGSTOP)
    assert isinstance(child, Child)
    return child


def test_a_worker_that_stands_still_is_ended_when_it_is_asked_and_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = _alone(tmp_path)
    worker.start()
    command = COMMANDS["capture"].model_validate({"request_id": "r", "station": "cam1"})
    try:
        monkeypatch.setattr(in_process, "ASK_S", 0.2)
        child = _stopped(worker)
        with pytest.raises(Problem, match="TIMEOUT"):
            worker.ask("capture", command)
        wait_for(lambda: child.process.poll() is not None, 60, "its end")
        assert child.how().endswith("did not answer capture in time")
        child = _stopped(worker)
        monkeypatch.setattr(in_process, "SILENT_S", 0.2)
        wait_for(lambda: child.process.poll() is not None, 60, "its end")
        assert "has given no sign of life" in child.how()
    finally:
        worker.stop()


def test_one_that_cannot_be_ended_is_not_waited_for_until_who_waits_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def wait(limit_s: float) -> None:
        waits.append(limit_s)
        raise subprocess.TimeoutExpired("a worker", limit_s)

    worker = _alone(tmp_path)
    worker.start()
    child = _stopped(worker)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(child.process, "wait", wait)
            patch.setattr(child.process, "kill", lambda: None)
            child.end("hangs in a driver")
            wait_for(lambda: worker._child not in (None, child), 60, "another one")
        assert 0 < sum(waits) < BEAT_S / 2
    finally:
        child.process.kill()
        worker.stop()


def test_what_the_system_does_not_allow_is_told_and_parts_are_looked_at(place: Place) -> None:
    assert place.look().fault is None
    said = f"cpus = {NO_CORE} is not possible" if place.kind == "process" else ""
    assert (place.worker.unmet or "").startswith(said)
    assert (place.worker.unmet is None) == (place.kind == "thread")


def test_a_worker_that_cannot_begin_is_told_as_a_camera_that_gives_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = "import os, sys\nif 'node.worker' in sys.orig_argv:\n    os._exit(3)\n"
    (tmp_path / "sitecustomize.py").write_text(ends)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(in_process, "THERE_S", 600.0)
    command = COMMANDS["capture"].model_validate({"request_id": "r", "station": "cam1"})
    answers: list[Problem] = []

    def ask() -> None:
        try:
            worker.ask("capture", command)
        except Problem as problem:
            answers.append(problem)

    worker = _alone(tmp_path)
    worker.start()
    try:
        problem = wait_for(lambda: worker.camera_problem, 60, "the problem")
        threading.Thread(target=ask, daemon=True).start()
        wait_for(lambda: answers, 60, "the answer, which other commands wait for")
    finally:
        worker.stop()
    assert problem.code == "TOOL_CRASHED"
    assert "ended with code 3" in problem.message
    assert [each.code for each in answers] == ["PROGRAM_LOADING"]


def test_what_is_at_work_is_read_by_another_process() -> None:
    ours = AtWork()
    theirs = AtWork(os.dup(ours.file))
    for what in ("tool " + "ä" * 200, "acquire", ""):
        theirs.doing(what)
        assert ours.done() == what[: len(ours.done())]
        assert bool(ours.done()) == bool(what)
    theirs.loading("demo", 12)
    assert ours.loaded() == ("demo", 12)
    theirs.loading("", 0)
    assert ours.loaded() is None
    theirs.given()
    ours.given()
    ours.doing("judge")
    assert theirs.done() == "judge"


def test_a_worker_that_ends_at_a_part_before_it_has_a_row_makes_it_an_error_and_is_to_blame(
    apart: Place, tmp_path: Path
) -> None:
    bright = {"kind": "brightness", "name": "bright", "high": 255.0}
    region = {"x": 10, "y": 10, "width": 20, "height": 20}
    apart.save(tools=[bright | {"low": 0.5, "region": region}])
    apart.worker.refresh(LIMIT_S)
    wait_for(lambda: _looked(apart), 60, "a worker")
    for _ in range(3):
        apart.worker.program("synthetic-part", LIMIT_S)
        pid = _pid(apart)
        (tmp_path / "what").write_text("crash")
        job = apart.job()
        assert early(apart, job)
        wait_for(lambda pid=pid: _pid(apart) != pid, 60, "another worker")
        with pytest.raises(Problem, match="TOOL_CRASHED"):
            apart.worker.look(job)
        (tmp_path / "what").unlink()
        assert not apart.worker.look_early("synthetic-part", lambda _: None)
    wait_for(lambda: apart.crashes, 10, "the blame")
    (crash,) = apart.crashes
    assert (crash.program, crash.times) == ("synthetic-part", 3)
    assert "bright" in crash.doing
    assert wait_for(lambda: _looked(apart), 60, "a worker").verdict == "OK"


def test_a_part_that_hangs_before_it_has_a_row_is_ended_by_its_row(
    apart: Place, tmp_path: Path
) -> None:
    bright = {"kind": "brightness", "name": "bright", "high": 255.0}
    region = {"x": 10, "y": 10, "width": 20, "height": 20}
    apart.save(tools=[bright | {"low": 0.5, "region": region}])
    apart.worker.refresh(LIMIT_S)
    wait_for(lambda: _looked(apart), 60, "a worker")
    (tmp_path / "what").write_text("hang")
    job = apart.job()
    assert early(apart, job)
    raised: list[Problem] = []

    def look() -> None:
        try:
            apart.worker.look(job)
        except Problem as problem:
            raised.append(problem)

    thread = threading.Thread(target=look)
    thread.start()
    wait_for(lambda: apart.worker._row == job.row, 10, "the part in hand")  # type: ignore[attr-defined]
    child = apart.worker._child  # type: ignore[attr-defined]
    wait_for(lambda: child.page.done() == "tool bright", 60, "the tool")
    (tmp_path / "what").unlink()
    _given_up(apart, thread)
    assert [problem.code for problem in raised] == ["TOOL_CRASHED"]
    assert wait_for(lambda: _looked(apart), 60, "a worker").verdict == "OK"


LET_GO_S = 0.2


@pytest.mark.parametrize(("limits_ms", "over"), [(500, True), (60_000, False)])
def test_a_part_that_was_let_go_has_the_time_of_its_program_whatever_the_camera_has(
    apart: Place, monkeypatch: pytest.MonkeyPatch, limits_ms: int, over: bool
) -> None:
    monkeypatch.setattr("node.worker.early.LET_GO_S", LET_GO_S)
    looks, child = EarlyLooks(), wait_for(lambda: apart.worker._child, 60, "a worker")  # type: ignore[attr-defined]
    long_ago_ns = time.monotonic_ns() - 2_000_000_000
    job = apart.job()._replace(began_ns=long_ago_ns, deadline_ns=long_ago_ns + 100_000_000)
    assert looks.begin(child, job, limits_ms)
    assert not looks.overdue  # its station may ask for it yet
    looks.forget(job.trigger_id)
    assert looks.overdue is over
    assert looks.begin(child, job, limits_ms)
    assert not looks.overdue


def test_a_worker_that_hangs_at_a_part_that_was_let_go_is_replaced_though_no_part_comes(
    apart: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.worker.early.LET_GO_S", LET_GO_S)
    bright = {"kind": "brightness", "name": "bright", "high": 255.0}
    region = {"x": 10, "y": 10, "width": 20, "height": 20}
    apart.save(tools=[bright | {"low": 0.5, "region": region}], limits_ms=2000)
    apart.worker.refresh(LIMIT_S)
    wait_for(lambda: _looked(apart), 60, "a worker")
    pid = _pid(apart)

    job = apart.job()
    assert early(apart, job)
    apart.worker.forget(job.trigger_id)
    settle_down(2.0 + 2 * LET_GO_S)
    assert _pid(apart) == pid  # it came back
    (tmp_path / "what").write_text("hang")
    job = apart.job()
    assert early(apart, job)
    child = apart.worker._child  # type: ignore[attr-defined]
    wait_for(lambda: child.page.done() == "tool bright", 60, "the tool")
    (tmp_path / "what").unlink()
    apart.worker.forget(job.trigger_id)
    wait_for(lambda: _pid(apart) != pid, 60, "another worker")
    assert wait_for(lambda: _looked(apart), 60, "a worker").verdict == "OK"
