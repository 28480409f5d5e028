"""Which function carries out which command; how a command comes and is answered is in inbox.py."""

from collections.abc import Callable
from functools import partial
from typing import Any

from node.commands.pause import pause, resume
from node.commands.ping import ping
from node.commands.reach import Asked, Reach
from node.commands.resend import resend
from node.commands.reset_counters import reset_counters
from node.commands.select_program import select_program
from node.commands.set_output import set_output
from node.commands.trigger import trigger
from schemas import Problem
from schemas.command import Command, Pause, RegisterMaster, Resume, TriggerCommand
from schemas.program import check_limits

# done by the station's worker, which has the pixels: see with_pixels.py
WORKERS = ("capture", "show", "calibrate", "try_program")


def register_master(reach: Reach, command: RegisterMaster) -> dict[str, Any]:
    """The version that was stored, by the station's worker; see register_master.py."""
    station = reach.station(command.station)
    if any(each.program_id == command.program for each in reach.stations.values()):
        check_limits(reach.programs.get(command.program).program)
    return station.worker.ask("register_master", command)


def of_worker(name: str, reach: Reach, command: Any) -> dict[str, Any]:
    """What the station's worker replies. Raises Problem STATION_NOT_FOUND, and what the worker
    raises."""
    return reach.station(command.station).worker.ask(name, command)


ACTIONS: dict[str, Callable[[Reach, Any], dict[str, Any]]] = {
    "ping": ping,
    "select_program": select_program,
    "register_master": register_master,
    "pause": pause,
    "resume": resume,
    "set_output": set_output,
    "resend": resend,
    "reset_counters": reset_counters,
    **{name: partial(of_worker, name) for name in WORKERS},
}


class Actions:
    """Carries out commands. Every method is called on the thread of commands."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._kept: set[str] = set()  # stations whose maintenance began where people are known

    def rest(self) -> None:
        """There is no command now: let go of what is no longer used."""
        for station in self._reach.stations.values():
            station.worker.rest()

    def do(self, name: str, command: Command, asked: Asked) -> dict[str, Any]:
        """Carry out a command; returns what its reply says. Raises Problem COMMAND_STALE, and what
        the command raises."""
        if isinstance(command, TriggerCommand):
            return trigger(self._reach, command, asked)
        if asked.stale and not command.late:
            raise Problem("COMMAND_STALE", asked.stale)
        if isinstance(command, Pause | Resume):
            return self._halting(name, command, asked)
        return ACTIONS[name](self._reach, command)

    def _halting(self, name: str, command: Pause | Resume, asked: Asked) -> dict[str, Any]:
        """Pause or resume. The web asks who may end a maintenance that began there; what comes by
        MQTT is anybody's, and ends only what began by MQTT."""
        concerned = self._reach.some(command.station)
        for station in concerned:
            if station.maintenance and station.id in self._kept and not asked.vouched:
                raise Problem(
                    "IN_MAINTENANCE", f"{station.id}: it began in the web, and is ended there"
                )
        answer = ACTIONS[name](self._reach, command)
        kept = asked.vouched and isinstance(command, Pause) and command.maintenance
        for station in concerned:
            (self._kept.add if kept else self._kept.discard)(station.id)
        return answer
