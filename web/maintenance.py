"""Maintenance of stations: who began it, and that nobody takes the lines away from the person who
tests them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import TypedDict

from schemas import Problem
from web.access import current
from web.command import check_station, presence_known
from web.records import records
from web.site import site

LOOKED_AT = 200  # pauses in the audit
BEGUN = "station.pause"


class Maintenance(TypedDict):
    """Who began the maintenance of a station, and when; null where it did not begin in this web."""

    by: str | None
    at: str | None


def maintenance_of(station: str) -> Maintenance | None:
    """The maintenance that a station is in, as the node tells it and the audit remembers it; None
    if it is in none."""
    presence_known()
    if not (site().watch.state or {}).get("stations", {}).get(station, {}).get("maintenance"):
        return None
    for row in site().accounts.audit(None, LOOKED_AT, None, BEGUN):
        if (row.action, row.target) == (BEGUN, station) and json.loads(row.details).get(
            "maintenance"
        ):
            return Maintenance(by=row.username, at=row.at)
    return Maintenance(by=None, at=None)


@contextmanager
def leaving_maintenance(station: str) -> Iterator[None]:
    """Something that ends the maintenance a station may be in: by administrators only, and who
    began it is told.

    Raises Problem IN_MAINTENANCE, STATION_NOT_FOUND.
    """
    going = maintenance_of(check_station(station))
    if going is not None and current().role != "ADMIN":
        raise Problem("IN_MAINTENANCE", f"begun by {going['by']}" if going["by"] else "")
    yield
    if going is not None:
        records().live.tell(
            "notice",
            "maintenance.ended",
            {"station": station, "by": current().username, "of": going["by"]},
        )
