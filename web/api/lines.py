"""The lines of a station: which there are, what they mean, and how they stand."""

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import Field

from schemas import Problem, Shape
from web.access import requires
from web.command import NODE, check_station, command
from web.maintenance import Maintenance, maintenance_of
from web.program_checks import active_programs
from web.response import ok
from web.site import site

lines = Blueprint("lines", __name__, url_prefix="/api/v1")


class Output(Shape):
    """One output line."""

    role: str = Field(description="Role, or OUT1 to OUT8.")
    line: int = Field(description="Offset of the line on its chip.")
    level: str = Field(description="Which level means active: high or low.")
    meaning: str | None = Field(
        description="What the active program assigns to it; null for a role, or if it is unused."
    )
    active: bool | None = Field(
        description="Whether it is active, as last driven; null if the node does not say."
    )


class StationLines(Shape):
    """All lines of a station."""

    kind: str = Field(description="memory (simulated) or gpiod.")
    chip: str | None = Field(description="The chip.")
    outputs: list[Output] = Field(description="The output lines.")
    trigger: dict[str, Any] | None = Field(
        description="The input line that triggers, as in the settings."
    )
    maintenance: Maintenance | None = Field(
        description="Who began the maintenance it is in, and when; null if it is in none."
    )
    drive: dict[str, Any] = Field(description="How verdict lines are driven.")


@lines.get("/stations/<station>/outputs")
@requires("VIEWER", limit="600 per minute", data=StationLines, codes=("STATION_NOT_FOUND", *NODE))
def outputs(station: str) -> ResponseReturnValue:
    """Every output line with its meaning and how it stands now."""
    check_station(station)
    settings = next(each.lines for each in site().settings.station if each.id == station)
    levels = command("ping").get("lines", {}).get(station, {})
    meanings = _meanings(station)
    rows = [
        Output(
            role=role,
            line=line.line,
            level=line.active,
            meaning=meanings.get(role),
            active=levels.get(role),
        )
        for role, line in settings.roles.items()
    ]
    trigger = settings.trigger.model_dump(mode="json") if settings.trigger is not None else None
    return ok(
        StationLines(
            kind=settings.kind,
            chip=getattr(settings, "chip", None),
            outputs=rows,
            trigger=trigger,
            maintenance=maintenance_of(station),
            drive=settings.drive.model_dump(mode="json"),
        )
    )


def _meanings(station: str) -> dict[str, str]:
    """OUTn to what the station's active program assigns to it."""
    program = active_programs().get(station)
    try:
        return dict(site().programs.get(program or "").program.outputs)
    except Problem as problem:
        if problem.code not in ("PROGRAM_NOT_FOUND", "PROGRAM_INVALID"):
            raise
        return {}
