"""Stations: their state as the node tells it, and what an operator may ask of them; alarms and
their acknowledgement."""

from web.api.stations import alarms, state
from web.api.stations.base import stations

__all__ = ["alarms", "state", "stations"]
