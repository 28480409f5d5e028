"""Stations: their state as the node tells it, and what an operator may ask of them.

One file: a route, what it takes and what it answers stand together.
"""

import base64
import json
import time
from contextlib import nullcontext
from typing import Any, Literal, NotRequired

from flask import Response
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Info, Problem, Result, Shape, new_id
from schemas.base import Name, ProgramId
from schemas.command import SetOutput
from schemas.program import ProgramCamera
from schemas.result import Evaluation, Verdict
from schemas.state import StateName
from schemas.trigger import GivenId, as_trigger
from web.access import current, requires
from web.api.stations.base import ASKS, done, stations
from web.command import NO_STATION, Done, check_station, command, presence_known
from web.live import LinkState
from web.maintenance import leaving_maintenance
from web.program_checks import select
from web.records import Counters, records
from web.response import ok
from web.site import site

CAPTURE_S = 10.0
RESULT_S = 8.0
LOOK_S = 0.02


class TriggerBody(Shape):
    """A manual inspection."""

    trigger_id: GivenId = Field(
        default=None, description="Id, or a number, which is its digits; one is made if missing."
    )
    program: ProgramId | None = Field(
        default=None, description="Program for this part; else the active one."
    )
    part_id: Name | None = Field(default=None, description="Id of the part.")
    meta: dict[str, Any] | None = Field(default=None, description="Kept with the result.")
    wait: bool = Field(
        default=True, description="Whether the answer waits for the result, some seconds at most."
    )


class PauseBody(Shape):
    """How to pause."""

    maintenance: bool = Field(
        default=False, description="Whether lines may then be set by hand; administrators only."
    )


class ProgramBody(Shape):
    """Which program."""

    program: ProgramId = Field(description="The program to make the active one.")


class OutputBody(Shape):
    """A level."""

    active: bool = Field(description="Whether the line is active.")


class CaptureBody(Shape):
    """How to take a picture; administrators only, but for `exact`."""

    camera: ProgramCamera | None = Field(
        default=None, description="Camera settings; those of the active program if missing."
    )
    optimise: bool = Field(
        default=False, description="Whether exposure and gain are searched for the best light."
    )
    exact: bool = Field(default=False, description="PNG instead of JPEG, for a master.")


class StationShown(TypedDict):
    """A station; without word of the node its state is Offline, and the rest of the topic `state`
    is missing."""

    id: str
    state: StateName


class StationList(LinkState):
    """Every station."""

    stations: list[StationShown]


class StationRead(StationShown, LinkState):
    """One station in full."""

    latest: Result | None
    counters: Counters


class Triggered(TypedDict):
    """A part that was inspected by hand; no result if it was not there in time."""

    trigger_id: str
    duplicate: bool
    repeated: bool
    state: Literal["waiting", "answered"]
    result_id: NotRequired[str]
    seq: NotRequired[int]
    verdict: NotRequired[Verdict]
    evaluation: NotRequired[Evaluation]
    result: Result | None


class Captured(TypedDict):
    """A picture that was not inspected: base64, px; its figures and their limits; what it was taken
    with."""

    image: str
    width: int
    height: int
    captured_at: str
    quality: dict[str, float]
    limits: dict[str, float]
    camera: ProgramCamera
    controls: list[str]
    simulated: bool


@stations.get("/info")
@requires("VIEWER", data=Info | None)
def info() -> ResponseReturnValue:
    """What the node says about itself (topic `info`); null until it has been heard."""
    presence_known()
    return ok(site().watch.info)


@stations.get("/stations")
@requires("SCREEN", data=StationList)
def all_stations() -> ResponseReturnValue:
    """Every station of the settings with its state, and whether broker and node are there."""
    presence_known()
    return ok(
        {
            **records().live.link(),
            "stations": [_station(each.id) for each in site().settings.station],
        }
    )


@stations.get("/stations/<station>")
@requires("VIEWER", data=StationRead, codes=NO_STATION)
def one_station(station: str) -> ResponseReturnValue:
    """One station: state, newest result, counts and cycle times since the reset."""
    check_station(station)
    presence_known()
    latest = site().watch.latest.get(station)
    counters = records().statistics.since_reset(station)
    return ok(
        {**records().live.link(), **_station(station), "latest": latest, "counters": counters}
    )


@stations.get("/stations/<station>/counters")
@requires("VIEWER", data=Counters, codes=NO_STATION)
def counters(station: str) -> ResponseReturnValue:
    """Counts, yield and cycle times since the counters were reset."""
    return ok(records().statistics.since_reset(check_station(station)))


@stations.post("/stations/<station>/counters/reset")
@requires("OPERATOR", data=Done, codes=ASKS)
def reset_counters(station: str) -> ResponseReturnValue:
    """Count from zero."""
    return done("station.reset_counters", "reset_counters", station)


