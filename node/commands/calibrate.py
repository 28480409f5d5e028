"""Calibrate: px to mm from pictures of a checkerboard."""

import base64
import time
from typing import TYPE_CHECKING, Any

from node.calibration import from_checkerboard, in_time
from schemas.command import Calibrate

if TYPE_CHECKING:
    from node.worker.bench import Bench

# no other picture is looked at after that; where the worker is a thread nothing else ends a command
LIMIT_S = 80.0


def calibrate(bench: "Bench", command: Calibrate) -> dict[str, Any]:
    """The calibration, which is not stored. Raises Problem IMAGE_INVALID, and those of
    from_checkerboard."""
    until = time.monotonic() + LIMIT_S
    pictures = [
        bench.workshop.decoder.decode(base64.b64decode(image))
        for image in in_time(command.images, until)
    ]
    checkerboard = from_checkerboard(
        pictures, command.columns, command.rows, command.square_mm, command.in_plane, until
    )
    return {"calibration": checkerboard.model_dump(mode="json")}
