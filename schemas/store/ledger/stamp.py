"""The stamp beside a ledger: what must not be lost with it (how far each seq has come, the newest
trigger, the age).

It is written after every commit (so that it survives the end of the process) and made durable once
a second (so that it survives a power cut but for its last second), and it is not a database: a log
that is cut, a ledger that is emptied or removed leave it as it was, and a ledger that has less than
the stamp says has lost something. Two places are written in turn, each with a checksum, so that one
of them is always whole.
"""

import hashlib
import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from schemas.store.clock import ClockReading
from schemas.store.disk import failed, private_mode

SLOT = 16384
DIGEST = 16


class Stamp:
    """The stamp at `path`. `found`: whether there was one, so that the folder was used before.
    Raises Problem STORE_FAILED."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seq: dict[str, int] = {}  # the ledger has results up to here
        self.floor: dict[str, int] = {}  # these were used up by a ledger that no longer exists
        self.trigger = 0
        self.suspect = False  # damage was met: the next start looks closely
        self.last: ClockReading | None = None
        # what was found missing, and the age of the ledger then
        self.lost: tuple[str, float] | None = None
        self._lock = threading.Lock()
        self._writes = 0
        try:
            self.found = path.exists()
            self._fd = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, private_mode(path.parent)
            )
            if self.found:
                self._read()
            else:
                os.write(self._fd, bytes(2 * SLOT))
        except OSError as error:
            raise failed(path.name, error) from error

    def _read(self) -> None:
        newest: dict[str, Any] = {"writes": -1}
        for slot in (0, 1):
            data = os.pread(self._fd, SLOT, slot * SLOT)
            text = data[DIGEST : data.find(b"\n", DIGEST) + 1]
            if text and _digest(text) == data[:DIGEST]:
                newest = max(newest, json.loads(text), key=lambda content: int(content["writes"]))
        if newest["writes"] < 0:
            return
        self._writes = newest["writes"]
        self.seq, self.floor, self.trigger = newest["seq"], newest["floor"], newest["trigger"]
        self.suspect = newest["suspect"]
        self.last = ClockReading(*newest["reading"]) if newest["reading"] else None
        self.lost = (newest["lost"][0], newest["lost"][1]) if newest.get("lost") else None

    def mark(self, seq: dict[str, int], trigger: int) -> None:
        """These were committed: the results of a station up to this seq, and triggers up to this
        row."""
        with self._lock:
            for station, number in seq.items():
                self.seq[station] = max(number, self.seq.get(station, 0))
            self.trigger = max(self.trigger, trigger)
            self._write()

    def told(self, lost: tuple[str, float] | None) -> None:
        """This was found missing; it is reported over restarts, until it is None."""
        with self._lock:
            self.lost = lost
            self._write()

    def doubt(self) -> None:
        """The ledger answered that it is damaged."""
        with self._lock:
            self.suspect = True
            self._write()

    def trust(self, seq: dict[str, int], floor: dict[str, int], trigger: int) -> None:
        """The ledger is whole, though perhaps another one: it has this much, and no seq up to
        `floor` is given again."""
        with self._lock:
            self.suspect, self.seq, self.floor, self.trigger = False, seq, floor, trigger
            self._write()

    def keep(self, reading: ClockReading) -> None:
        """Keep the clocks too, and make all of it durable. To be called about once a second. Raises
        OSError."""
        with self._lock:
            self.last = reading
            self._write()
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Nothing is written afterwards."""
        with self._lock:
            os.close(self._fd)
            self._fd = -1

    def _write(self) -> None:
        self._writes += 1
        content = {
            "writes": self._writes,
            "seq": self.seq,
            "floor": self.floor,
            "trigger": self.trigger,
            "suspect": self.suspect,
            "reading": self.last,
            "lost": self.lost,
        }
        text = to_json(content) + b"\n"
        # the space is there; on a disk that takes nothing more, the commits themselves fail
        with suppress(OSError):
            os.pwrite(self._fd, _digest(text) + text, self._writes % 2 * SLOT)


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=DIGEST).digest()
