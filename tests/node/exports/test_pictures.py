"""Pictures on their way to a target: none lost while it is away, none in doubt, all counted.

One file: what may happen to a picture on its way is held against the same queue and target.
"""

import sqlite3
import threading
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.exports import ExportPlace, open_place
from node.exports.folder import ExportFolder
from node.exports.pictures import PictureExporter
from schemas import Problem, Result, new_id
from schemas.settings import PictureSettings
from schemas.settings.exports import PictureExport
from schemas.store import exports as store
from schemas.store.exports import PictureProgress, Queue
from schemas.store.ledger import Ledger, TriggerStored
from schemas.store.pictures import Pictures
from tests.rooms.installation.targets import SshServer, files_below, ssh_server
from tests.rooms.promise.ledgers import build, fill, new
from tests.rooms.promise.promise import wait_for

AGAIN_S = (0.02, 0.05)


class Line:
    """A ledger with a picture store, into which results come; and the export to a share."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.state = folder / "state"
        self.share = folder / "share"
        self.state.mkdir()
        self.share.mkdir()
        self.ledger = Ledger(self.state / "ledger.db")
        self.pictures = Pictures(
            self.state / "pictures", PictureSettings(min_free_percent=0), lived=self.ledger.lived
        )
        self.pending: Container[str] = ()
        target = {"kind": "folder", "path": str(self.share), "mounted": False}
        self.settings = {"target": target, "template": "{station}/{seq}.jpg", **settings}
        self.reach: Callable[..., ExportPlace] = open_place

    def wait(self, station: str = "cam1") -> int:
        """A trigger comes, and waits."""
        accepted = self.ledger.accept(new(new_id(), station=station))
        assert isinstance(accepted, TriggerStored)
        return accepted.id

    def answer(self, trigger: int, station: str = "cam1", *, written: bool = True) -> str:
        """Its result, with a picture that holds its id; that id."""
        made: list[Result] = []

        def pictured(seq: int) -> Result:
            result = build("t", station)(seq)
            images = self.pictures.names(result.result_id)
            made.append(result.model_copy(update={"images": images}))
            return made[-1]

        self.ledger.answer(trigger, station, pictured)
        if written:
            self.write(made[0].result_id)
        return made[0].result_id

    def write(self, result_id: str) -> None:
        """Its pictures come at last."""
        self.pictures.write(f"{result_id}.jpg", result_id.encode())
        self.pictures.write(f"{result_id}.annotated.jpg", b"drawn")

    def inspect(self, station: str = "cam1") -> str:
        """A part; the id of its result."""
        return self.answer(self.wait(station), station)

    @contextmanager
    def exporting(self) -> Iterator[PictureExporter]:
        """Run what the node does while the block runs; it has begun by then."""
        settings = PictureExport.model_validate(self.settings)
        exporter = PictureExporter(
            settings,
            Queue(self.ledger, settings, ("cam1", "cam2")),
            self.pictures,
            self.pending.__contains__,
            self.state,
            AGAIN_S,
            self.reach,
        )
        exporter.start()
        assert exporter.began.wait(10)
        try:
            yield exporter
        finally:
            exporter.stop(10)

    def there(self) -> dict[str, str]:
        """What has arrived: for each picture, the id of its result."""
        return {name: data.decode() for name, data in files_below(self.share).items()}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.ledger.close()


def test_each_picture_arrives_once_its_result_is_out_and_those_of_before_stay(line: Line) -> None:
    line.inspect()
    with line.exporting() as exporter:
        ids = [line.inspect(station) for station in ("cam1", "cam2", "cam1")]
        wait_for(lambda: exporter.sent == 3, 10)
    assert line.there() == {"cam1/2.jpg": ids[0], "cam2/1.jpg": ids[1], "cam1/3.jpg": ids[2]}
    assert exporter.lost == {}
    assert exporter.trouble() is None


def test_none_is_passed_over_whose_result_comes_after_that_of_a_later_trigger(line: Line) -> None:
    with line.exporting() as exporter:
        slow, quick = line.wait("cam1"), line.wait("cam2")
        second = line.answer(quick, "cam2")
        first = line.answer(slow, "cam1")
        wait_for(lambda: exporter.sent == 2, 10)
    assert line.there() == {"cam1/1.jpg": first, "cam2/1.jpg": second}


def test_a_trigger_that_waits_at_a_station_that_is_gone_holds_up_nobody(line: Line) -> None:
    line.wait("cam9")
    with line.exporting() as exporter:
        line.inspect()
        wait_for(lambda: exporter.sent == 1, 10)


def test_one_that_is_still_being_written_is_waited_for(line: Line) -> None:
    class Pending:
        asked, over = 0, False

        def __contains__(self, _: object) -> bool:
            self.asked += 1
            return not self.over

    line.pending = pending = Pending()
    with line.exporting() as exporter:
        result_id = line.answer(line.wait(), written=False)
        wait_for(lambda: pending.asked > 2, 10)
        line.write(result_id)
        pending.over = True
        wait_for(lambda: exporter.sent == 1, 10)
    assert exporter.lost == {}
    assert line.there() == {"cam1/1.jpg": result_id}


def test_while_the_share_is_away_all_wait_also_over_a_restart_and_then_arrive(line: Line) -> None:
    away = line.share.with_name("unmounted")
    with line.exporting():
        line.share.rename(away)
        waiting = [line.inspect() for _ in range(30)]
    with line.exporting() as exporter:
        waiting += [line.inspect() for _ in range(10)]
        wait_for(lambda: exporter.failures > 2, 10)
        assert exporter.sent == 0
        away.rename(line.share)
        wait_for(lambda: exporter.sent == 40, 30)
    assert line.there() == {f"cam1/{n}.jpg": each for n, each in enumerate(waiting, 1)}
    assert exporter.lost == {}


def test_what_has_waited_an_hour_is_counted_and_too_much_is_left_out_the_oldest_first(
    tmp_path: Path,
) -> None:
    """An hour at a result a second, filled in by SQL; the bound is an hour at 20 and more."""
    state = tmp_path / "state"
    state.mkdir()
    fill(state / "ledger.db", 3_600)
    with sqlite3.connect(state / "ledger.db") as db:
        db.execute("UPDATE results SET pictures = 1")
    ledger = Ledger(state / "ledger.db")
    settings = PictureExport()
    queue = Queue(ledger, settings, ("cam1", "cam2"))
    assert queue.waiting(0).results == 3_600
    assert settings.most_waiting >= 20 * 3_600
    cut = queue.skip(0, 600)
    assert queue.waiting(cut).results == 3_000
    assert queue.after(cut, 1)[0][0][0] > cut
    assert queue.after(0, 1)[0][0][0] <= cut
    only_bad = Queue(ledger, PictureExport(verdicts=("NG",)), ("cam1", "cam2"))
    assert only_bad.waiting(0).results == 3_600 // 50 - 3_600 // 1000
    ledger.close()


def test_results_of_which_nothing_is_copied_are_looked_at_once(line: Line) -> None:
    """Otherwise each look would take longer than the last where hardly any part is bad."""
    line.settings["verdicts"] = ("NG",)
    settings = PictureExport.model_validate(line.settings)
    queue = Queue(line.ledger, settings, ("cam1", "cam2"))
    for _ in range(3):
        line.inspect()
    newest = queue.newest()
    assert queue.after(0, 32) == ([], newest)
    late = line.wait("cam2")
    line.inspect()
    assert queue.after(0, 32) == ([], newest), "what waits may be bad"
    line.answer(late, "cam2")
    with line.exporting():
        pass
    line.inspect()
    with line.exporting() as exporter:
        wait_for(lambda: exporter.row == queue.newest(), 10)
    known = store.pictures(line.state).read()
    assert known is not None
    assert known.row == queue.newest()


def test_beyond_the_bound_the_oldest_are_left_out_counted_and_told(line: Line) -> None:
    line.settings["most_waiting"] = 10
    with line.exporting():
        pass
    ids = [line.inspect() for _ in range(15)]
    with line.exporting() as exporter:
        wait_for(lambda: exporter.sent == 10, 10)
    assert exporter.lost == {"full": 5}
    assert "full" in str(exporter.trouble())
    assert line.there() == {f"cam1/{n}.jpg": ids[n - 1] for n in range(6, 16)}
    assert store.pictures(line.state).read() == PictureProgress(
        row=line.ledger.read("SELECT max(id) FROM results")[0][0], sent=10, lost={"full": 5}
    )


def test_what_is_kept_no_longer_when_its_turn_comes_is_counted(line: Line) -> None:
    with line.exporting():
        pass
    for _ in range(3):
        line.inspect()
    line.answer(line.wait(), written=False)
    last = line.inspect()
    line.pictures.path(f"{last}.jpg").unlink()
    with line.exporting() as exporter:
        wait_for(lambda: sum(exporter.lost.values()) + exporter.sent == 5, 10)
    assert (exporter.sent, exporter.lost) == (3, {"gone": 2})


def test_one_that_cannot_be_read_is_set_aside_counted_and_told(line: Line) -> None:
    with line.exporting():
        pass
    ids = [line.inspect() for _ in range(3)]
    kept = line.pictures.path(f"{ids[1]}.jpg")
    kept.unlink()
    kept.symlink_to("/proc/self/mem")  # a file whose first page is an I/O error
    with line.exporting() as exporter:
        wait_for(lambda: exporter.sent == 2, 10)
    assert exporter.lost == {"unreadable": 1}
    assert "unreadable" in str(exporter.trouble())
    assert line.there() == {"cam1/1.jpg": ids[0], "cam1/3.jpg": ids[2]}


def test_its_heart_beats_unless_it_waits_for_the_target(line: Line) -> None:
    answers = threading.Event()

    class Slow(ExportFolder):
        def put(self, name: str, source: Path) -> None:
            assert answers.wait(20)
            super().put(name, source)

    line.reach = Slow
    with line.exporting() as exporter:
        before = exporter.beat_ns
        wait_for(lambda: (exporter.beat or 0) > before, 10)
        line.inspect()
        wait_for(lambda: exporter._place is not None and exporter.beat is None, 10)
        answers.set()
        wait_for(lambda: exporter.sent == 1 and exporter.beat is not None, 10)
    idle = PictureExporter(
        PictureExport(),
        Queue(line.ledger, PictureExport(), ("cam1",)),
        line.pictures,
        lambda _: False,
        line.state,
    )
    idle.start()
    assert idle.beat is None, "nothing is exported: there is no thread"


def test_what_the_ledger_is_told_to_be_gone_was_lost_if_it_waited(line: Line) -> None:
    with line.exporting() as exporter:
        sent = line.wait()
        line.answer(sent)
        wait_for(lambda: exporter.row >= sent, 10)
        line.share.rename(line.share.with_name("away"))
        late = line.wait()
        line.answer(late)
        exporter.gone([sent, late])
        assert exporter.lost == {"gone": 1}


def test_a_name_that_has_no_place_there_holds_up_nobody(line: Line) -> None:
    class Choosy:
        def __init__(self, place: ExportPlace) -> None:
            self.place = place

        def put(self, name: str, source: Path) -> None:
            if name == "cam1/1.jpg":
                raise Problem("EXPORT_REFUSED", name)
            self.place.put(name, source)

        def close(self) -> None:
            self.place.close()

    line.reach = lambda *given: Choosy(open_place(*given))  # type: ignore[arg-type,return-value]
    with line.exporting() as exporter:
        line.inspect()
        line.inspect()
        wait_for(lambda: exporter.sent == 1, 10)
    assert exporter.lost == {"refused": 1}
    assert set(line.there()) == {"cam1/2.jpg"}


def test_both_pictures_of_bad_parts_only(line: Line) -> None:
    line.settings |= {
        "pictures": ["raw", "annotated"],
        "template": "{verdict}/{result_id}_{picture}.jpg",
        "verdicts": ["NG"],
    }
    with line.exporting():
        pass
    first, second = line.inspect(), line.inspect()
    with sqlite3.connect(line.state / "ledger.db") as db:
        db.execute("UPDATE results SET verdict = 'NG' WHERE result_id = ?", (second,))
    with line.exporting() as exporter:
        wait_for(lambda: exporter.sent == 2, 10)
    assert {name.rpartition("_")[2] for name in line.there()} == {"raw.jpg", "annotated.jpg"}
    assert not any(first in name for name in line.there())


@pytest.mark.parametrize("memory", [b"", b"{", b'{"row": -1}', b'{"row": 1e9}', b"\xff"])
def test_who_does_not_know_how_far_it_was_copies_again_and_loses_none(
    line: Line, memory: bytes
) -> None:
    with line.exporting():
        pass
    line.inspect()
    (line.state / "exports" / "pictures.json").write_bytes(memory)
    with line.exporting() as exporter:
        wait_for(lambda: exporter.sent == 1, 10)


def test_another_ledger_than_it_was_is_begun_from_its_beginning(line: Line) -> None:
    store.pictures(line.state).write(PictureProgress(row=10_000, sent=7))
    line.inspect()
    with line.exporting() as exporter:
        wait_for(lambda: exporter.sent == 8, 10)


def test_a_server_that_is_killed_and_comes_back_gets_every_picture(
    tmp_path: Path, line: Line
) -> None:
    with ssh_server(tmp_path / "ssh") as server:
        line.settings["target"] = server.settings()
        with line.exporting() as exporter:
            ids = [line.inspect() for _ in range(5)]
            wait_for(lambda: exporter.sent == 5, 20)
            server.stop()
            ids += [line.inspect() for _ in range(5)]
            wait_for(lambda: exporter.failures > 0, 20)
            told = exporter._failing
            server.start()
            ids += [line.inspect() for _ in range(5)]
            wait_for(lambda: exporter.sent == 15, 30)
            wait_for(lambda: exporter.trouble() is None, 10)
    assert told is not None
    assert _there(server) == {f"cam1/{n}.jpg": each for n, each in enumerate(ids, 1)}


def _there(server: SshServer) -> dict[str, str]:
    return {name: data.decode() for name, data in files_below(server.path).items()}


def test_what_is_wrong_is_told_in_the_same_words_as_long_as_it_is_the_same(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.exports.pictures.TOLD_S", 0.0)
    with line.exporting() as exporter:
        line.share.rename(line.share.with_name("away"))
        line.inspect()
        wait_for(lambda: exporter.failures > 1, 10)
        first = exporter.trouble()
        line.inspect()
        failures = exporter.failures
        wait_for(lambda: exporter.failures > failures + 1, 10)
        assert exporter.trouble() == first
        assert first is not None
        assert str(line.share) in first
