"""Capture: a picture for people, with how good it is."""

import base64
from typing import Any

from node.commands.live import camera_of_program, live_frame
from node.commands.optimise import optimise
from node.commands.reach import EXACT_BYTES, Reach
from node.quality import measure as measure_quality
from schemas import utc
from schemas.command import Capture


def capture(reach: Reach, command: Capture) -> dict[str, Any]:
    """The picture as JPEG, or exactly as it is (PNG if it fits), its size and its quality."""
    station = reach.station(command.station)
    asked = command.camera or camera_of_program(station)
    if command.optimise:
        frame, asked = optimise(station.camera, asked, station.settings.camera.timeout_ms)
    else:
        frame = live_frame(station, asked)
    encoded = (
        station.pictures.encode_exact(frame.pixels, EXACT_BYTES)
        if command.exact
        else station.pictures.encode(frame.pixels)
    )
    return {
        "image": base64.b64encode(encoded).decode(),
        "width": frame.width,
        "height": frame.height,
        "captured_at": utc(frame.taken_at_s),
        "quality": measure_quality(frame)._asdict(),
        "limits": station.settings.camera.quality.model_dump(),
        "camera": asked.model_dump(),
        "controls": list(station.camera.controls),
        "simulated": station.simulated,
    }
