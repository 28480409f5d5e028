"""What a worker process does now, in a page of memory that the node reads when it has ended: so
that it can say which tool of which program was at work. Writing there takes a fraction of a
microsecond."""

import mmap
import os
from typing import NamedTuple

SLOT = 128  # bytes of a text
DOING, LOADING = 0, 1


class Loading(NamedTuple):
    """A program that is being loaded."""

    program: str
    version: int


class AtWork:
    """One page that two processes share; `file` is its descriptor, for the other one."""

    def __init__(self, file: int | None = None) -> None:
        if file is None:
            file = os.memfd_create("at work", os.MFD_CLOEXEC)
            os.ftruncate(file, mmap.PAGESIZE)
        self.file = file
        self._page = mmap.mmap(file, mmap.PAGESIZE)

    def doing(self, what: str) -> None:
        """Work on this begins, for the part in hand; "" means none."""
        self._write(DOING, what)

    def loading(self, program: str, version: int) -> None:
        """Loading this version begins; "" means none."""
        self._write(LOADING, f"{version} {program}" if program else "")

    def done(self) -> str:
        """What it did last, "" for nothing."""
        return self._read(DOING)

    def loaded(self) -> Loading | None:
        """Which program it was loading."""
        version, _, program = self._read(LOADING).partition(" ")
        return Loading(program, int(version)) if version.isdigit() else None

    def given(self) -> None:
        """The other process has the descriptor: ours is no longer needed, the page is."""
        os.close(self.file)

    def _write(self, slot: int, text: str) -> None:
        begin = slot * SLOT
        self._page[begin : begin + SLOT] = text.encode()[:SLOT].ljust(SLOT, b"\0")

    def _read(self, slot: int) -> str:
        begin = slot * SLOT
        return self._page[begin : begin + SLOT].rstrip(b"\0").decode("utf-8", "ignore")
