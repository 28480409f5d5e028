"""Programs ready to run: what locator and tools learn from the master is derived once, when a
program is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from typing import Any

from node.calibration import check_size
from node.frame import Frame
from node.locators import LOCATORS
from node.memo import Once, anew
from node.pictures.decode import decode
from node.tools import TOOLS
from node.tools import Tool as ToolSteps
from node.vision.patterns import recurring
from node.worker.seam import ReadyProgram
from schemas import Locator, Pattern, Problem, Program, StoredProgram, Tool
from schemas.logs import log_performance
from schemas.program import order_of
from schemas.store.programs import Programs
from schemas.tools import OTHERS
from schemas.tools.base import RegionTool
from schemas.tools.others import stamped


@dataclass(frozen=True)
class LoadedTool:
    """One tool with its functions and what it learned from the master."""

    settings: Tool
    kind: ToolSteps
    learned: Any


@dataclass(frozen=True)
class LoadedProgram:
    """One version of a program, ready to run; never changed, so an edit during an inspection cannot
    mix versions.

    hash: that of the document, and of the packages whose tools it uses. size: the master's (width,
    height) in px, None without a master.
    """

    program: Program
    version: int
    hash: str
    size: tuple[int, int] | None
    locator: Any
    tools: tuple[LoadedTool, ...]
    order: tuple[int, ...]

    @cached_property
    def ready(self) -> ReadyProgram:
        """What the node has to know about it."""
        of = self.program
        return ReadyProgram(of.id, self.version, self.hash, of.outputs, of.limits_ms, of.keep)


def nothing(name: str) -> bytes:
    """There are no models. Raises Problem MODEL_NOT_FOUND."""
    raise Problem("MODEL_NOT_FOUND", name)


def load_stored(stored: StoredProgram, store: Programs) -> LoadedProgram:
    """As `load`, a version with the master and the models of its store. Raises Problem also where
    these are missing or damaged."""
    master = store.master(stored.program)
    return load(stored.program, stored.version, stored.hash, master, store.file)


@log_performance()
def load(
    program: Program,
    version: int,
    digest: str,
    master: bytes | Frame | None,
    files: Callable[[str], bytes] = nothing,
    once: Once = anew,
) -> LoadedProgram:
    """Learn from the master. Raises Problem PROGRAM_INVALID naming the tool and what is wrong with
    it.

    once: knows what was learned from this master before.
    files: gives what tools were taught, by name; raises Problem MODEL_NOT_FOUND, STORE_CORRUPT.
    A program without a master is checked against the frame when it runs.
    """
    if not program.tools:
        raise Problem("PROGRAM_EMPTY", program.id)
    order = order_of(program.tools)
    digest = stamped(digest, {tool.kind for tool in program.tools}, OTHERS)
    if master is None:
        bare = []
        for tool in program.tools:
            kind = TOOLS[tool.kind]
            # what was taught, and whether the extra is there
            early = "model" in type(tool).model_fields or tool.kind == "text"
            learned = (
                _learn(f"tool {tool.name}", partial(_from_master, kind, None, tool, files))
                if early
                else None
            )
            bare.append(LoadedTool(tool, kind, learned))
        return LoadedProgram(program, version, digest, None, None, tuple(bare), order)
    frame = (
        master
        if isinstance(master, Frame)
        else Frame(decode(master), 0, 0.0, "master", simulated=False)
    )
    _learn("calibration", partial(check_size, program.calibration, frame.width, frame.height))
    if program.locator is not None:
        search = getattr(program.locator, "search", None)
        if not program.locator.region.inside(frame.width, frame.height):
            raise Problem(
                "PROGRAM_INVALID",
                f"locator: region leaves the master of {frame.width} x {frame.height} px",
            )
        if search is not None and not search.inside(frame.width, frame.height):
            raise Problem(
                "PROGRAM_INVALID",
                f"locator: search leaves the master of {frame.width} x {frame.height} px",
            )
    wanted = program.locator.model_dump_json() if program.locator is not None else None
    locator = _learn(
        "locator", partial(once, wanted, partial(_locator, frame, program.locator, files))
    )
    tools = []
    for tool in program.tools:
        if isinstance(tool, RegionTool) and not tool.region.inside(frame.width, frame.height):
            raise Problem(
                "PROGRAM_INVALID",
                f"tool {tool.name}: region leaves the master of {frame.width} x {frame.height} px",
            )
        kind = TOOLS[tool.kind]
        learn = partial(_from_master, kind, frame, tool, files)
        learned = _learn(f"tool {tool.name}", partial(once, tool.model_dump_json(), learn))
        tools.append(LoadedTool(tool, kind, learned))
    return LoadedProgram(
        program, version, digest, (frame.width, frame.height), locator, tuple(tools), order
    )


def _locator(frame: Frame, wanted: Locator | None, files: Callable[[str], bytes]) -> Any:
    if wanted is None:
        return None
    if isinstance(wanted, Pattern) and wanted.model is not None:
        return LOCATORS[wanted.kind].learn(
            frame, wanted, kept=recurring.mask_of(files(wanted.model), wanted, frame)
        )
    return LOCATORS[wanted.kind].learn(frame, wanted)


def _from_master(
    kind: ToolSteps, frame: Frame | None, tool: Tool, files: Callable[[str], bytes]
) -> Any:
    view = (
        frame.view(tool.region, ignore=tool.ignore)
        if frame is not None and isinstance(tool, RegionTool)
        else None
    )
    if "model" not in type(tool).model_fields:
        return kind.learn(view, tool)
    name: str | None = getattr(tool, "model", None)
    return kind.learn(view, tool, None if name is None else files(name))


def _learn(who: str, learn: Callable[[], Any]) -> Any:
    try:
        return learn()
    except Problem as problem:
        # not twice
        said = (
            problem.message.partition(": ")[2]
            if problem.code == "PROGRAM_INVALID"
            else problem.message
        )
        raise Problem("PROGRAM_INVALID", f"{who}: {said}") from problem


def __getattr__(name: str) -> Any:
    """`Shelf` has a file of its own, above this one; older scripts look for it here."""
    if name != "Shelf":
        raise AttributeError(name)
    return import_module("node.shelf").Shelf