@stations.post("/stations/<station>/trigger")
@requires(
    "OPERATOR",
    body=TriggerBody,
    limit="trigger",
    data=Triggered,
    codes=(*ASKS, "BAD_TRIGGER", "TRIGGER_KNOWN"),
)
def trigger(station: str, body: TriggerBody) -> ResponseReturnValue:
    """Inspect one part by hand. The result comes with the answer if it is there in time, else
    `result` is null.

    A trigger_id that is known answers only the same trigger: `repeated`, with the result of then;
    another one is refused.
    """
    check_station(station)
    given = body.model_dump(mode="json", exclude_none=True, exclude={"wait"})
    given.setdefault("trigger_id", f"web-{new_id()}")
    as_trigger(given)
    with site().audited(
        "station.trigger", station, trigger_id=given["trigger_id"], part_id=body.part_id
    ):
        data = command("trigger", station=station, trigger=given)
    until = time.monotonic() + RESULT_S
    payload = None
    while body.wait and payload is None and time.monotonic() < until:
        payload = records().history.of_trigger(station, given["trigger_id"])
        if payload is None:
            time.sleep(LOOK_S)
    return ok(
        {
            **data,
            "repeated": data["duplicate"],
            "result": None if payload is None else json.loads(payload),
        }
    )


@stations.post("/stations/<station>/pause")
@requires("OPERATOR", body=PauseBody, data=Done, codes=(*ASKS, "IN_MAINTENANCE"))
def pause(station: str, body: PauseBody) -> ResponseReturnValue:
    """Halt a station; an administrator may ask for maintenance mode, in which lines are set by
    hand."""
    if body.maintenance and current().role != "ADMIN":
        raise Problem("PERMISSION_DENIED", "maintenance mode is for administrators")
    with nullcontext() if body.maintenance else leaving_maintenance(station):
        return done("station.pause", "pause", station, maintenance=body.maintenance)


@stations.post("/stations/<station>/resume")
@requires("OPERATOR", data=Done, codes=(*ASKS, "IN_MAINTENANCE"))
def resume(station: str) -> ResponseReturnValue:
    """End the pause. Maintenance is ended by administrators only, and the one who began it is
    told."""
    with leaving_maintenance(station):
        return done("station.resume", "resume", station)


@stations.put("/stations/<station>/program")
@requires(
    "OPERATOR", body=ProgramBody, data=Done, codes=(*ASKS, "PROGRAM_NOT_FOUND", "PROGRAM_INVALID")
)
def select_program(station: str, body: ProgramBody) -> ResponseReturnValue:
    """Make a program the active one."""
    check_station(station)
    return ok(select(station, body.program))


@stations.put("/stations/<station>/outputs/<output>")
@requires("ADMIN", body=OutputBody, data=Done, codes=(*ASKS, "NOT_IN_MAINTENANCE"))
def set_output(station: str, output: str, body: OutputBody) -> ResponseReturnValue:
    """Set one line by hand; in maintenance mode only."""
    allowed = SetOutput.model_json_schema()["properties"]["output"]["anyOf"]
    if output not in [*allowed[0]["enum"], *(f"OUT{number}" for number in range(1, 9))]:
        raise Problem(
            "VALIDATION_FAILED", f"output: {output!r:.40} is neither a role nor OUT1 to OUT8"
        )
    return done("station.set_output", "set_output", station, output=output, active=body.active)


@stations.post("/stations/<station>/capture")
@requires(
    "OPERATOR",
    body=CaptureBody,
    limit="240 per minute",
    data=Captured,
    codes=(*ASKS, "CAMERA_ERROR", "CAMERA_TIMEOUT"),
)
def capture(station: str, body: CaptureBody) -> ResponseReturnValue:
    """Take a picture without inspecting it: JPEG in base64, its size in pixels, and figures of its
    quality.

    Administrators may take it with other camera settings, or have the best ones searched;
    `controls` says which the camera takes, `camera` is what the picture was taken with. The next
    inspection takes those of its program again.
    """
    check_station(station)
    if (body.camera is not None or body.optimise) and current().role != "ADMIN":
        raise Problem("PERMISSION_DENIED", "other camera settings are for administrators")
    return ok(
        command(
            "capture",
            CAPTURE_S,
            station=station,
            **body.model_dump(mode="json", exclude_defaults=True),
        )
    )


@stations.get("/stations/<station>/image")
@requires("VIEWER", limit="120 per minute", gives=("image/jpeg",), codes=ASKS)
def live_image(station: str) -> ResponseReturnValue:
    """The live picture as JPEG; when it was taken is in the header X-Captured-At."""
    data = command("capture", CAPTURE_S, station=check_station(station))
    answer = Response(base64.b64decode(data["image"]), mimetype="image/jpeg")
    answer.headers["X-Captured-At"] = data["captured_at"]
    answer.headers["X-Simulated"] = "true" if data["simulated"] else "false"
    return answer


def _station(station: str) -> dict[str, Any]:
    """What the node says of it; state Offline when nothing is known."""
    state = (site().watch.state or {}).get("stations", {}).get(station)
    return {"id": station, **(state or {"state": "Offline"})}
