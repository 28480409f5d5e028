"""Select a program: from the next part on a station inspects with it."""

from typing import Any

from node.commands.reach import Reach
from node.station import LOAD_S
from schemas.command import SelectProgram


def select_program(reach: Reach, command: SelectProgram) -> dict[str, Any]:
    """Returns which version it is. Raises Problem PROGRAM_... if it cannot run."""
    station = reach.station(command.station)
    station.worker.refresh(LOAD_S)
    program = station.select(command.program)
    reach.outbox.event(
        "program.selected", station.id, {"program": command.program, "version": program.version}
    )
    return {
        "program": command.program,
        "program_version": program.version,
        "program_hash": program.hash,
    }
