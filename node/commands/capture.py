"""Capture: a picture for people, with how good it is."""

import base64
from typing import TYPE_CHECKING, Any

from node.commands.live import camera_of_program, live_frame
from node.commands.optimise import optimise
from node.pictures.writer import EXACT_BYTES
from node.quality import measure as measure_quality
from schemas import utc
from schemas.command import Capture

if TYPE_CHECKING:
    from node.worker.bench import Bench


def capture(bench: "Bench", command: Capture) -> dict[str, Any]:
    """The picture as JPEG, or exactly as it is (PNG if it fits), its size and its quality."""
    asked = command.camera or camera_of_program(bench)
    if command.optimise:
        frame, asked = optimise(bench.camera, asked, bench.settings.camera.timeout_ms)
    else:
        frame = live_frame(bench, asked)
    encoded = (
        bench.pictures.encode_exact(frame.pixels, EXACT_BYTES)
        if command.exact
        else bench.pictures.encode(frame.pixels)
    )
    return {
        "image": base64.b64encode(encoded).decode(),
        "width": frame.width,
        "height": frame.height,
        "captured_at": utc(frame.taken_at_s),
        "quality": measure_quality(frame)._asdict(),
        "limits": bench.settings.camera.quality.model_dump(),
        "camera": asked.model_dump(),
        "controls": list(bench.camera.controls),
        "simulated": bench.simulated,
    }
