"""Set an output: one line by hand, to see what is connected to it."""

from typing import Any

from node.commands.reach import Reach
from schemas.command import SetOutput


def set_output(reach: Reach, command: SetOutput) -> dict[str, Any]:
    """Returns what the lines show then. Raises Problem NOT_IN_MAINTENANCE."""
    station = reach.station(command.station)
    station.test_line(command.output, command.active)
    return {
        "output": command.output,
        "active": command.active,
        "lines": station.driver.values(station.id),
    }
