"""Calibrate: px to mm from pictures of a checkerboard."""

import base64
from typing import TYPE_CHECKING, Any

from node.calibration import from_checkerboard
from schemas.command import Calibrate

if TYPE_CHECKING:
    from node.worker.bench import Bench


def calibrate(bench: "Bench", command: Calibrate) -> dict[str, Any]:
    """The calibration, which is not stored. Raises Problem IMAGE_INVALID, CALIBRATION_..."""
    pictures = [bench.workshop.decoder.decode(base64.b64decode(image)) for image in command.images]
    found = from_checkerboard(
        pictures, command.columns, command.rows, command.square_mm, command.in_plane
    )
    return {"calibration": found.model_dump(mode="json")}
