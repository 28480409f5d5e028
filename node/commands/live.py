"""A picture outside of an inspection, taken as an inspection takes it."""

import time

from node.cameras import Request
from node.frame import Frame
from node.station import Station
from schemas import Problem
from schemas.program import ProgramCamera


def live_frame(station: Station, asked: ProgramCamera | None = None) -> Frame:
    """A picture with the settings asked for, else with those of the active program.

    Raises Problem CAMERA_..., as Camera.grab does.
    """
    now = time.monotonic_ns()
    request = Request(
        now,
        now + station.settings.camera.timeout_ms * 1_000_000,
        None,
        asked or camera_of_program(station),
    )
    return station.camera.grab(request)


def camera_of_program(station: Station) -> ProgramCamera:
    """What the active program asks of the camera; nothing, if there is none that can be used."""
    try:
        return station.shelf.get(station.program_id or "").program.camera
    except Problem:  # the state says so
        return ProgramCamera()
