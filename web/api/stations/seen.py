"""Bad parts that somebody has seen: the Run page shows a station's last one until then, on every
screen."""

import json

from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Shape
from web.access import current, requires
from web.api.stations.base import stations
from web.command import NO_STATION, check_station
from web.records import records
from web.response import ok
from web.site import site

LAST_NG = "NG."  # and the station: among what was acknowledged; no alarm is called so


class SeenBody(Shape):
    """Which part was seen."""

    result_id: str = Field(max_length=40, description="The bad part, by the id of its result.")


class SeenPart(TypedDict):
    """Which part was seen, by whom and when."""

    result_id: str | None
    by: str | None
    at: str | None


@stations.get("/stations/<station>/seen")
@requires("SCREEN", data=SeenPart, codes=NO_STATION)
def seen(station: str) -> ResponseReturnValue:
    """The bad part of a station that was seen last, by whom and when; null if none was."""
    entry = records().acknowledged.all().get(f"{LAST_NG}{check_station(station)}", {})
    return ok(_shown(entry))


@stations.post("/stations/<station>/seen")
@requires("OPERATOR", body=SeenBody, data=SeenPart, codes=(*NO_STATION, "RESULT_NOT_FOUND"))
def see(station: str, body: SeenBody) -> ResponseReturnValue:
    """Say that the last bad part of a station was seen: no screen shows it any more."""
    check_station(station)
    result = json.loads(records().history.one(body.result_id))
    if (result["station"], result["verdict"]) != (station, "NG"):
        raise Problem("VALIDATION_FAILED", "result_id: this is no bad part of the station")
    with site().audited("ng.acknowledge", station, result_id=body.result_id):
        entry = records().acknowledged.add(
            f"{LAST_NG}{station}", body.result_id, current().username
        )
    records().live.tell("notice", "ng.acknowledged", {"station": station, **_shown(entry)})
    return ok(_shown(entry))


def _shown(entry: dict[str, str]) -> dict[str, str | None]:
    return {"result_id": entry.get("since"), "by": entry.get("by"), "at": entry.get("at")}
