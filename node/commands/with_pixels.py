"""Which function carries out which command that needs pixels; they are called where the pixels are,
in a station's worker."""

from collections.abc import Callable
from typing import Any

from node.commands.calibrate import calibrate
from node.commands.capture import capture
from node.commands.register_master import register_master
from node.commands.show import show
from node.commands.trying import Trying
from node.worker.bench import Bench, Workshop
from schemas.command import Command

DONE: dict[str, Callable[[Bench, Any], dict[str, Any]]] = {
    "capture": capture,
    "show": show,
    "calibrate": calibrate,
    "register_master": register_master,
}


class PixelCommands:
    """Carries them out for the benches of one workshop, on one thread."""

    def __init__(self, workshop: Workshop) -> None:
        self._trying = Trying(workshop.decoder)
        self._do = {**DONE, "try_program": self._try_program}

    def do(self, name: str, bench: Bench, command: Command) -> dict[str, Any]:
        """What the reply says. Raises Problem."""
        return self._do[name](bench, command)

    def rest(self) -> None:
        """There is no command now: let go of what is no longer used."""
        self._trying.rest()

    def _try_program(self, bench: Bench, command: Any) -> dict[str, Any]:
        return self._trying.answer(command, bench)
