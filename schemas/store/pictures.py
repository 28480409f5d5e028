"""Picture files of results: written whole, found by name, removed oldest first.

Result ids are UUIDs of version 7, so their first seven hex digits are a time in steps of 17.5
minutes: that is the shard (folder) of a picture. Shards sort by age, so retention opens only the
oldest ones, and what is held in memory is one count and one size a shard. When the clock has gone
back, an id looks older than pictures that were there before it: such a picture goes into a shard
`<newest>-back<number>`, which sorts behind what was the newest then; every ten days of lived time
begin another one, so that they too grow old.

Age is lived time (schemas/store/clock.py), no clock's: a file beside the folder says when each
shard was last written to. A shard that is not in it counts as written to just now, so no clock that
jumps, and no file that is lost, deletes anything.

One file: names, space and age of the same files, kept under one lock.
"""

import json
import os
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from schemas.errors import Problem
from schemas.result import Images
from schemas.settings import PictureSettings
from schemas.store.clock import CLOCK
from schemas.store.disk import DISK, FULL, Disk, failed, replace, write_new

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
NAME = re.compile(rf"({ID})(\.annotated|\.thumb)?\.(jpg|png)")
SHARD = re.compile(r"[0-9a-f]{7}(-back\d*)?")
BACK_S = 10 * 86400.0  # how much lived time one `-back` shard takes pictures for
HOUR_S = 3600.0
AGE_STEP_S = 600.0  # how exactly it is known when a shard was last written to
BATCH = 1000

Known = Callable[[list[str]], set[str]]


def thumb_of(name: str) -> str:
    """The name of the small picture beside a kept one: 160 px wide, of what the annotated one
    shows."""
    return f"{name[:36]}.thumb.jpg"


class Usage(NamedTuple):
    """What the pictures take; `complete` is False while the folder is still being counted."""

    files: int
    bytes: int
    free_percent: float
    complete: bool


class Swept(NamedTuple):
    """What one sweep removed, by reason (age, count, bytes, free, orphan, temporary), and what is
    left.

    more: a limit of count, bytes or free space is still exceeded, because one sweep removes a
    bounded number of files.
    """

    removed: dict[str, int]
    usage: Usage
    more: bool


