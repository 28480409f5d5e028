"""Shows stored pictures as if a camera took them: one after the other, by the part's id, or as they
arrive.

`newest` judges only a picture whose modification time is at or after the trigger, by the clock of
this machine, and shows each picture once. File systems stamp with a clock that lags by up to 10 ms:
a picture so soon after its trigger may be taken for an older one, which is a timeout and never a
verdict on the part before.

One file: a camera is one file a kind.
"""

import os
import re
import threading
import time
from bisect import bisect_right
from collections import OrderedDict, deque
from pathlib import Path
from typing import NamedTuple, NoReturn

from node.cameras import Request
from node.frame import Frame, Pixels
from node.pictures.decode import decode
from schemas import FolderCamera, Problem

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
POLL_S = 0.005
MAX_FILE_BYTES = 300_000_000  # an uncompressed picture of 64 Mpixel with four channels
_Key = tuple[list[tuple[int, str]], str]


class _FileVersion(NamedTuple):
    """What tells one content of a file from another."""

    mtime_ns: int
    size: int
    inode: int


class PictureFolder:
    """The pictures of a folder (not of its subfolders; hidden files are left out)."""

    controls = ()

    def __init__(self, settings: FolderCamera, folder: Path) -> None:
        self.simulated = settings.order != "newest"
        self._settings = settings
        self._path = folder / settings.path
        self._problem: Problem | None = Problem("CAMERA_NOT_FOUND", "the camera is not open")
        self._names: list[str] = []
        self._keys: list[_Key] = []
        self._stems: dict[str, list[str]] = {}
        self._listed_ns = -1
        self._last = ""
        self._shown: deque[tuple[str, _FileVersion]] = deque(maxlen=1000)
        self._cache = _Cache(settings.cache_mb * 1_000_000)
        self._ahead: threading.Thread | None = None

    @property
    def problem(self) -> Problem | None:
        """Why there is no frame: not open, or the folder is missing or empty."""
        return self._problem

    def open(self) -> None:
        """List the folder. Raises Problem CAMERA_NOT_FOUND if it is missing, or empty (`newest` may
        begin empty)."""
        self._problem = None
        self._list()

    def grab(self, request: Request) -> Frame:
        """A picture in the station's order.

        Raises Problem CAMERA_NOT_FOUND (no folder, no pictures), CAMERA_ERROR (no picture of that
        part_id, or unreadable), IMAGE_INVALID (naming the file), CAMERA_TIMEOUT.
        """
        if self._problem is not None:
            raise self._problem.with_traceback(None)  # otherwise it grows each time it is raised
        if self._settings.order == "newest":
            return self._arriving(request)
        name = self._next() if self._settings.order == "name" else self._named(request.part_id)
        pixels = self._pixels(name)
        if self._settings.order == "name":
            self._look_ahead()
        while (now_ns := time.monotonic_ns()) <= request.after_ns and now_ns < request.deadline_ns:
            time.sleep((min(request.after_ns + 1, request.deadline_ns) - now_ns) / 1e9)
        if now_ns >= request.deadline_ns:
            raise Problem("CAMERA_TIMEOUT", f"{name} took too long")
        return Frame(pixels, now_ns, time.time(), f"folder:{name}", True)

    def close(self) -> None:
        """Forget the pictures."""
        self._problem = Problem("CAMERA_NOT_FOUND", "the camera is not open")
        self._cache.clear()
        self._listed_ns = -1

    def _list(self) -> None:
        """Names in natural order (2 before 10), read again when the folder has changed."""
        try:
            changed_ns = self._path.stat().st_mtime_ns
            if changed_ns == self._listed_ns:
                return
            with os.scandir(self._path) as entries:
                names = [e.name for e in entries if _is_picture(e.name) and e.is_file()]
        except OSError as error:
            self._fail(f"folder {self._path} cannot be read: {error.strerror}")
        if not names and self._settings.order != "newest":
            self._fail(f"folder {self._path} has no picture")
        self._names = sorted(names, key=_natural)
        self._keys = [_natural(name) for name in self._names]
        self._stems = {}
        for name in self._names:
            self._stems.setdefault(name.rpartition(".")[0], []).append(name)
        # a file that comes within one tick of the folder's clock leaves the folder's time as it is:
        # such a list is not kept
        self._listed_ns = changed_ns if time.time_ns() - changed_ns > 50_000_000 else -1

    def _fail(self, reason: str) -> NoReturn:
        self._listed_ns = -1
        self._problem = Problem("CAMERA_NOT_FOUND", reason)
        raise self._problem

    def _next(self) -> str:
        self._list()
        self._last = self._after(self._last)
        return self._last

    def _after(self, name: str) -> str:
        at = bisect_right(self._keys, _natural(name)) if name else 0
        return self._names[at % len(self._names)]

    def _named(self, part_id: str | None) -> str:
        """The one picture of a part. No path is made from the part_id: it is looked up among the
        names that are there."""
        if not part_id:
            raise Problem(
                "CAMERA_ERROR", "the trigger names no part_id, and pictures are chosen by it"
            )
        self._list()
        names = self._stems.get(part_id, [])
        if len(names) != 1:
            raise Problem(
                "CAMERA_ERROR",
                f"{len(names) or 'no'} pictures of part {part_id[:64]!r} in {self._path}",
            )
        return names[0]

    def _pixels(self, name: str) -> Pixels:
        """The picture, from the cache if the file is still the same. Raises Problem CAMERA_ERROR,
        IMAGE_INVALID."""
        version = self._version(name)
        pixels = self._cache.get(name, version)
        if pixels is None and self._ahead is not None:
            self._ahead.join(timeout=self._settings.timeout_ms / 1000)
            pixels = self._cache.get(name, version)
        if pixels is None:
            pixels = self._decode(name)
            self._cache.put(name, version, pixels)
        return pixels

    def _version(self, name: str) -> _FileVersion:
        try:
            status = (self._path / name).stat()
        except OSError as error:
            self._listed_ns = -1
            raise Problem("CAMERA_ERROR", f"{name}: {error.strerror}") from None
        return _FileVersion(status.st_mtime_ns, status.st_size, status.st_ino)

    def _decode(self, name: str) -> Pixels:
        try:
            with (self._path / name).open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise Problem("CAMERA_ERROR", f"{name}: {error.strerror}") from None
        if len(data) > MAX_FILE_BYTES:
            raise Problem(
                "IMAGE_INVALID", f"{name}: the file is larger than {MAX_FILE_BYTES // 1_000_000} MB"
            )
        try:
            pixels = decode(data)
        except Problem as problem:
            raise Problem("IMAGE_INVALID", f"{name}: {problem.message}") from None
        pixels.flags.writeable = False
        return pixels

    def _look_ahead(self) -> None:
        """Decode the next picture beside the inspection of this one."""
        if self._settings.cache_mb == 0 or (self._ahead is not None and self._ahead.is_alive()):
            return
        name = self._after(self._last)
        if name in self._cache:
            return

        def work() -> None:
            try:
                version = self._version(name)
                self._cache.put(name, version, self._decode(name))
            except Problem:
                return  # the grab of this picture meets it again, and reports it

        self._ahead = threading.Thread(target=work, name="folder-ahead", daemon=True)
        self._ahead.start()

    def _arriving(self, request: Request) -> Frame:
        """The first whole picture that was written after the trigger and not shown yet."""
        tried: dict[str, tuple[_FileVersion, Problem]] = {}
        while True:
            began_ns = time.monotonic_ns()
            # wall time of the monotonic clock's zero, taken anew each time: somebody may set the
            # clock meanwhile in this order: if we are held up between, it errs to "older"
            zero_ns = -time.monotonic_ns() + time.time_ns()
            self._listed_ns = -1
            self._list()
            for name, version in self._written(request.after_ns + zero_ns + 1):
                if (name, version) in self._shown or (name in tried and tried[name][0] == version):
                    continue
                try:
                    pixels = self._decode(name)
                    if self._version(name) != version:
                        continue  # somebody writes: next time
                except Problem as problem:
                    tried[name] = version, problem
                    continue
                self._shown.append((name, version))
                taken_at_s = version.mtime_ns / 1e9
                return Frame(
                    pixels, version.mtime_ns - zero_ns, taken_at_s, f"folder:{name}", False
                )
            now_ns = time.monotonic_ns()
            if now_ns >= request.deadline_ns:
                reasons = (
                    "; ".join(problem.message for _, problem in tried.values())
                    or f"none in {self._path}"
                )
                raise Problem(
                    "CAMERA_TIMEOUT",
                    f"no whole picture was written after the trigger ({reasons[:300]})",
                )
            # it takes a while to look through a large folder
            pause_s = max(POLL_S, 4 * (now_ns - began_ns) / 1e9)
            time.sleep(min(pause_s, (request.deadline_ns - now_ns) / 1e9))

    def _written(self, since_ns: int) -> list[tuple[str, _FileVersion]]:
        """Files modified from since_ns (wall time) up to now, oldest first; a time in the future is
        a wrong clock's."""
        written = []
        for name in self._names:
            try:
                version = self._version(name)
            except Problem:
                continue  # gone again
            if since_ns <= version.mtime_ns <= time.time_ns():
                written.append((name, version))
        return sorted(written, key=lambda item: item[1].mtime_ns)


class _Cache:
    """Decoded pictures, the least recently shown dropped first; used by the grab and by the thread
    that looks ahead."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[_FileVersion, Pixels]] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def get(self, name: str, version: _FileVersion) -> Pixels | None:
        with self._lock:
            kept = self._kept.get(name)
            if kept is None:
                return None
            if kept[0] != version:
                self._drop(name)
                return None
            self._kept.move_to_end(name)
            return kept[1]

    def put(self, name: str, version: _FileVersion, pixels: Pixels) -> None:
        with self._lock:
            if name in self._kept:
                self._drop(name)
            if pixels.nbytes > self._limit_bytes:
                return
            self._kept[name] = version, pixels
            self._bytes += pixels.nbytes
            while self._bytes > self._limit_bytes:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _drop(self, name: str) -> None:
        self._bytes -= self._kept.pop(name)[1].nbytes


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in ENDINGS


def _natural(name: str) -> _Key:
    """Key by which part-2 comes before part-10; the name itself tells equals apart."""
    parts = re.split(r"(\d+)", name)
    return [(int(text), "") if text.isdecimal() else (-1, text.casefold()) for text in parts], name
