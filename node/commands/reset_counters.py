"""Reset the counters of a station, or of all of them."""

from typing import Any

from node.commands.reach import Reach
from schemas import utc
from schemas.command import ResetCounters


def reset_counters(reach: Reach, command: ResetCounters) -> dict[str, Any]:
    """Count from zero again."""
    for station in reach.some(command.station):
        station.reset_counters()
    return {"stations": [station.id for station in reach.some(command.station)], "at": utc()}