class Pictures:
    """The pictures in a folder; one process writes and sweeps, any may read."""

    def __init__(
        self,
        folder: Path,
        settings: PictureSettings,
        disk: Disk = DISK,
        lived: Callable[[], float] = CLOCK.elapsed,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._disk = disk
        self._lived = lived
        self._lock = threading.Lock()
        self._counts: dict[str, list[int]] = {}  # shard: [files, bytes]
        self._uncounted: set[str] = set()
        self._counter: threading.Thread | None = None
        self._counted = threading.Event()
        self._writing: set[str] = set()
        self._checked = ""  # the shard whose orphans were last looked for
        shards = self._shards()
        self._newest = shards[-1] if shards else ""
        self._ages_file = folder.with_name(f"{folder.name}.ages.json")
        self._ages = self._read_ages(shards)
        self._ages_changed = True

    def names(self, result_id: str) -> Images:
        """The names of a result's pictures. Raises Problem RESULT_NOT_FOUND for what is not a
        result id."""
        if not re.fullmatch(ID, result_id):
            raise Problem("RESULT_NOT_FOUND", f"{result_id!r:.80} is not a result id")
        return Images(raw=f"{result_id}.jpg", annotated=f"{result_id}.annotated.jpg")

    def write(self, name: str, data: bytes) -> Path:
        """Store a picture, whole or not at all. Raises Problem DISK_SPACE, STORE_FAILED,
        RESULT_NOT_FOUND (its name)."""
        shard = self._shard_for(_checked(name))
        temporary = self._folder / "tmp" / f"{name}.{secrets.token_hex(4)}"
        self._writing.add(temporary.name)
        try:
            if self._free_percent() < self._settings.min_free_percent / 2:
                raise Problem("DISK_SPACE", "no new pictures until there is space again")
            folder = self._folder / shard
            for needed in (folder, temporary.parent):
                needed.mkdir(parents=True, exist_ok=True)
            write_new(temporary, data, self._disk, durable=False)
            with self._lock:
                folder.mkdir(exist_ok=True)  # a sweep may just have removed it as empty
                old = _size(folder / name)
                self._disk.rename(temporary, folder / name)
                self._newest = max(self._newest, shard)
                self._touch(shard)
                if shard not in self._uncounted:
                    count = self._counts.setdefault(shard, [0, 0])
                    count[0] += old is None
                    count[1] += len(data) - (old or 0)
            return folder / name
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if error.errno in FULL:
                raise Problem("DISK_SPACE", f"{name} could not be written") from error
            raise failed(name, error) from error
        finally:
            self._writing.discard(temporary.name)

    def path(self, name: str) -> Path:
        """The file of a picture. Raises Problem RESULT_NOT_FOUND, also for a name that no picture
        can have."""
        place = self._find(_checked(name), self._backs)
        if place is None:
            raise Problem("RESULT_NOT_FOUND", f"the picture {name} is not kept any more")
        return place

    def missing(self, names: Iterable[str]) -> list[str]:
        """The names that have no file."""
        # listed once, and only if some picture is not where it should be
        backs = cache(self._backs)
        return [
            name for name in names if not NAME.fullmatch(name) or self._find(name, backs) is None
        ]

    def sweep(self, known: Known | None = None, batch: int = BATCH) -> Swept:
        """Remove what retention says, oldest first, then orphans and leftovers; at most about
        `batch` files.

        known: given result ids, those that have a stored result; the pictures of others are removed
        once they are an hour old. Meant to be called every few seconds by one thread. Raises
        Problem STORE_FAILED.
        """
        removed: Counter[str] = Counter()
        self._start_counting()
        self._keep_ages()
        try:
            self._retain(removed, batch)
            if known is not None and removed.total() < batch:
                self._remove_orphans(known, removed, batch)
            self._remove_temporary(removed)
            usage = self.usage()
        except OSError as error:
            raise failed("pictures", error) from error
        return Swept(dict(removed), usage, any(self._excess(usage)))

    def usage(self) -> Usage:
        """Files, bytes and free space as known now."""
        with self._lock:
            files = sum(count[0] for count in self._counts.values())
            size = sum(count[1] for count in self._counts.values())
        return Usage(files, size, self._free_percent(), self._counted.is_set())

    def wait_counted(self, timeout_s: float) -> bool:
        """Wait until the folder is counted, which the first sweep begins."""
        return self._counted.wait(timeout_s)

    def _shards(self) -> list[str]:
        try:
            return sorted(name for name in _listed(self._folder) if SHARD.fullmatch(name))
        except OSError as error:
            raise failed("pictures", error) from error

    def _backs(self) -> list[str]:
        return [shard for shard in reversed(self._shards()) if "-back" in shard]

    def _find(self, name: str, backs: Callable[[], list[str]]) -> Path | None:
        path = self._folder / name[:7] / name
        if path.is_file():
            return path
        return next(
            (
                self._folder / back / name
                for back in backs()
                if (self._folder / back / name).is_file()
            ),
            None,
        )

    def _shard_for(self, name: str) -> str:
        shard, newest = name[:7], self._newest[:7]
        # one step back means a result that waited for its turn
        if newest and int(newest, 16) - int(shard, 16) > 1:
            return f"{newest}-back{self._lived() // BACK_S:04.0f}"
        return shard

    def _free_percent(self) -> float:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        free, total = self._disk.space(folder)
        return 100.0 * free / max(total, 1)

    def _age(self, shard: str) -> float:
        """Seconds since a shard was last written to, as far as is known."""
        with self._lock:
            if shard not in self._ages:
                self._touch(shard)
            return self._lived() - self._ages[shard]

    def _touch(self, shard: str) -> None:
        now = self._lived()
        if now - self._ages.get(shard, -AGE_STEP_S) >= AGE_STEP_S:
            self._ages[shard] = now
            self._ages_changed = True

    def _read_ages(self, shards: list[str]) -> dict[str, float]:
        try:
            read = json.loads((self._ages_file).read_bytes())
            ages = {str(shard): float(at) for shard, at in read.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            # lost or damaged: nothing is old then
            ages = {}
        now = self._lived()
        return {shard: min(ages.get(shard, now), now) for shard in shards}

    def _keep_ages(self) -> None:
        with self._lock:
            if not self._ages_changed:
                return
            self._ages_changed = False
            data = json.dumps(self._ages, separators=(",", ":")).encode()
        # for a shard that is not in it, nothing is lost but that it grows old
        with suppress(OSError):
            replace(self._ages_file, data, self._disk)

    def _excess(self, usage: Usage) -> tuple[int, int, float]:
        """By how many files, bytes and percent of the disk there are too many."""
        limits = self._settings
        return (
            max(0, usage.files - limits.max_count) if usage.complete else 0,
            max(0, usage.bytes - limits.max_mb * 1_000_000) if usage.complete else 0,
            max(0.0, limits.min_free_percent - usage.free_percent)
            if usage.files or not usage.complete
            else 0.0,
        )

    def _retain(self, removed: Counter[str], batch: int) -> None:
        for shard in self._shards():
            usage = self.usage()
            files, size, percent = self._excess(usage)
            expired = self._age(shard) > self._settings.max_days * 86400
            if not (files or size or percent or expired) or removed.total() >= batch:
                return
            free = percent / 100 * self._disk.space(self._folder)[1]
            for name in sorted(_listed(self._folder / shard)):
                over = [
                    ("age", expired),
                    ("count", files > 0),
                    ("bytes", size > 0),
                    ("free", free > 0),
                ]
                reason = next((word for word, is_so in over if is_so), "")
                if not reason or removed.total() >= batch:
                    break
                freed = self._remove(shard, name)
                removed[reason] += 1
                files, size, free = files - 1, size - freed, free - freed
            self._drop_if_empty(shard)

    def _remove(self, shard: str, name: str) -> int:
        """Remove one picture; returns its size in bytes."""
        path = self._folder / shard / name
        with self._lock:
            size = _size(path)
            if size is None:
                return 0
            path.unlink()
            if shard not in self._uncounted and shard in self._counts:
                count = self._counts[shard]
                count[0], count[1] = count[0] - 1, count[1] - size
        return size

    def _drop_if_empty(self, shard: str) -> None:
        with self._lock, suppress(OSError):  # not empty
            (self._folder / shard).rmdir()
            self._counts.pop(shard, None)
            self._ages.pop(shard, None)
            self._ages_changed = True

    def _remove_orphans(self, known: Known, removed: Counter[str], batch: int) -> None:
        """Look through one more shard at each sweep, round and round."""
        shards = [shard for shard in self._shards() if self._age(shard) > HOUR_S]
        shard = next(
            (shard for shard in shards if shard > self._checked), shards[0] if shards else ""
        )
        if not shard:
            return
        names = [name for name in sorted(_listed(self._folder / shard)) if NAME.fullmatch(name)]
        for first in range(0, len(names), batch):
            part = names[first : first + batch]
            stored = known(sorted({name[:36] for name in part}))
            for name in part:
                if name[:36] not in stored:
                    if removed.total() >= batch:
                        return  # the same shard is tried again next time
                    self._remove(shard, name)
                    removed["orphan"] += 1
        self._checked = shard
        self._drop_if_empty(shard)

    def _remove_temporary(self, removed: Counter[str]) -> None:
        now = time.time()
        for name in _listed(self._folder / "tmp"):
            path = self._folder / "tmp" / name
            with suppress(FileNotFoundError):
                if name not in self._writing and abs(now - path.stat().st_mtime) > HOUR_S:
                    path.unlink()
                    removed["temporary"] += 1

    def _start_counting(self) -> None:
        if self._counted.is_set() or (self._counter and self._counter.is_alive()):
            return
        with self._lock:
            self._uncounted = set(self._shards())
            self._counts = {
                shard: n for shard, n in self._counts.items() if shard not in self._uncounted
            }
        self._counter = threading.Thread(target=self._count, name="count-pictures", daemon=True)
        self._counter.start()

    def _count(self) -> None:
        for shard in sorted(self._uncounted):
            with self._lock:
                sizes = [
                    _size(self._folder / shard / name) for name in _listed(self._folder / shard)
                ]
                there = [size for size in sizes if size is not None]
                self._counts[shard] = [len(there), sum(there)]
                self._uncounted.discard(shard)
        self._counted.set()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Problem("RESULT_NOT_FOUND", f"{name!r:.80} is not the name of a picture")
    return name


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
