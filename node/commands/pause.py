"""Pause and resume: one station, or all of them, takes no part until it is resumed."""

from typing import Any

from node.commands.reach import Reach
from schemas.command import Pause, Resume


def pause(reach: Reach, command: Pause) -> dict[str, Any]:
    """Halt, and remember it over restarts; with maintenance its lines can be set by hand."""
    for station in reach.some(command.station):
        station.pause(True, maintenance=command.maintenance)
        reach.outbox.event("station.paused", station.id, {"maintenance": command.maintenance})
    return {
        "stations": [station.id for station in reach.some(command.station)],
        "maintenance": command.maintenance,
    }


def resume(reach: Reach, command: Resume) -> dict[str, Any]:
    """Go on."""
    for station in reach.some(command.station):
        station.pause(False)
        reach.outbox.event("station.resumed", station.id, {})
    return {"stations": [station.id for station in reach.some(command.station)]}
