"""A picture outside an inspection, taken as an inspection takes it."""

import time
from typing import TYPE_CHECKING

from node.cameras import Request
from node.frame import Frame
from schemas import Problem
from schemas.program import ProgramCamera

if TYPE_CHECKING:
    from node.worker.bench import Bench


def live_frame(bench: "Bench", asked: ProgramCamera | None = None) -> Frame:
    """A picture with the settings asked for, else with those of the active program.

    Raises Problem CAMERA_..., as Camera.grab does.
    """
    now = time.monotonic_ns()
    request = Request(
        now,
        now + bench.settings.camera.timeout_ms * 1_000_000,
        None,
        asked or camera_of_program(bench),
    )
    return bench.camera.grab(request)


def camera_of_program(bench: "Bench") -> ProgramCamera:
    """The camera settings of the active program; none if no program can be used."""
    try:
        return bench.shelf.get(bench.program_id or "").program.camera
    except Problem:  # the state says so
        return ProgramCamera()
