"""Stations: their state as the node tells it, and what an operator may ask of them; alarms and
bad parts, and that they were seen."""

from web.api.stations import alarms, seen, state
from web.api.stations.base import stations

__all__ = ["alarms", "seen", "state", "stations"]
