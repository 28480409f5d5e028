"""Alarms: those that are active, and who has seen them."""

from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Shape
from web.access import current, requires
from web.api.stations.base import stations
from web.command import presence_known
from web.live import LinkState
from web.records import records
from web.response import ok
from web.site import site


class AcknowledgeBody(Shape):
    """Which occurrence of an alarm was seen."""

    since: str = Field(max_length=40, description="Since when the alarm is active, as shown.")


class Seen(TypedDict):
    """By whom and when an alarm was seen."""

    by: str
    at: str


class Acknowledgement(Seen):
    """Which occurrence of an alarm was seen."""

    since: str


class AlarmShown(TypedDict):
    """An active alarm."""

    id: str
    code: str
    message: str
    since: str
    acknowledged: Seen | None


class AlarmList(LinkState):
    """Every active alarm."""

    alarms: list[AlarmShown]


@stations.get("/alarms")
@requires("SCREEN", data=AlarmList)
def alarms() -> ResponseReturnValue:
    """Every active alarm, the newest first, and who has seen it."""
    presence_known()
    seen = records().acknowledged.all()
    raised = []
    for code, alarm in sorted(
        site().watch.alarms.items(), key=lambda item: str(item[1].get("since")), reverse=True
    ):
        entry = seen.get(code)
        holds = entry is not None and entry.get("since") == alarm.get("since")
        raised.append(
            {
                **alarm,
                "id": code,
                "acknowledged": {"by": entry["by"], "at": entry["at"]} if entry and holds else None,
            }
        )
    return ok({**records().live.link(), "alarms": raised})


@stations.post("/alarms/<code>/acknowledge")
@requires("OPERATOR", body=AcknowledgeBody, data=Acknowledgement)
def acknowledge(code: str, body: AcknowledgeBody) -> ResponseReturnValue:
    """Say that the alarm was seen; it stays active until its cause is gone, and must be seen again
    if it comes again."""
    alarm = site().watch.alarms.get(code)
    if alarm is None:
        raise Problem("NOT_FOUND", f"no alarm {code!r:.80} is active")
    if alarm.get("since") != body.since:
        raise Problem(
            "VALIDATION_FAILED",
            f"since: the alarm is active since {alarm.get('since')}, which may not have been seen",
        )
    with site().audited("alarm.acknowledge", code, since=body.since):
        entry = records().acknowledged.add(code, body.since, current().username)
    records().live.tell("notice", "alarm.acknowledged", {"code": code, **entry})
    return ok(entry)
