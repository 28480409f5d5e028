"""Pictures: whole or not there, found by name, removed oldest first and never by any clock.

One file: writing, finding and forgetting are seen in the same folder.
"""

import errno
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from schemas import Problem, new_id
from schemas.settings import PictureSettings
from schemas.store.disk import Disk
from schemas.store.pictures import Pictures
from tests.rooms.promise.clocks import SetClock

NOW = 1_795_000_000.0
DAY = 86400.0


def id_at(at: float) -> str:
    """A UUID version 7 with that time."""
    tail = uuid.uuid4().hex
    hexed = f"{int(at * 1000):012x}7{tail[:3]}8{tail[3:6]}{tail[6:18]}"
    return str(uuid.UUID(hexed))


def store(
    folder: Path, clock: SetClock | None = None, disk: Disk | None = None, **limits: Any
) -> Pictures:
    settings = PictureSettings.model_validate({"min_free_percent": 0.0, **limits})
    clock = clock or SetClock()
    pictures = Pictures(folder, settings, disk or Disk(), clock.elapsed)
    pictures.sweep()
    assert pictures.wait_counted(30)
    return pictures


def put(pictures: Pictures, at: float, size: int = 10) -> str:
    name = str(pictures.names(id_at(at)).raw)
    path = pictures.write(name, b"x" * size)
    os.utime(path, (at, at))
    return name


def test_what_is_written_is_found_by_its_name(tmp_path: Path) -> None:
    pictures = store(tmp_path)
    names = pictures.names(new_id())
    assert names.raw is not None
    assert names.annotated is not None
    for name in (names.raw, names.annotated):
        pictures.write(name, name.encode())
    assert pictures.path(names.raw).read_bytes() == names.raw.encode()
    assert (
        Pictures(tmp_path, PictureSettings()).path(names.annotated).read_bytes()
        == names.annotated.encode()
    )
    assert pictures.usage()[:2] == (2, len(names.raw) + len(names.annotated))
    assert not any((tmp_path / "tmp").iterdir())


# the same at each collection, for tests that run side by side
GOOD_ID = "01a1ee56-5e00-75b1-80ec-3eb4d84321b3"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "/etc/passwd",
        f"../{GOOD_ID}.jpg",
        f"{GOOD_ID}.jpg/..",
        f"{GOOD_ID}.jpg\n",
        f"{GOOD_ID}.jpg\x00",
        f"{GOOD_ID}.svg",
        f"{GOOD_ID.upper()}.jpg",
        f"{GOOD_ID}%2f.jpg",
        GOOD_ID,
    ],
)
def test_any_other_name_is_not_found(tmp_path: Path, name: str) -> None:
    pictures = store(tmp_path)
    for call in (
        lambda: pictures.path(name),
        lambda: pictures.write(name, b""),
        lambda: pictures.names(name + "x"),
    ):
        with pytest.raises(Problem, match="RESULT_NOT_FOUND"):
            call()
    assert pictures.missing([name]) == [name]


def test_a_picture_that_is_not_kept_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="RESULT_NOT_FOUND"):
        store(tmp_path).path(f"{GOOD_ID}.jpg")


def test_too_many_pictures_go_oldest_first_and_in_batches(tmp_path: Path) -> None:
    pictures = store(tmp_path, max_count=5)
    names = [put(pictures, NOW - 5 * 3600 + n * 600) for n in range(20)]
    first = pictures.sweep(batch=10)
    assert first.removed == {"count": 10}
    assert first.more
    second = pictures.sweep(batch=10)
    assert second.removed == {"count": 5}
    assert not second.more
    assert second.usage[:2] == (5, 50)
    assert pictures.missing(names) == names[:15]
    assert pictures.sweep().removed == {}


def test_too_many_bytes_go_oldest_first(tmp_path: Path) -> None:
    pictures = store(tmp_path, max_mb=1)
    names = [put(pictures, NOW - 7200 + n, 300_000) for n in range(5)]
    assert pictures.sweep().removed == {"bytes": 2}
    assert pictures.missing(names) == names[:2]


class Small(Disk):
    """A disk of 1000 bytes that holds the pictures of a folder and something else."""

    def __init__(self, folder: Path, others: int) -> None:
        self.folder, self.others = folder, others

    def space(self, folder: Path) -> tuple[int, int]:
        used = sum(path.stat().st_size for path in self.folder.rglob("*.jpg"))
        return 1000 - self.others - used, 1000


