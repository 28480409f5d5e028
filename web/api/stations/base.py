"""What the routes of stations share: a command to one of them, written down before it is given."""

from typing import Any

from flask import Blueprint, Response

from web.command import NO_STATION, NODE, check_station, command
from web.response import ok
from web.site import site

stations = Blueprint("stations", __name__, url_prefix="/api/v1")
ASKS = (*NO_STATION, *NODE)


def done(action: str, name: str, station: str, **payload: Any) -> Response:
    """Have the node do something with a station, written down before. Raises Problem as
    check_station() and command() do."""
    check_station(station)
    with site().audited(action, station, **payload):
        return ok(command(name, station=station, **payload))
