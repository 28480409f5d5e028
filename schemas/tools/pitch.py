"""Pitch of teeth, pins, threads or lines."""

from typing import Literal

from pydantic import Field

from schemas.tools.caliper import ScanTool


class Pitch(ScanTool):
    """Distances from each edge to the next one of the same polarity, square to them."""

    kind: Literal["pitch"] = "pitch"
    value: Literal["mean", "min", "max"] = Field(default="mean", description="Which of the distances is the value.")
    polarity: Literal["dark_to_light", "light_to_dark"] = Field(
        default="dark_to_light", description="Which edges count, as met along the scan."
    )