def test_a_disk_without_enough_free_space_loses_the_oldest_and_no_more(tmp_path: Path) -> None:
    disk = Small(tmp_path, 0)
    pictures = store(tmp_path, disk=disk, min_free_percent=20.0)
    names = [put(pictures, NOW - 7200 + n * 1100, 100) for n in range(6)]
    assert pictures.sweep().removed == {}
    disk.others = 350
    assert pictures.sweep().removed == {"free": 2}
    assert pictures.missing(names) == names[:2]


def test_below_half_of_the_free_space_no_new_picture_is_taken_until_there_is_space(
    tmp_path: Path,
) -> None:
    disk = Small(tmp_path, 901)
    pictures = store(tmp_path, disk=disk, min_free_percent=20.0)
    with pytest.raises(Problem, match="DISK_SPACE"):
        put(pictures, NOW)
    assert not pictures.sweep().more
    disk.others = 500
    put(pictures, NOW)
    assert pictures.usage().files == 1


def test_old_pictures_go_and_young_ones_stay_also_over_a_restart(tmp_path: Path) -> None:
    clock = SetClock(NOW)
    pictures = store(tmp_path, clock, max_days=30.0)
    names = []
    for days in (9, 2, 28, 1.5):
        names.append(put(pictures, clock.at))
        clock.go(days * DAY)
        pictures.sweep()
    again = store(tmp_path, clock, max_days=30.0)
    again.sweep()
    assert again.missing(names) == names[:2]
    assert sum(folder.is_dir() for folder in tmp_path.iterdir()) == 3  # the folders of two, and tmp


def test_pictures_grow_old_while_nothing_is_written(tmp_path: Path) -> None:
    clock = SetClock(NOW)
    pictures = store(tmp_path, clock, max_days=30.0)
    name = put(pictures, NOW)
    clock.go(29 * DAY)
    assert pictures.sweep().removed == {}
    clock.go(2 * DAY)
    assert pictures.sweep().removed == {"age": 1}
    assert pictures.missing([name]) == [name]


def test_pictures_of_which_it_is_not_known_how_old_they_are_are_not_old(tmp_path: Path) -> None:
    clock = SetClock(NOW)
    name = put(store(tmp_path, clock, max_days=30.0), NOW)
    for content in (
        None,
        b"{",
        b"[1]",
        b'{"%s":"x"}' % name[:7].encode(),
        b'{"%s":1e12}' % name[:7].encode(),
    ):
        clock.go(365 * DAY)
        ages = tmp_path.with_name(f"{tmp_path.name}.ages.json")
        ages.unlink(missing_ok=True)
        if content is not None:
            ages.write_bytes(content)
        again = store(tmp_path, clock, max_days=30.0)
        assert again.sweep().removed == {}
    clock.go(31 * DAY)
    assert again.sweep().removed == {"age": 1}


@pytest.mark.parametrize(
    ("first", "then"), [(NOW, NOW + 3650 * DAY), (90_000.0, NOW), (NOW + 400 * DAY, NOW)]
)
def test_a_clock_that_is_set_deletes_nothing_also_over_a_restart(
    tmp_path: Path, first: float, then: float
) -> None:
    clock = SetClock(first)
    pictures = store(tmp_path, clock, max_days=30.0)
    names = [put(pictures, first - 3600 * hours) for hours in (3, 2, 1, 0)]
    for at in (then, first, then):
        clock.at = at
        names.append(put(pictures, at))
        assert pictures.sweep(lambda ids: set()).removed == {}
        pictures = store(tmp_path, clock, max_days=30.0)
        clock.go(1200.0)
    assert pictures.sweep(lambda ids: set()).removed == {}
    assert pictures.missing(names) == []


