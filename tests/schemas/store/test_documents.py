"""Documents survive a kill at any step, a full disk, two writers and damage; nothing is ever
silently empty.

One file: the same document meets each fault.
"""

import errno
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from schemas import Problem
from schemas.store import documents as module
from schemas.store.disk import Disk
from schemas.store.documents import Documents, encode

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The process ends here."""


class Stopping(Disk):
    """A disk on which everything from the n-th call on fails; a write before that may be cut in the
    middle."""

    def __init__(self, at: int, error: BaseException, half: bool = False) -> None:
        self.left, self.error, self.half = at, error, half
        self.calls: list[str] = []

    def _step(self, name: str) -> None:
        self.calls.append(name)
        if self.left <= 0:
            raise self.error
        self.left -= 1

    def create(self, path: Path) -> int:
        self._step("create")
        return super().create(path)

    def write(self, fd: int, data: memoryview) -> int:
        if self.half and self.left <= 0:
            super().write(fd, data[: len(data) // 2])
        self._step("write")
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._step("sync")
        super().sync(fd)

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename")
        super().rename(old, new)

    def sync_folder(self, folder: Path) -> None:
        self._step("sync_folder")
        super().sync_folder(folder)


def put(documents: Documents, value: int) -> None:
    with documents.change() as db:
        db.table("t").truncate()
        db.table("t").insert({"value": value})


def value(documents: Documents) -> Any:
    rows = documents.read().table("t").all()
    return rows[0]["value"] if rows else None


def steps(tmp_path: Path) -> int:
    counting = Stopping(10**9, Killed())
    put(Documents(tmp_path / "count.json", disk=counting), 1)
    return len(counting.calls)


def test_one_save_is_two_whole_files_then_two_renames(tmp_path: Path) -> None:
    counting = Stopping(10**9, Killed())
    put(Documents(tmp_path / "d.json", disk=counting), 1)
    assert counting.calls == ["create", "write", "sync"] * 2 + ["rename", "sync_folder"] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "d.json",
        "d.json.last",
        "d.json.lock",
    ]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("first", [True, False])
def test_a_kill_at_every_step_leaves_the_old_or_the_new_content(
    tmp_path: Path, first: bool, half: bool
) -> None:
    old = None if first else 1
    for at in range(steps(tmp_path)):
        path = tmp_path / f"{at}" / "d.json"
        if not first:
            put(Documents(path), 1)
        with pytest.raises(Killed):
            put(Documents(path, disk=Stopping(at, Killed(), half)), 2)
        after = Documents(path)
        assert value(after) in (old, 2)
        assert after.problem is None
        put(after, 3)
        assert value(Documents(path)) == 3


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_step_is_reported_and_the_content_stays_readable(
    tmp_path: Path, code: int
) -> None:
    for at in range(steps(tmp_path)):
        path = tmp_path / f"{code}-{at}" / "d.json"
        put(Documents(path), 1)
        with pytest.raises(Problem) as caught:
            put(Documents(path, disk=Stopping(at, OSError(code, os.strerror(code)), half=True)), 2)
        assert caught.value.code == "STORE_FAILED"
        assert value(Documents(path)) == (1 if at <= 6 else 2)
        assert not list(path.parent.glob("*.new"))


@pytest.mark.parametrize("at", range(6))
def test_a_kill_during_the_recovery_is_recovered_from(tmp_path: Path, at: int) -> None:
    path = tmp_path / "d.json"
    put(Documents(path), 1)
    path.write_bytes(b"{")
    with pytest.raises(Killed):
        value(Documents(path, disk=Stopping(at, Killed(), half=True)))
    after = Documents(path)
    assert value(after) == 1
    assert after.problem is not None


def test_a_file_size_limit_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    documents = Documents(path)
    put(documents, 1)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, old[1]))
    try:
        with pytest.raises(Problem, match="STORE_FAILED"), documents.change() as db:
            db.table("t").insert({"long": "x" * 10_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert value(documents) == 1
    put(documents, 2)
    assert value(Documents(path)) == 2


COUNT_UP = """
import sys
from pathlib import Path
from schemas.store.documents import Documents
documents = Documents(Path(sys.argv[1]))
for _ in range(200):
    with documents.change() as db:
        rows = db.table("t").all()
        n = rows[0]["value"] if rows else 0
        db.table("t").truncate()
        db.table("t").insert({"value": n + 1})
