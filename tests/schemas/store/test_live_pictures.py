"""Pictures for people watching: the newest of each station, and no more than a few."""

from pathlib import Path

import pytest

from schemas import Problem, new_id
from schemas.store.disk import Disk
from schemas.store.live_pictures import KEPT, LivePictures


def put(shown: LivePictures, station: str, seq: int) -> str:
    result_id = new_id()
    shown.put(station, seq, result_id, f"picture {seq}".encode())
    return result_id


def test_the_newest_is_found_and_the_oldest_go(tmp_path: Path) -> None:
    shown = LivePictures(tmp_path / "shown")
    assert shown.newest("cam1") is None
    # three digits come after two
    ids = [put(shown, "cam1", seq) for seq in range(95, 95 + KEPT + 5)]
    put(shown, "cam2", 1)
    newest = shown.newest("cam1")
    assert newest is not None
    assert (newest.seq, newest.result_id, newest.path.read_bytes()) == (
        119,
        ids[-1],
        b"picture 119",
    )
    assert [picture.result_id for picture in shown.all("cam1")] == ids[-KEPT:]
    assert shown.find("cam1", ids[0]) is None
    found = shown.find("cam1", ids[-2])
    assert found is not None
    assert found.path.read_bytes() == b"picture 118"
    assert len(list((tmp_path / "shown").rglob("*.jpg"))) == KEPT + 1


def test_where_a_part_failed_goes_with_its_picture(tmp_path: Path) -> None:
    shown = LivePictures(tmp_path)
    put(shown, "cam1", 1)
    shown.put("cam1", 2, new_id(), b"bad", (10, 0, 990, 1000))
    put(shown, "cam1", 3)
    assert [picture.place for picture in shown.all("cam1")] == [None, (10, 0, 990, 1000), None]


def test_pictures_of_a_ledger_before_this_one_are_no_newer(tmp_path: Path) -> None:
    shown = LivePictures(tmp_path)
    for seq in (700, 701):
        put(shown, "cam1", seq)
    fresh = put(shown, "cam1", 1)
    assert [picture.result_id for picture in shown.all("cam1")] == [fresh]


def test_what_a_killed_process_left_and_what_is_no_picture_is_not_shown(tmp_path: Path) -> None:
    shown = LivePictures(tmp_path)
    (tmp_path / "cam1").mkdir()
    (tmp_path / "cam1" / ".1f2e").write_bytes(b"half")
    (tmp_path / "cam1" / "notes.txt").write_text("mine")
    put(shown, "cam1", 1)
    assert [picture.seq for picture in shown.all("cam1")] == [1]
    assert sorted(path.name for path in (tmp_path / "cam1").iterdir())[-1] == "notes.txt"
    assert not (tmp_path / "cam1" / ".1f2e").exists()


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    class Full(Disk):
        def write(self, fd: int, data: memoryview) -> int:
            raise OSError(28, "no space left")

    with pytest.raises(Problem) as caught:
        put(LivePictures(tmp_path, Full()), "cam1", 1)
    assert caught.value.code == "DISK_SPACE"
    assert list((tmp_path / "cam1").iterdir()) == []
