"""What commands may reach: the stations, the intake, the programs, the broker's outbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from broker.outbox import Outbox
from broker.reading import Backlog
from node.arrival import Received
from node.intake import Intake
from node.station import Station
from schemas import Problem
from schemas.store.programs import Programs


class Asked(NamedTuple):
    """How a command came: when, whether it waited while the node was away, why it may start nothing
    any more, and whether the site has written down who asked (else it is anybody's, by MQTT)."""

    received: Received
    backlog: Backlog | None
    stale: str | None
    vouched: bool = False


@dataclass(frozen=True)
class Reach:
    """What a command is given besides its payload. version: of the software."""

    stations: Mapping[str, Station]
    intake: Intake
    outbox: Outbox
    programs: Programs
    version: str

    def station(self, station: str) -> Station:
        """The station of this id. Raises Problem STATION_NOT_FOUND."""
        wanted = self.stations.get(station)
        if wanted is None:
            raise Problem("STATION_NOT_FOUND", f"{station}; there are {', '.join(self.stations)}")
        return wanted

    def some(self, station: str | None) -> list[Station]:
        """The station of this id, all of them for None. Raises Problem STATION_NOT_FOUND."""
        return list(self.stations.values()) if station is None else [self.station(station)]
