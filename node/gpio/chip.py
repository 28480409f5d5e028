"""Lines of a GPIO chip of the Linux kernel, by the Python bindings of libgpiod 2."""

import errno
import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import gpiod
from gpiod.line import Clock, Direction, Edge, Value

from node.gpio.guard import Guardian
from schemas import GpiodLines, Problem

CONSUMER = "inspection-node"
EVENT_LIMIT = 64
LOST_LIMIT = 1024

log = logging.getLogger(__name__)


class ChipBank:
    """A `Bank` on a real chip: one request for all outputs, one for the input, and a guardian for
    the outputs."""

    simulated = False

    def __init__(self, settings: GpiodLines) -> None:
        self._settings = settings
        self._lines = settings.roles
        self._outputs: gpiod.LineRequest | None = None
        self._input: gpiod.LineRequest | None = None
        self._guardian: Guardian | None = None
        self._seqno = 0

    def open(self) -> None:
        """Request the lines, all outputs inactive. Raises Problem GPIO_NOT_AVAILABLE."""
        self.close()
        try:
            with find_chip(self._settings.chip) as chip:  # closing the chip keeps the requests
                self._request(chip)
        except OSError as error:
            self.close()
            raise Problem(
                "GPIO_NOT_AVAILABLE", f"{self._settings.chip}: {error.strerror or error}"
            ) from error
        except Problem:
            self.close()
            raise

    def _request(self, chip: gpiod.Chip) -> None:
        trigger = self._settings.trigger
        wanted = {line.line: role for role, line in self._lines.items()} | (
            {trigger.line: "trigger"} if trigger else {}
        )
        count = chip.get_info().num_lines
        for offset, role in wanted.items():
            if offset >= count:
                raise Problem(
                    "GPIO_NOT_AVAILABLE",
                    f"{self._settings.chip} has {count} lines, no line {offset} ({role})",
                )
        try:
            if self._lines:
                self._outputs = chip.request_lines(
                    consumer=CONSUMER,
                    config={
                        line.line: gpiod.LineSettings(
                            direction=Direction.OUTPUT,
                            active_low=line.active == "low",
                            output_value=Value.INACTIVE,
                        )
                        for line in self._lines.values()
                    },
                )
                self._guardian = Guardian(self._outputs.fd, len(self._lines))
            if trigger:
                self._seqno = 0
                self._input = chip.request_lines(
                    consumer=CONSUMER,
                    event_buffer_size=EVENT_LIMIT,
                    config={
                        trigger.line: gpiod.LineSettings(
                            direction=Direction.INPUT,
                            active_low=trigger.active == "low",
                            edge_detection=Edge.RISING
                            if trigger.edge == "rising"
                            else Edge.FALLING,
                            debounce_period=timedelta(milliseconds=trigger.debounce_ms),
                            event_clock=Clock.MONOTONIC,
                        )
                    },
                )
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            self.close()  # so that whatever is still held is held by somebody else
            holders: dict[str, list[str]] = {}
            for offset, role in wanted.items():
                info = chip.get_line_info(offset)
                if info.used:
                    holders.setdefault(info.consumer or "unnamed", []).append(f"{offset} ({role})")
            held = [
                f"line {', '.join(lines)} is held by {name!r}" for name, lines in holders.items()
            ]
            message = f"{self._settings.chip}: {'; '.join(held) or 'a line was busy'}"
            raise Problem("GPIO_NOT_AVAILABLE", message) from error

    def set(self, values: Mapping[str, bool]) -> None:
        """Change some outputs in one call to the kernel. Raises Problem GPIO_ERROR."""
        if self._outputs is None:
            raise Problem("GPIO_ERROR", "the lines are not open")
        try:
            self._outputs.set_values(
                {
                    self._lines[role].line: Value.ACTIVE if on else Value.INACTIVE
                    for role, on in values.items()
                }
            )
        except KeyError as error:
            raise Problem("GPIO_ERROR", f"no line is assigned to {error.args[0]}") from None
        except OSError as error:
            raise Problem(
                "GPIO_ERROR", f"{self._settings.chip}: {error.strerror or error}"
            ) from error

    def fileno(self) -> int | None:
        """The file of the input request."""
        return self._input.fd if self._input else None

    def edges(self) -> list[int]:
        """Monotonic ns of the edges since the last call; edges that overflowed the kernel's buffer
        count too."""
        if self._input is None:
            return []
        times_ns: list[int] = []
        try:
            if self._input.wait_edge_events(0):
                for event in self._input.read_edge_events():
                    times_ns += [event.timestamp_ns] * min(
                        event.line_seqno - self._seqno, LOST_LIMIT
                    )
                    self._seqno = event.line_seqno
        except OSError as error:
            raise Problem(
                "GPIO_ERROR", f"{self._settings.chip}: {error.strerror or error}"
            ) from error
        return times_ns

    def level(self) -> bool | None:
        """The input as it is."""
        trigger = self._settings.trigger
        if self._input is None or trigger is None:
            return None
        try:
            return self._input.get_value(trigger.line) is Value.ACTIVE
        except OSError as error:
            message = f"{self._settings.chip}: {error.strerror or error}"
            raise Problem("GPIO_ERROR", message) from error

    def beat(self) -> None:
        """Read the outputs back, so that a chip that went away is noticed, and tell the guardian
        that we live."""
        try:
            if self._outputs is not None:
                self._outputs.get_values()
            if self._guardian is not None:
                self._guardian.beat()
        except OSError as error:
            raise Problem(
                "GPIO_ERROR", f"{self._settings.chip}: {error.strerror or error}"
            ) from error

    def close(self) -> None:
        """All outputs inactive, everything released."""
        if self._outputs is not None:
            try:
                self.set(dict.fromkeys(self._lines, False))
            except Problem as problem:  # the guardian tries once more
                log.warning("lines could not be made inactive while closing: %s", problem.message)
        if self._guardian is not None:
            self._guardian.close()
            self._guardian = None
        for request in (self._outputs, self._input):
            if request is not None:
                request.release()
        self._outputs = self._input = None


def find_chip(name: str) -> gpiod.Chip:
    """The opened chip with this path or label. Raises Problem GPIO_NOT_AVAILABLE, or OSError."""
    if name.startswith("/"):
        return _open(Path(name))
    chips: dict[Path, str] = {}
    refused: Problem | None = None
    for path in sorted(Path("/dev").glob("gpiochip*"), key=_number):
        real = path.resolve()  # some systems have a second name for a chip
        if real in chips or not gpiod.is_gpiochip_device(str(real)):
            continue
        try:
            with _open(real) as chip:
                chips[real] = chip.get_info().label
        except Problem as problem:
            refused = problem
    matching = [path for path, label in chips.items() if label == name]
    if len(matching) > 1:
        paths = ", ".join(map(str, matching))
        raise Problem(
            "GPIO_NOT_AVAILABLE", f"{paths} all have the label {name!r}: give the path instead"
        )
    if not matching:
        labels = ", ".join(repr(label) for label in chips.values()) or "none"
        raise refused or Problem(
            "GPIO_NOT_AVAILABLE", f"no chip has the label {name!r}, there are: {labels}"
        )
    return _open(matching[0])


def _open(path: Path) -> gpiod.Chip:
    try:
        return gpiod.Chip(str(path))
    except FileNotFoundError:
        raise Problem("GPIO_NOT_AVAILABLE", f"there is no {path}") from None
    except PermissionError:
        raise Problem("GPIO_NOT_AVAILABLE", f"no permission to open {path}") from None


def _number(path: Path) -> int:
    digits = re.search(r"\d+$", path.name)
    return int(digits.group()) if digits else 0
