"""Show: somebody looks at a station, so its newest part is drawn for a while."""

from typing import Any

from node.commands.reach import Reach
from schemas.command import Show


def show(reach: Reach, command: Show) -> dict[str, Any]:
    """Begin, or go on for some seconds more."""
    station = reach.station(command.station)
    if station.pictures.showing is not None:
        station.pictures.showing.watch(station.id)
    return {"station": station.id}