"""


def test_two_processes_that_count_up_lose_nothing_and_readers_always_see_a_whole_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "d.json"
    writers = [subprocess.Popen([sys.executable, "-c", COUNT_UP, str(path)]) for _ in range(2)]
    reader, seen = Documents(path), [0]
    while any(writer.poll() is None for writer in writers):
        seen.append(value(reader) or 0)
        assert reader.problem is None
    assert [writer.returncode for writer in writers] == [0, 0]
    assert value(reader) == 400
    assert seen == sorted(seen)


def test_threads_that_count_up_lose_nothing(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "d.json")

    def count() -> None:
        for _ in range(20):
            with documents.change() as db:
                rows = db.table("t").all()
                db.table("t").truncate()
                db.table("t").insert({"value": (rows[0]["value"] if rows else 0) + 1})

    threads = [threading.Thread(target=count, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert value(documents) == 80


def damage(data: bytes) -> dict[str, bytes]:
    other = json.dumps({"tables": []}).encode()
    return {
        "empty": b"",
        "random": bytes(range(256)),
        "cut": data[:-5],
        "one bit": data.replace(b'"value": 1', b'"value": 3'),
        "another document": other,
        "longer": data + b"\n",
        "nothing but zeros": bytes(len(data)),
        "wrong shape": b'{"format":"documents/1","sha256":"' + encode_wrong() + b"[]}",
    }


def encode_wrong() -> bytes:
    import hashlib

    rest = b'"tables":[]}'
    return hashlib.sha256(rest).hexdigest().encode() + b'",' + rest[:-3]


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "random",
        "cut",
        "one bit",
        "another document",
        "longer",
        "nothing but zeros",
        "wrong shape",
    ],
)
def test_a_damaged_file_is_moved_aside_and_the_last_good_copy_takes_over(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "d.json"
    put(Documents(path), 1)
    bad = damage(path.read_bytes())[kind]
    path.write_bytes(bad)
    told: list[Problem] = []
    documents = Documents(path, told.append)
    assert value(documents) == 1
    assert value(documents) == 1
    assert [problem.code for problem in told] == ["STORE_CORRUPT"]
    aside = list(tmp_path.glob("d.json.corrupt-*Z"))
    assert [file.read_bytes() for file in aside] == [bad]
    other = Documents(path)
    assert value(other) == 1
    assert other.problem is not None
    assert aside[0].name in other.problem.message
    put(other, 2)
    assert other.problem is None
    assert value(documents) == 2
    assert documents.problem is None


def test_a_file_that_is_gone_comes_back_from_the_last_good_copy(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    put(Documents(path), 1)
    path.unlink()
    documents = Documents(path)
    assert value(documents) == 1
    assert documents.problem is not None


def test_without_a_good_copy_nothing_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    put(Documents(path), 1)
    path.write_bytes(b"{}")
    path.with_name("d.json.last").write_bytes(b"")
    documents = Documents(path)
    for _ in range(3):
        with pytest.raises(Problem) as caught:
            documents.read()
        assert caught.value.code == "STORE_CORRUPT"
        with pytest.raises(Problem) as caught, documents.change():
            pass
        assert caught.value.code == "STORE_CORRUPT"
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 1


def test_a_change_repairs_before_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    put(Documents(path), 1)
    path.write_bytes(b"rubbish")
    with Documents(path).change() as db:
        assert db.table("t").all() == [{"value": 1}]


def test_a_block_that_raises_writes_nothing(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "d.json")
    put(documents, 1)
    before = documents.stamp()
    with pytest.raises(ZeroDivisionError), documents.change() as db:
        db.table("t").insert({"value": 1 // 0})
    with documents.change() as db:
        db.table("t").all()
    assert documents.stamp() == before


def test_a_store_that_never_was_is_empty_and_the_stamp_follows_every_change(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "new" / "d.json")
    assert value(documents) is None
    stamps = [documents.stamp()]
    for n in range(3):
        put(documents, n)
        stamps.append(documents.stamp())
    assert len(set(stamps)) == 4


def test_a_store_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    put(Documents(path), 1)
    newer = path.read_bytes().replace(b"documents/1", b"documents/2")
    path.write_bytes(newer)
    with pytest.raises(Problem, match="STORE_NEWER"):
        Documents(path).read()
    assert path.read_bytes() == newer


def test_queries_are_not_answered_from_a_cache(tmp_path: Path) -> None:
    from tinydb import where

    documents = Documents(tmp_path / "d.json")
    with documents.change() as db:
        table = db.table("t")
        row = table.insert({"value": 1})
        assert table.count(where("value") == 1) == 1
        db.storage.read()["t"][str(row)]["value"] = 2
        assert table.count(where("value") == 1) == 0


def test_the_file_is_json_that_a_person_can_read(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    put(Documents(path), 1)
    assert json.loads(path.read_bytes())["tables"] == {"t": {"1": {"value": 1}}}
    assert encode  # the format is made in one place


@pytest.mark.parametrize("young_s", [module.YOUNG_S, -1.0])
def test_the_stamp_is_another_after_every_change_also_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, young_s: float
) -> None:
    monkeypatch.setattr(module, "YOUNG_S", young_s)  # -1: a file counts as old at once
    ours, theirs = Documents(tmp_path / "d.json"), Documents(tmp_path / "d.json")
    stamps = [ours.stamp()]
    for number in range(20):
        with theirs.change() as database:
            database.table("t").insert({"number": number % 10})
        stamps.append(ours.stamp())
        assert ours.stamp() == stamps[-1] == theirs.stamp()
    assert stamps[0] == b""
    assert len(set(stamps)) == 21
    (tmp_path / "d.json").write_text("not what was written")
    assert ours.stamp() not in stamps
