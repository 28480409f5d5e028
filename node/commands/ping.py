"""Ping: whether the node is there, and what its lines show."""

from typing import Any

from node.commands.reach import Reach
from schemas import utc
from schemas.command import Ping


def ping(reach: Reach, _: Ping) -> dict[str, Any]:
    """The time, the software's version, and the lines of each station."""
    lines = {station.id: station.driver.values(station.id) for station in reach.stations.values()}
    return {"at": utc(), "version": reach.version, "lines": lines}
