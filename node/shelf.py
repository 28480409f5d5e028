"""The loaded programs of a node: loaded late, the least recently used let go, bounded in bytes."""

import contextlib
import gc
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from node.program import LoadedProgram, load_stored
from schemas import Problem
from schemas.store.programs import Head, Programs

log = logging.getLogger(__name__)

LOAD_S = 30.0
RETRY_S = 10.0
SHELF_BYTES = 256 * 1024 * 1024
SHELF_PROGRAMS = 256
# what is wrong with the program itself stays wrong until it changes
LASTING = ("PROGRAM_INVALID", "PROGRAM_EMPTY", "TOOL_CRASHED")


class _Kept:
    """A program that was loaded, or why it could not be."""

    def __init__(self, loaded: LoadedProgram | Problem, version: int) -> None:
        self.ready = loaded
        self.version = version
        self.bytes = size_of(loaded)
        self.at = self.used_at = time.monotonic()


class Shelf:
    """The loaded programs of a node: the newest version of each, loaded when first asked for.

    Loading learns from the master and may take seconds, so each program is loaded on a thread of
    its own, one after the other, and who asks waits no longer than they can. What was used last is
    kept, up to `most_bytes`; what a station holds is kept always, and stays in use until its next
    version is loaded. loading: is told which version is about to be loaded, and may refuse it with
    a Problem.
    """

    def __init__(
        self,
        store: Programs,
        most_bytes: int = SHELF_BYTES,
        loading: Callable[[str, int], None] | None = None,
    ) -> None:
        self.store = store
        self._loading_told = loading or (lambda _id, _version: None)
        self._most_bytes = most_bytes
        self._kept: dict[str, _Kept] = {}
        self._loading: dict[str, Future[LoadedProgram | Problem]] = {}
        self._held: dict[str, str] = {}
        self._heads: dict[str, Head] | None = None
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # one load at a time

    def hold(self, station: str, program_id: str | None) -> None:
        """The active program of a station: it is never let go."""
        with self._lock:
            self._held.pop(station, None)
            if program_id is not None:
                self._held[station] = program_id

    def get(self, program_id: str, limit_s: float = LOAD_S) -> LoadedProgram:
        """The newest version that is loaded; if none is, it is loaded now.

        Raises Problem PROGRAM_NOT_FOUND, PROGRAM_INVALID, MASTER_IMAGE_NOT_FOUND, ..., and
        PROGRAM_LOADING after `limit_s`.
        """
        kept = self._kept.get(program_id)
        if kept is not None:
            kept.used_at = time.monotonic()
            loaded = kept.ready
        else:
            try:
                loaded = self._load_soon(program_id).result(limit_s)
            except TimeoutError:
                raise Problem("PROGRAM_LOADING", program_id) from None
        if isinstance(loaded, Problem):
            raise loaded.with_traceback(None)  # otherwise it would grow with every part
        return loaded

    def peek(self, program_id: str) -> LoadedProgram | Problem | None:
        """What get() would give or raise, without waiting; None while it is loaded."""
        kept = self._kept.get(program_id)
        if kept is not None:
            return kept.ready
        try:
            self._load_soon(program_id)
        except Problem as problem:
            return problem
        return None

    def all(self) -> dict[str, LoadedProgram | Problem]:
        """What is loaded, and what could not be."""
        return {program_id: kept.ready for program_id, kept in list(self._kept.items())}

    def problem(self, program_id: str) -> Problem | None:
        """Why a program cannot run, or None."""
        try:
            self.get(program_id)
        except Problem as problem:
            return problem
        return None

    def refresh(self, wait_s: float = LOAD_S) -> list[str]:
        """Look for changes on disk; the ids of programs that changed. Only what changed and is in
        use is loaded again.

        Waits that long for what must be loaded; what is there until then stays in use. What could
        not be read is tried again.
        """
        changed: list[str] = []
        if self._heads is None or self.store.changed():
            heads = {head.id: head for head in self.store.list()}
            if self._heads is not None:
                changed = [
                    head_id
                    for head_id in sorted({*heads, *self._heads})
                    if heads.get(head_id) != self._heads.get(head_id)
                ]
            self._heads = heads
        loads = []
        for program_id in self._due(self._heads):
            with contextlib.suppress(Problem):  # it has been deleted just now
                loads.append(self._load_soon(program_id))
        wait(loads, wait_s)
        return changed

    def _due(self, heads: dict[str, Head]) -> list[str]:
        """Which programs must be loaded again; those that are gone are let go."""
        due = []
        with self._lock:
            for program_id, kept in list(self._kept.items()):
                head, loaded = heads.get(program_id), kept.ready
                held = program_id in self._held.values()
                if head is None:
                    del self._kept[program_id]
                elif isinstance(loaded, LoadedProgram):
                    if loaded.version != head.version:
                        due.append(program_id)
                elif held and (kept.version != head.version or loaded.code not in LASTING):
                    due.append(program_id)
                elif not held and (
                    loaded.code not in LASTING or time.monotonic() - kept.at > RETRY_S
                ):
                    del self._kept[program_id]
        return due

    def _load_soon(self, program_id: str) -> "Future[LoadedProgram | Problem]":
        """The load that is under way, or a new one. Raises Problem PROGRAM_NOT_FOUND, STORE_..."""
        with self._lock:
            under_way = self._loading.get(program_id)
            if under_way is not None:
                return under_way
            if self.store.head(program_id) is None:
                raise Problem("PROGRAM_NOT_FOUND", f"{program_id!r:.80}")
            future = self._loading[program_id] = Future()
        threading.Thread(
            target=self._run, args=(program_id, future), name=f"load {program_id}", daemon=True
        ).start()
        return future

    def _run(self, program_id: str, future: "Future[LoadedProgram | Problem]") -> None:
        with self._turn:
            while True:
                kept = self._load(program_id)
                with self._lock:
                    if self._newest(program_id) not in (kept.version, None):
                        continue  # it was saved again meanwhile
                    self._kept[program_id] = kept
                    del self._loading[program_id]
                    self._let_go(program_id)
                    break
        future.set_result(kept.ready)

    def _load(self, program_id: str) -> _Kept:
        version = self._newest(program_id) or 0  # also of one that can no longer be read
        try:
            version = (stored := self.store.get(program_id)).version
            self._loading_told(program_id, version)
            return _Kept(load_stored(stored, self.store), version)
        except Problem as problem:
            return _Kept(problem, version)
        except Exception as error:
            log.exception("program %s cannot be loaded", program_id)
            said = f"program {program_id}: {type(error).__name__}: {error}"[:500]
            return _Kept(Problem("INTERNAL", said), version)
        finally:
            self._loading_told("", 0)

    def _newest(self, program_id: str) -> int | None:
        try:
            head = self.store.head(program_id)
        except Problem:
            return None
        return head.version if head is not None else None

    def _let_go(self, but: str) -> None:
        """Let go of the programs used longest ago, while there are too many bytes."""
        size = sum(kept.bytes for kept in self._kept.values())
        held = {but, *self._held.values()}
        for program_id, kept in sorted(self._kept.items(), key=lambda item: item[1].used_at):
            if size <= self._most_bytes and len(self._kept) <= SHELF_PROGRAMS:
                return
            if program_id not in held:
                del self._kept[program_id]
                size -= kept.bytes


def size_of(thing: Any) -> int:
    """Bytes that a loaded program holds in memory, as far as Python can see: pictures, templates
    and what lies around them."""
    seen: set[int] = set()
    waiting = [thing]
    size = 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (type, ModuleType, FunctionType)):
            continue
        seen.add(id(each))
        size += sys.getsizeof(each)
        waiting += gc.get_referents(each)
        base = getattr(each, "base", None) if isinstance(each, np.ndarray) else None
        if base is not None:  # a view of another array
            waiting.append(base)
    return size
