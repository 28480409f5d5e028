"""Server-sent events: results, states and alarms as they happen."""

import json
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Result, Shape
from web.access import current, requires
from web.identity import still_allowed
from web.live import LinkState
from web.records import records
from web.response import ok
from web.stream import parse_event_id

events = Blueprint("events", __name__, url_prefix="/api/v1")

MISSED = 50


class After(Shape):
    """Where to go on."""

    after: str | None = Field(
        default=None,
        max_length=1000,
        description="Id of the last event: what a page says that cannot set Last-Event-ID.",
    )


class Now(TypedDict):
    """What is known now; `id` is `after` of the next question, and `results` are those since the
    last one."""

    link: LinkState
    state: dict[str, Any] | None
    alarms: dict[str, dict[str, Any]]
    latest: dict[str, Result]
    results: list[Result]
    id: str


@events.get("/events")
@requires("SCREEN", query=After, gives=("text/event-stream",), codes=("BUSY",))
def stream(query: After) -> ResponseReturnValue:
    """Events hello, result, state, alarm, event, link, gap, notice, end; goes on after
    `Last-Event-ID`, else `after`."""
    app, person = current_app._get_current_object(), current()  # type: ignore[attr-defined]
    sock = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    after = request.headers.get("Last-Event-ID") or query.after or ""
    opened = records().live.open(after, sock, person.id, person.role == "SCREEN")

    def allowed() -> bool:
        with app.app_context():
            try:
                return still_allowed(person, person.role)  # also ends it for those who were demoted
            except Problem:  # the accounts cannot be read: nobody can be trusted
                return False

    answer = Response(opened.run(allowed), mimetype="text/event-stream")
    answer.call_on_close(opened.close)
    answer.headers["X-Accel-Buffering"] = "no"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@events.get("/events/now")
@requires("SCREEN", query=After, limit="240 per minute", data=Now)
def now(query: After) -> ResponseReturnValue:
    """What a stream would begin with, and the results after `after` (at most 50 per station), for
    clients that cannot use a stream."""
    live = records().live
    seen, ids, results = (
        parse_event_id(query.after or "", live.stations),
        dict[str, int](),
        list[dict[str, Any]](),
    )
    for station in live.stations:
        last = live.history.last_seq(station)
        told = max(min(seen.get(station, last), last), last - MISSED)
        rows = live.history.after(station, told, MISSED)
        results += [json.loads(payload) for _, payload in rows]
        ids[station] = rows[-1][0] if rows else last
    id = ",".join(f"{station}:{seq}" for station, seq in sorted(ids.items()))
    return ok({**live.snapshot(), "results": results, "id": id})
