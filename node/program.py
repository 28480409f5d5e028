"""Programs ready to run: what locator and tools learn from the master is derived once, when a program is loaded."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from node.calibration import check_size
from node.frame import Frame, Pixels
from node.picture import decode
from node.tools import LOCATORS, TOOLS
from schemas import Problem, Program, StoredProgram, Tool
from schemas.base import utc
from schemas.program import order_of
from schemas.store.programs import Programs
from schemas.tools.base import RegionTool

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedTool:
    """One tool with its functions and what it learned from the master."""

    settings: Tool
    kind: ModuleType
    learned: Any


@dataclass(frozen=True)
class LoadedProgram:
    """One version of a program, ready to run; never changed, so an edit during an inspection cannot mix versions.

    size is the master's (width, height) in px, None without a master.
    """

    program: Program
    version: int
    hash: str
    size: tuple[int, int] | None
    locator: Any
    tools: tuple[LoadedTool, ...]
    order: tuple[int, ...]


def nothing(name: str) -> bytes:
    """No models. Raises Problem MODEL_NOT_FOUND."""
    raise Problem("MODEL_NOT_FOUND", name)


def load(
    program: Program, version: int, digest: str, master: bytes | None, files: Callable[[str], bytes] = nothing
) -> LoadedProgram:
    """Learn from the master. Raises Problem PROGRAM_INVALID naming the tool and what is wrong with it.

    files: gives what tools were taught, by name; raises Problem MODEL_NOT_FOUND, STORE_CORRUPT.
    A program without a master is checked against the frame when it runs.
    """
    if not program.tools:
        raise Problem("PROGRAM_EMPTY", program.id)
    order = order_of(program.tools)
    if master is None:
        bare = []
        for tool in program.tools:
            kind = TOOLS[tool.kind]
            early = "model" in type(tool).model_fields or tool.kind == "text"  # what was taught, and whether the extra is there
            learned = _learn(f"tool {tool.name}", partial(_from_master, kind, None, tool, files)) if early else None
            bare.append(LoadedTool(tool, kind, learned))
        return LoadedProgram(program, version, digest, None, None, tuple(bare), order)
    pixels: Pixels = decode(master)
    frame = Frame(pixels, 0, 0.0, "master", simulated=False)
    _learn("calibration", partial(check_size, program.calibration, frame.width, frame.height))
    if program.locator is not None:
        search = getattr(program.locator, "search", None)
        if not program.locator.region.inside(frame.width, frame.height):
            raise Problem("PROGRAM_INVALID", f"locator: region leaves the master of {frame.width} x {frame.height} px")
        if search is not None and not search.inside(frame.width, frame.height):
            raise Problem("PROGRAM_INVALID", f"locator: search leaves the master of {frame.width} x {frame.height} px")
    wanted = program.locator
    locator = _learn("locator", lambda: LOCATORS[wanted.kind].learn(frame, wanted)) if wanted is not None else None
    tools = []
    for tool in program.tools:
        if isinstance(tool, RegionTool) and not tool.region.inside(frame.width, frame.height):
            raise Problem("PROGRAM_INVALID", f"tool {tool.name}: region leaves the master of {frame.width} x {frame.height} px")
        kind = TOOLS[tool.kind]
        learned = _learn(f"tool {tool.name}", partial(_from_master, kind, frame, tool, files))
        tools.append(LoadedTool(tool, kind, learned))
    return LoadedProgram(program, version, digest, (frame.width, frame.height), locator, tuple(tools), order)


def _from_master(kind: ModuleType, frame: Frame | None, tool: Tool, files: Callable[[str], bytes]) -> Any:
    view = frame.view(tool.region, ignore=tool.ignore) if frame is not None and isinstance(tool, RegionTool) else None
    if "model" not in type(tool).model_fields:
        return kind.learn(view, tool)
    name: str | None = getattr(tool, "model", None)
    return kind.learn(view, tool, None if name is None else files(name))


def _learn(who: str, learn: Callable[[], Any]) -> Any:
    try:
        return learn()
    except Problem as problem:
        said = problem.message.partition(": ")[2] if problem.code == "PROGRAM_INVALID" else problem.message  # not twice
        raise Problem("PROGRAM_INVALID", f"{who}: {said}") from problem


class Shelf:
    """The loaded programs of a node: the newest version of each, loaded when first asked for or when it changes."""

    def __init__(self, store: Programs) -> None:
        self.store = store
        self._loaded: dict[str, LoadedProgram | Problem] = {}
        self._lock = threading.Lock()
        self.changed_at = utc()

    def get(self, program_id: str) -> LoadedProgram:
        """The newest version. Raises Problem PROGRAM_NOT_FOUND, PROGRAM_INVALID, MASTER_IMAGE_NOT_FOUND, ..."""
        found = self._loaded.get(program_id)
        if found is None:
            with self._lock:
                found = self._loaded.get(program_id) or self._load(program_id)
        if isinstance(found, Problem):
            raise found
        return found

    def refresh(self) -> list[str]:
        """Look for changes on disk; the ids of programs that changed. What is unchanged stays loaded."""
        if not self.store.changed():
            return []
        changed = []
        with self._lock:
            heads: dict[str, StoredProgram] = {stored.program.id: stored for stored in self.store.list()}
            for program_id in {*heads, *self._loaded}:
                head, known = heads.get(program_id), self._loaded.get(program_id)
                if head is not None and isinstance(known, LoadedProgram) and known.version == head.version:
                    continue
                if head is None:
                    self._loaded.pop(program_id, None)
                else:
                    self._load(program_id)
                changed.append(program_id)
            self.changed_at = utc()
        return changed

    def problem(self, program_id: str) -> Problem | None:
        """Why a program cannot run, or None."""
        try:
            self.get(program_id)
        except Problem as problem:
            return problem
        return None

    def _load(self, program_id: str) -> LoadedProgram | Problem:
        found: LoadedProgram | Problem
        try:
            stored = self.store.get(program_id)
            found = load(stored.program, stored.version, stored.hash, self.store.master(stored.program), self.store.file)
        except Problem as problem:
            found = problem
        if len(self._loaded) >= 256:  # a bound: ids come from triggers
            self._loaded = {key: value for key, value in self._loaded.items() if isinstance(value, LoadedProgram)}
        if not (isinstance(found, Problem) and found.code == "PROGRAM_NOT_FOUND"):
            self._loaded[program_id] = found
        return found