def test_a_clock_that_goes_back_deletes_nothing_and_new_pictures_still_count_as_the_newest(
    tmp_path: Path,
) -> None:
    clock = SetClock(NOW)
    pictures = store(tmp_path, clock, max_days=30.0, max_count=4)
    old = [put(pictures, NOW - 1800 * (4 - n)) for n in range(4)]
    clock.at = 3600.0  # 1970
    new = [put(pictures, clock.at + n) for n in range(2)]
    assert pictures.sweep().removed == {"count": 2}
    assert pictures.missing(old + new) == old[:2]
    clock.at = NOW + 60
    newest = put(pictures, clock.at)
    assert pictures.sweep().removed == {"count": 1}
    assert pictures.missing([*old, *new, newest]) == old[:3]
    again = store(tmp_path, clock, max_days=30.0, max_count=4)
    assert again.missing([*old, *new, newest]) == old[:3]
    assert again.usage().files == 4


def test_pictures_after_a_clock_went_far_back_grow_old_too(tmp_path: Path) -> None:
    clock = SetClock(NOW + 400 * DAY)
    pictures = store(tmp_path, clock, max_days=30.0)
    put(pictures, clock.at)
    clock.at = NOW
    names = []
    for _ in range(60):
        names.append(put(pictures, clock.at))
        pictures.sweep()
        clock.go(DAY)
    assert all(pictures.path(name).exists() for name in names[-30:])
    assert pictures.missing(names[:15]) == names[:15]


def test_pictures_without_a_result_are_removed_after_an_hour_and_others_stay(
    tmp_path: Path,
) -> None:
    clock = SetClock(NOW - 3 * 3600)
    pictures = store(tmp_path, clock)
    kept, orphan = put(pictures, clock.at), put(pictures, clock.at + 1)
    clock.go(3 * 3600 - 60)
    young = put(pictures, clock.at)
    pictures.sweep()
    clock.go(60)
    again = store(tmp_path, clock)
    asked: list[str] = []

    def known(ids: list[str]) -> set[str]:
        asked.extend(ids)
        return {kept[:36]}

    removed = [again.sweep(known).removed for _ in range(3)]
    assert removed == [{"orphan": 1}, {}, {}]
    assert again.missing([kept, orphan, young]) == [orphan]
    assert young[:36] not in asked


def test_leftover_temporary_files_are_removed_after_an_hour(tmp_path: Path) -> None:
    pictures = store(tmp_path)
    (tmp_path / "tmp").mkdir()
    old, young = tmp_path / "tmp" / "a", tmp_path / "tmp" / "b"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (time.time() - 3700, time.time() - 3700))
    assert pictures.sweep().removed == {"temporary": 1}
    assert (old.exists(), young.exists()) == (False, True)


class Full(Disk):
    """A disk that takes half of each picture."""

    def __init__(self, code: int) -> None:
        self.code = code

    def write(self, fd: int, data: memoryview) -> int:
        super().write(fd, data[: len(data) // 2])
        raise OSError(self.code, os.strerror(self.code))


@pytest.mark.parametrize(
    ("code", "problem"),
    [(errno.ENOSPC, "DISK_SPACE"), (errno.EDQUOT, "DISK_SPACE"), (errno.EIO, "STORE_FAILED")],
)
def test_a_full_disk_is_told_and_leaves_no_half_picture(
    tmp_path: Path, code: int, problem: str
) -> None:
    pictures = store(tmp_path, disk=Full(code))
    with pytest.raises(Problem) as caught:
        put(pictures, NOW)
    assert caught.value.code == problem
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert pictures.usage().files == 0


def test_many_threads_write_and_the_count_is_right_while_the_folder_is_counted(
    tmp_path: Path,
) -> None:
    first = store(tmp_path)
    for n in range(200):
        put(first, NOW - n * 1100)
    pictures = Pictures(tmp_path, PictureSettings(min_free_percent=0.0))
    start = threading.Barrier(5)

    def write(back: int) -> None:
        start.wait(30)
        for n in range(50):
            put(pictures, NOW - n * 1100 - back)

    threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    start.wait(30)
    pictures.sweep()
    for thread in threads:
        thread.join(60)
    assert pictures.wait_counted(30)
    files = [path for path in tmp_path.glob("*/*.jpg")]
    assert len(files) == 400
    assert pictures.usage()[:2] == (400, 4000)


def test_writing_the_same_picture_again_counts_it_once(tmp_path: Path) -> None:
    pictures = store(tmp_path)
    name = put(pictures, NOW, 10)
    pictures.write(name, b"x" * 30)
    assert pictures.usage()[:2] == (1, 30)
