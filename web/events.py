"""Server-sent events: results, states and alarms as they happen."""

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from schemas import Problem
from web.access import current, requires, still_allowed
from web.records import records

events = Blueprint("events", __name__, url_prefix="/api/v1")


@events.get("/events")
@requires("VIEWER")
def stream() -> ResponseReturnValue:
    """Events `hello`, `result`, `state`, `alarm`, `event`, `link`, `gap`, `notice`, `end`; goes on after `Last-Event-ID`."""
    app, person = current_app._get_current_object(), current()  # type: ignore[attr-defined]
    sock = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    opened = records().live.open(request.headers.get("Last-Event-ID", ""), sock)

    def allowed() -> bool:
        with app.app_context():
            try:
                return still_allowed(person, person.role)  # also ends it for who was demoted
            except Problem:  # the accounts cannot be read: nobody can be believed
                return False

    answer = Response(opened.run(allowed), mimetype="text/event-stream")
    answer.call_on_close(opened.close)
    answer.headers["X-Accel-Buffering"] = "no"
    answer.headers["Cache-Control"] = "no-store"
    return answer
