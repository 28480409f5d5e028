"""What each command does; how a command comes and is answered is in commands.py."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from broker.outbox import Outbox
from broker.reading import Backlog
from node.arrival import Received
from node.calibration import from_checkerboard
from node.cameras import Request
from node.commands.optimise import optimise
from node.commands.trying import EXACT_BYTES, Trying
from node.frame import Frame
from node.intake import Intake
from node.pictures.sandbox import Decoder
from node.program import load
from node.quality import measure as measure_quality
from node.station import Station
from schemas import Problem, utc
from schemas.command import (
    Calibrate,
    Capture,
    Command,
    Pause,
    Ping,
    RegisterMaster,
    Resend,
    ResetCounters,
    Resume,
    SelectProgram,
    SetOutput,
    Show,
    TriggerCommand,
    TryProgram,
)
from schemas.program import ProgramCamera
from schemas.store.programs import MAX_MASTER_BYTES
from schemas.trigger import as_trigger


class Asked(NamedTuple):
    """How a command came: when, whether it waited while the node was away, and why it may start
    nothing any more."""

    received: Received
    backlog: Backlog | None
    stale: str | None


class Actions:
    """See the head of this file. Everything is called on the thread of commands."""

    def __init__(
        self, stations: dict[str, Station], intake: Intake, version: str, outbox: Outbox
    ) -> None:
        self._stations = stations
        self._intake = intake
        self._version = version
        self._outbox = outbox
        self._decoder = Decoder()
        self._trying = Trying(self._decoder)
        self._do: dict[str, Callable[[Any], dict[str, Any]]] = {
            "ping": self._ping,
            "select_program": self._select_program,
            "capture": self._capture,
            "show": self._show,
            "try_program": self._try_program,
            "calibrate": self._calibrate,
            "register_master": self._register_master,
            "pause": self._pause,
            "resume": self._resume,
            "set_output": self._set_output,
            "resend": self._resend,
            "reset_counters": self._reset_counters,
        }

    def close(self) -> None:
        """End what is being decoded."""
        self._decoder.close()

    def rest(self) -> None:
        """Nobody has asked for anything: let go what is not used any more."""
        self._trying.rest()

    def do(self, name: str, command: Command, asked: Asked) -> dict[str, Any]:
        """Do a command; what its reply says. Raises Problem COMMAND_STALE, and what the command may
        come to."""
        if isinstance(command, TriggerCommand):
            return self._trigger(command, asked)
        if asked.stale and not command.late:
            raise Problem("COMMAND_STALE", asked.stale)
        return self._do[name](command)

    def _station(self, station: str) -> Station:
        found = self._stations.get(station)
        if found is None:
            raise Problem("STATION_NOT_FOUND", f"{station}; there are {', '.join(self._stations)}")
        return found

    def _some(self, station: str | None) -> list[Station]:
        return list(self._stations.values()) if station is None else [self._station(station)]

    def _ping(self, _: Ping) -> dict[str, Any]:
        lines = {
            station.id: station.driver.values(station.id) for station in self._stations.values()
        }
        return {"at": utc(), "version": self._version, "lines": lines}

    def _select_program(self, command: SelectProgram) -> dict[str, Any]:
        station = self._station(command.station)
        station.shelf.refresh()
        program = station.select(command.program)
        self._outbox.event(
            "program.selected", station.id, {"program": command.program, "version": program.version}
        )
        return {
            "program": command.program,
            "program_version": program.version,
            "program_hash": program.hash,
        }

    def _live(self, station: Station, asked: ProgramCamera | None = None) -> Frame:
        """A picture with the settings asked for, else with those of the active program, as an
        inspection takes it."""
        now = time.monotonic_ns()
        request = Request(
            now,
            now + station.settings.camera.timeout_ms * 1_000_000,
            None,
            asked or self._of_program(station),
        )
        return station.camera.grab(request)

    def _of_program(self, station: Station) -> ProgramCamera:
        try:
            return station.shelf.get(station.program_id or "").program.camera
        except Problem:  # no program, or none that can be used: its state says so
            return ProgramCamera()

    def _capture(self, command: Capture) -> dict[str, Any]:
        station = self._station(command.station)
        asked = command.camera or self._of_program(station)
        if command.optimise:
            frame, asked = optimise(station.camera, asked, station.settings.camera.timeout_ms)
        else:
            frame = self._live(station, asked)
        encoded = (
            station.pictures.encode_exact(frame.pixels, EXACT_BYTES)
            if command.exact
            else station.pictures.encode(frame.pixels)
        )
        return {
            "image": base64.b64encode(encoded).decode(),
            "width": frame.width,
            "height": frame.height,
            "captured_at": utc(frame.taken_at_s),
            "quality": measure_quality(frame)._asdict(),
            "limits": station.settings.camera.quality.model_dump(),
            "camera": asked.model_dump(),
            "controls": list(station.camera.controls),
            "simulated": station.simulated,
        }

    def _show(self, command: Show) -> dict[str, Any]:
        station = self._station(command.station)
        if station.pictures.showing is not None:
            station.pictures.showing.watch(station.id)
        return {"station": station.id}

    def _try_program(self, command: TryProgram) -> dict[str, Any]:
        return self._trying.answer(command, self._station(command.station))

    def _calibrate(self, command: Calibrate) -> dict[str, Any]:
        self._station(command.station)
        pictures = [self._decoder.decode(base64.b64decode(image)) for image in command.images]
        found = from_checkerboard(
            pictures, command.columns, command.rows, command.square_mm, command.in_plane
        )
        return {"calibration": found.model_dump(mode="json")}

    def _register_master(self, command: RegisterMaster) -> dict[str, Any]:
        station = self._station(command.station)
        if command.image is not None:
            pixels = self._decoder.decode(base64.b64decode(command.image))
        else:
            pixels = self._live(station).pixels
        # as we encode it, whatever came
        data = station.pictures.encode_exact(pixels, MAX_MASTER_BYTES)
        store = station.shelf.store
        head = store.get(command.program)
        program = head.program.model_copy(
            update={"master": "master.png" if data.startswith(b"\x89PNG") else "master.jpg"}
        )
        # a master that its tools cannot learn from is refused here
        load(program, head.version, head.hash, data, store.file)
        stored = store.save(
            program, data, by="command", note="register_master", expect_version=head.version
        )
        station.shelf.refresh()
        self._outbox.event(
            "program.changed", station.id, {"program": command.program, "version": stored.version}
        )
        return {
            "program": command.program,
            "program_version": stored.version,
            "program_hash": stored.hash,
        }

    def _trigger(self, command: TriggerCommand, asked: Asked) -> dict[str, Any]:
        """The trigger goes the way of all triggers, so it is answered even if the command is too
        old to start anything."""
        station = self._station(command.station)
        trigger = as_trigger(command.trigger)
        # the same request must not make a second one
        trigger_id = trigger.trigger_id or f"cmd-{command.request_id}"[:64]
        trigger = trigger.model_copy(
            update={"trigger_id": trigger_id, "sent_at": trigger.sent_at or command.sent_at}
        )
        problem = Problem("TRIGGER_STALE", "its command waited too long") if asked.stale else None
        taken = self._intake.take(
            station, trigger, "command", asked.received, backlog=asked.backlog, problem=problem
        )
        if asked.stale:
            raise Problem(
                "COMMAND_STALE",
                f"{asked.stale}; its trigger {taken.told.trigger_id} is answered TRIGGER_STALE",
            )
        if taken.differs:
            raise Problem("TRIGGER_KNOWN", taken.told.trigger_id)
        return {
            "duplicate": taken.told.known,
            **taken.told.model_dump(exclude_none=True, exclude={"known"}),
        }

    def _pause(self, command: Pause) -> dict[str, Any]:
        for station in self._some(command.station):
            station.pause(True, maintenance=command.maintenance)
            self._outbox.event("station.paused", station.id, {"maintenance": command.maintenance})
        return {
            "stations": [station.id for station in self._some(command.station)],
            "maintenance": command.maintenance,
        }

    def _resume(self, command: Resume) -> dict[str, Any]:
        for station in self._some(command.station):
            station.pause(False)
            self._outbox.event("station.resumed", station.id, {})
        return {"stations": [station.id for station in self._some(command.station)]}

    def _set_output(self, command: SetOutput) -> dict[str, Any]:
        station = self._station(command.station)
        station.test_line(command.output, command.active)
        return {
            "output": command.output,
            "active": command.active,
            "lines": station.driver.values(station.id),
        }

    def _resend(self, command: Resend) -> dict[str, Any]:
        station = self._station(command.station)
        seqs = (command.from_seq, command.to_seq) if command.from_seq and command.to_seq else None
        payloads = station.ledger.results(station.id, command.result_ids, command.trigger_ids, seqs)
        if not payloads:
            raise Problem("RESULT_NOT_FOUND", f"station {station.id}")
        self._outbox.resend(station.id, payloads)
        return {
            "count": len(payloads),
            "seqs": [json.loads(payload)["seq"] for payload in payloads],
        }

    def _reset_counters(self, command: ResetCounters) -> dict[str, Any]:
        for station in self._some(command.station):
            station.reset_counters()
        return {"stations": [station.id for station in self._some(command.station)], "at": utc()}
