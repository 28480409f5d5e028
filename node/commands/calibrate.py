"""Calibrate: px to mm from pictures of a checkerboard."""

import base64
from typing import Any

from node.calibration import from_checkerboard
from node.commands.reach import Reach
from schemas.command import Calibrate


def calibrate(reach: Reach, command: Calibrate) -> dict[str, Any]:
    """The calibration, which is not stored. Raises Problem IMAGE_INVALID, CALIBRATION_..."""
    reach.station(command.station)
    pictures = [reach.decoder.decode(base64.b64decode(image)) for image in command.images]
    found = from_checkerboard(
        pictures, command.columns, command.rows, command.square_mm, command.in_plane
    )
    return {"calibration": found.model_dump(mode="json")}
