"""Pitch of teeth, pins, threads or lines."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.tools.caliper import RowsTool
from schemas.tools.facts import Facts


class Pitch(RowsTool):
    """Distances from each edge to the next one of the same polarity, square to them."""

    facts: ClassVar[Facts] = Facts(
        group="measure",
        place=30,
        title="Pitch",
        text="Distances of teeth, pins, threads or lines.",
        icon=(
            "M3 18V8h3v6h3V8h3v6h3V8h3v6h3M4.5 4h6M4.5 4l1.5-1.5M4.5 4L6 5.5M10.5 4L9 2.5M10.5"
            " 4L9 5.5"
        ),
        main=("value", "scan", "polarity", "unit"),
        start={"low": 0},
    )
    kind: Literal["pitch"] = "pitch"
    value: Literal["mean", "min", "max"] = Field(
        default="mean", description="Which of the distances is the value."
    )
    polarity: Literal["dark_to_light", "light_to_dark"] = Field(
        default="dark_to_light", description="Which edges count, as met along the scan."
    )
