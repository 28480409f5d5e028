"""Ping: whether the node is there, and what its lines show and did."""

from typing import Any

from node.commands.reach import Reach
from schemas import utc
from schemas.command import Ping


def ping(reach: Reach, command: Ping) -> dict[str, Any]:
    """The time, the software's version, and the lines of each station; of one also what they did.

    Raises Problem STATION_NOT_FOUND.
    """
    lines = {station.id: station.driver.values(station.id) for station in reach.stations.values()}
    answer: dict[str, Any] = {"at": utc(), "version": reach.version, "lines": lines}
    if command.station is not None:
        station = reach.station(command.station)
        answer["trace"] = station.driver.told(station.id, command.after)
    return answer
