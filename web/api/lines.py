"""The lines of a station: which there are, what they mean, and how they stand."""

from typing import Annotated, Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

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


class LinesQuery(Shape):
    """Which changes."""

    after: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Only changes after this number of an earlier answer; else those of 10 s.",
    )


class Pulse(TypedDict):
    """The last time that a line was active: how long ago that ended, and how long it was; null
    while it lasts, and for the input, of which only the edge is known."""

    age_ms: float
    ms: float | None


class Trace(TypedDict):
    """What the lines did: changes as [number, age in ms, role, active], the oldest first, and how
    many were missed; how often each line became active since the node's start; whether the input
    is active. The input's role is `trigger`."""

    number: int
    missed: int
    changes: list[Annotated[tuple[int, float, str, bool], Field(strict=False)]]
    pulses: dict[str, int]
    last: dict[str, Pulse]
    input: bool | None


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
    trace: Trace = Field(description="What they did lately.")


@lines.get("/stations/<station>/outputs")
@requires(
    "VIEWER",
    query=LinesQuery,
    limit="1200 per minute",
    data=StationLines,
    codes=("STATION_NOT_FOUND", *NODE),
)
def outputs(station: str, query: LinesQuery) -> ResponseReturnValue:
    """Every output line with its meaning, its state now, and what it did recently."""
    check_station(station)
    settings = next(each.lines for each in site().settings.station if each.id == station)
    after: dict[str, Any] = {} if query.after is None else {"after": query.after}
    answer = command("ping", station=station, **after)
    levels = answer.get("lines", {}).get(station, {})
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
            trace=answer["trace"],
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
