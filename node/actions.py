"""What each command does; how a command comes and is answered is in commands.py."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from broker.outbox import Outbox
from broker.reading import Backlog
from node.acquire import acquire
from node.annotate import annotate
from node.arrival import Received
from node.calibration import from_checkerboard
from node.cameras import Request
from node.decoding import Decoder
from node.faults.challenge import challenged
from node.frame import Frame, Pixels
from node.intake import Intake
from node.judge import judge
from node.limits import CHALLENGE_S
from node.locate import locate
from node.measure import measure
from node.optimise import optimise
from node.part import Inspection, Part
from node.program import LoadedProgram, load
from node.publish import build
from node.quality import measure as measure_quality
from node.station import Station
from schemas import Problem, Trigger, as_program, new_id, utc
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

EXACT_BYTES = 8 * 1024 * 1024  # as a master comes back with a program


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
        station = self._station(command.station)
        master = None if command.master is None else self._cleaned(station, command.master)
        loaded = self._given(command, station, master)
        if command.challenge is not None:
            return self._challenge(
                command.challenge, station, loaded, self._good(command, station, loaded, master)
            )
        # the first one starts the child: that is no time of the inspection
        given, refused = self._decoded(command.image)
        part = Part(
            0,
            station.id,
            f"try-{command.request_id}"[:64],
            Trigger(),
            True,
            "command",
            time.time(),
            time.monotonic_ns(),
        )
        found = Inspection(part, loaded)
        try:
            if refused is not None:
                raise refused
            if given is not None:
                found.frame = Frame(
                    given, time.monotonic_ns(), time.time(), "given", simulated=True
                )
                if loaded.size not in (None, (found.frame.width, found.frame.height)):
                    raise Problem("IMAGE_SIZE", f"{found.frame.width} x {found.frame.height} px")
            else:
                now = time.monotonic_ns()
                request = Request(
                    now,
                    now + station.settings.camera.timeout_ms * 1_000_000,
                    None,
                    loaded.program.camera,
                )
                found.frame, _ = acquire(
                    station.camera, request, station.settings.camera.quality, loaded.size
                )
            found.step("acquire")
            found.pose, found.placement = locate(
                found.frame, loaded.program.locator, loaded.locator
            )
            found.step("locate")
            found.findings = measure(found.frame, found.placement, loaded)
            found.step("measure")
            found.verdict, found.fault = judge(found, loaded)
        except Problem as problem:
            found.fail(problem)
        data = build(found, station, new_id(), 1).model_dump(mode="json", by_alias=True)
        data.pop("seq")
        if found.frame is not None:
            data["annotated"] = base64.b64encode(station.pictures.encode(annotate(found))).decode()
        if command.give_master and master is not None:
            data["master"] = base64.b64encode(master).decode()
        return data

    def _good(
        self, command: TryProgram, station: Station, loaded: LoadedProgram, master: bytes | None
    ) -> Pixels:
        """The picture of a good part that faults are drawn on. Raises Problem IMAGE_INVALID,
        MASTER_IMAGE_NOT_FOUND."""
        if command.image is not None:
            return self._decoder.decode(base64.b64decode(command.image))
        master = master or station.shelf.store.master(loaded.program)
        if master is None:
            raise Problem(
                "MASTER_IMAGE_NOT_FOUND", "give the picture of a good part to draw faults on"
            )
        return self._decoder.decode(master)

    def _challenge(
        self, first: int, station: Station, loaded: LoadedProgram, good: Pixels
    ) -> dict[str, Any]:
        """What came of the drawn faults from `first` on, as many as fit into the time; `next`: from
        which on to ask again."""
        found = challenged(loaded, good, first, station.settings.camera.quality, CHALLENGE_S)
        outcomes = [
            {
                **each._asdict(),
                "never": each.never,
                "picture": None
                if each.picture is None
                else base64.b64encode(station.pictures.encode(each.picture)).decode(),
            }
            for each in found.outcomes
        ]
        return {**found._asdict(), "outcomes": outcomes}

    def _given(self, command: TryProgram, station: Station, master: bytes | None) -> LoadedProgram:
        if isinstance(command.program, str):
            station.shelf.refresh()
            return station.shelf.get(command.program)
        program = as_program(command.program)
        if master is None:
            master = station.shelf.store.master(program)
        return load(program, 1, program.hash, master, station.shelf.store.file)

    def _decoded(self, image: str | None) -> tuple[Pixels | None, Problem | None]:
        try:
            return (None if image is None else self._decoder.decode(base64.b64decode(image))), None
        except Problem as problem:
            return None, problem

    def _cleaned(self, station: Station, master: str) -> bytes:
        """A picture from outside, as the child sees it; small enough for a reply."""
        return station.pictures.encode_exact(
            self._decoder.decode(base64.b64decode(master)), EXACT_BYTES
        )

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
