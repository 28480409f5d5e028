"""Which function does which command; how a command comes and is answered is in inbox.py."""

from collections.abc import Callable
from functools import partial
from typing import Any

from node.commands.calibrate import calibrate
from node.commands.capture import capture
from node.commands.pause import pause, resume
from node.commands.ping import ping
from node.commands.reach import Asked, Reach
from node.commands.register_master import register_master
from node.commands.resend import resend
from node.commands.reset_counters import reset_counters
from node.commands.select_program import select_program
from node.commands.set_output import set_output
from node.commands.show import show
from node.commands.trigger import trigger
from node.commands.trying import Trying
from schemas import Problem
from schemas.command import Command, TriggerCommand, TryProgram

ACTIONS: dict[str, Callable[[Reach, Any], dict[str, Any]]] = {
    "ping": ping,
    "select_program": select_program,
    "capture": capture,
    "show": show,
    "calibrate": calibrate,
    "register_master": register_master,
    "pause": pause,
    "resume": resume,
    "set_output": set_output,
    "resend": resend,
    "reset_counters": reset_counters,
}


class Actions:
    """Does commands. Everything is called on the thread of commands."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._trying = Trying(reach.decoder)
        self._do: dict[str, Callable[[Any], dict[str, Any]]] = {
            **{name: partial(action, reach) for name, action in ACTIONS.items()},
            "try_program": self._try_program,
        }

    def close(self) -> None:
        """End what is being decoded."""
        self._reach.decoder.close()

    def rest(self) -> None:
        """Nobody has asked for anything: let go what is not used any more."""
        self._trying.rest()

    def do(self, name: str, command: Command, asked: Asked) -> dict[str, Any]:
        """Do a command; what its reply says. Raises Problem COMMAND_STALE, and what the command may
        come to."""
        if isinstance(command, TriggerCommand):
            return trigger(self._reach, command, asked)
        if asked.stale and not command.late:
            raise Problem("COMMAND_STALE", asked.stale)
        return self._do[name](command)

    def _try_program(self, command: TryProgram) -> dict[str, Any]:
        return self._trying.answer(command, self._reach.station(command.station))
