"""Commands: each with its payload model, one at a time on a thread of their own, answered once for each request_id."""

import base64
import json
import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from broker.outbox import Outbox
from broker.session import Backlog
from broker.wire import Incoming, Message
from node.acquire import acquire
from node.annotate import annotate
from node.calibration import from_checkerboard
from node.cameras import Request
from node.decoding import Decoder
from node.frame import Frame, Pixels
from node.intake import Intake
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.optimise import optimise
from node.part import Inspection, Part
from node.program import LoadedProgram, load
from node.publish import build
from node.quality import measure as measure_quality
from node.station import Station
from schemas import Problem, Reply, Trigger, as_program, canonical, new_id, read_json, utc
from schemas.base import explain
from schemas.command import (
    COMMANDS,
    MAX_COMMAND_BYTES,
    Calibrate,
    Capture,
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
from schemas.result import Fault
from schemas.store.programs import MAX_MASTER_BYTES
from schemas.trigger import as_trigger

log = logging.getLogger(__name__)

LINE = 64
READS = ("ping", "capture", "show", "try_program", "calibrate")
RECENT = 16
RECENT_BYTES = 32 * 1024 * 1024
REPLY_EXPIRY_S = 60
EXACT_BYTES = 8 * 1024 * 1024  # as a master comes back with a program


class Commands:
    """See the head of this file."""

    def __init__(
        self,
        stations: dict[str, Station],
        intake: Intake,
        version: str,
        outbox: Outbox,
    ) -> None:
        self.beat_ns = time.monotonic_ns()
        self._outbox = outbox
        self._stations = stations
        self._intake = intake
        self._version = version
        self._event = outbox.event
        self._decoder = Decoder()
        self._line: queue.Queue[tuple[str, Incoming] | None] = queue.Queue(LINE)
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)
        # what only reads need not survive a restart; the other replies are kept in the ledger
        self._recent: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._do: dict[str, Callable[[Any], dict[str, Any]]] = {
            "ping": self._ping,
            "select_program": self._select_program,
            "capture": self._capture,
            "show": self._show,
            "try_program": self._try_program,
            "calibrate": self._calibrate,
            "register_master": self._register_master,
            "trigger": self._trigger,
            "pause": self._pause,
            "resume": self._resume,
            "set_output": self._set_output,
            "resend": self._resend,
            "reset_counters": self._reset_counters,
        }

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, limit_s: float) -> None:
        """Finish the current command, then end."""
        self._line.put(None)
        self._thread.join(limit_s)
        self._decoder.close()

    def put(self, name: str, message: Incoming, _backlog: Backlog | None = None) -> None:
        """A message on a command topic; answered later. Called on the broker's thread, so it never waits."""
        if message.retain:
            self._event("command.retained", None, {"name": name[:64]})
            return
        try:
            self._line.put_nowait((name, message))
        except queue.Full:
            self._event("command.dropped", None, {"name": name[:64], "advice": "too many commands at a time"})

    def _run(self) -> None:
        while True:
            self.beat_ns = time.monotonic_ns()
            try:
                item = self._line.get(timeout=0.5)
            except queue.Empty:
                continue
            if item is None:
                return
            try:
                self._handle(*item)
            except Exception:
                log.exception("command %s failed", item[0])

    def _handle(self, name: str, message: Incoming) -> None:
        request_id = "unknown"
        known: bytes | None = None
        try:
            value = read_json(message.payload, limit=MAX_COMMAND_BYTES, code="BAD_COMMAND")
            if isinstance(value, dict) and isinstance(value.get("request_id"), str):
                request_id = value["request_id"][:64]
            if name not in COMMANDS:
                raise Problem("UNKNOWN_COMMAND", name[:64])
            try:
                command = COMMANDS[name].model_validate(value)
            except ValidationError as error:
                raise Problem("BAD_COMMAND", explain(error)) from None
            known = self._known(name, command.request_id)
            reply = Reply(request_id=request_id, ok=True, data=self._do[name](command)) if known is None else None
        except Problem as problem:
            reply = Reply(request_id=request_id, ok=False, error=Fault(code=problem.code, message=problem.message[:1000]))
        except Exception as error:
            log.exception("command %s failed", name)
            fault = Fault(code="INTERNAL", message=f"{type(error).__name__}: {error}"[:1000])
            reply = Reply(request_id=request_id, ok=False, error=fault)
        payload = known if reply is None else reply.model_dump_json().encode()
        assert payload is not None
        if reply is not None and reply.ok:
            self._remember(name, request_id, payload)
        self._reply(name if name in COMMANDS else "unknown", message, payload)

    def _known(self, name: str, request_id: str) -> bytes | None:
        recent = self._recent.get((name, request_id))
        if recent is not None:
            return recent
        kept = next(iter(self._stations.values())).ledger.reply(request_id)
        if kept is None:
            return None
        if kept.name != name:
            raise Problem("BAD_COMMAND", f"request_id {request_id} was used for {kept.name}")
        return kept.payload

    def _remember(self, name: str, request_id: str, payload: bytes) -> None:
        if name not in READS and len(payload) <= 16384:
            next(iter(self._stations.values())).ledger.keep_reply(request_id, name, b"", payload)
            return
        self._recent[name, request_id] = payload
        while len(self._recent) > RECENT or sum(map(len, self._recent.values())) > RECENT_BYTES:
            self._recent.popitem(last=False)

    def _reply(self, name: str, message: Incoming, payload: bytes) -> None:
        self._outbox.post("reply", name, payload)
        topic = message.response_topic
        if topic is None:
            return
        if topic.startswith(f"{self._outbox.names.base}/") and not any(c in topic for c in "+#\x00"):
            self._outbox.post_raw(Message(topic, payload, expiry_s=REPLY_EXPIRY_S, correlation=message.correlation))
        else:
            self._event("command.response_topic", None, {"refused": topic[:200], "allowed": f"{self._outbox.names.base}/..."})

    # The commands

    def _station(self, station: str) -> Station:
        found = self._stations.get(station)
        if found is None:
            raise Problem("STATION_NOT_FOUND", f"{station}; there are {', '.join(self._stations)}")
        return found

    def _some(self, station: str | None) -> list[Station]:
        return list(self._stations.values()) if station is None else [self._station(station)]

    def _ping(self, _: Ping) -> dict[str, Any]:
        lines = {station.id: station.driver.values(station.id) for station in self._stations.values()}
        return {"at": utc(), "version": self._version, "lines": lines}

    def _select_program(self, command: SelectProgram) -> dict[str, Any]:
        station = self._station(command.station)
        station.shelf.refresh()
        program = station.select(command.program)
        self._event("program.selected", station.id, {"program": command.program, "version": program.version})
        return {"program": command.program, "program_version": program.version, "program_hash": program.hash}

    def _live(self, station: Station, asked: ProgramCamera | None = None) -> Frame:
        """A picture with the settings asked for, else with those of the active program, as an inspection takes it."""
        now = time.monotonic_ns()
        request = Request(now, now + station.settings.camera.timeout_ms * 1_000_000, None, asked or self._of_program(station))
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
            station.pictures.encode_exact(frame.pixels, EXACT_BYTES) if command.exact else station.pictures.encode(frame.pixels)
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
        given, refused = self._decoded(command.image)  # the first one starts the child: that is no time of the inspection
        part = Part(
            0, station.id, f"try-{command.request_id}"[:64], Trigger(), True, "command", time.time(), time.monotonic_ns()
        )
        found = Inspection(part, loaded)
        try:
            if refused is not None:
                raise refused
            if given is not None:
                found.frame = Frame(given, time.monotonic_ns(), time.time(), "given", simulated=True)
                if loaded.size not in (None, (found.frame.width, found.frame.height)):
                    raise Problem("IMAGE_SIZE", f"{found.frame.width} x {found.frame.height} px")
            else:
                now = time.monotonic_ns()
                request = Request(now, now + station.settings.camera.timeout_ms * 1_000_000, None, loaded.program.camera)
                found.frame, _ = acquire(station.camera, request, station.settings.camera.quality, loaded.size)
            found.step("acquire")
            found.pose, found.placement = locate(found.frame, loaded.program.locator, loaded.locator)
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
        return station.pictures.encode_exact(self._decoder.decode(base64.b64decode(master)), EXACT_BYTES)

    def _calibrate(self, command: Calibrate) -> dict[str, Any]:
        self._station(command.station)
        pictures = [self._decoder.decode(base64.b64decode(image)) for image in command.images]
        found = from_checkerboard(pictures, command.columns, command.rows, command.square_mm, command.in_plane)
        return {"calibration": found.model_dump(mode="json")}

    def _register_master(self, command: RegisterMaster) -> dict[str, Any]:
        station = self._station(command.station)
        if command.image is not None:
            pixels = self._decoder.decode(base64.b64decode(command.image))
        else:
            pixels = self._live(station).pixels
        data = station.pictures.encode_exact(pixels, MAX_MASTER_BYTES)  # as we encode it, whatever came
        store = station.shelf.store
        head = store.get(command.program)
        program = head.program.model_copy(update={"master": "master.png" if data.startswith(b"\x89PNG") else "master.jpg"})
        load(program, head.version, head.hash, data, store.file)  # a master that its tools cannot learn from is refused here
        stored = store.save(program, data, by="command", note="register_master", expect_version=head.version)
        station.shelf.refresh()
        self._event("program.changed", station.id, {"program": command.program, "version": stored.version})
        return {"program": command.program, "program_version": stored.version, "program_hash": stored.hash}

    def _trigger(self, command: TriggerCommand) -> dict[str, Any]:
        station = self._station(command.station)
        trigger = as_trigger(command.trigger)
        if trigger.trigger_id is None:  # the same request must not make a second one
            trigger = trigger.model_copy(update={"trigger_id": f"cmd-{command.request_id}"[:64]})
        trigger_id = self._intake.take(station, trigger, canonical(command.trigger), "command")
        return {"trigger_id": trigger.trigger_id, "duplicate": trigger_id is None}

    def _pause(self, command: Pause) -> dict[str, Any]:
        for station in self._some(command.station):
            station.pause(True, maintenance=command.maintenance)
            self._event("station.paused", station.id, {"maintenance": command.maintenance})
        return {"stations": [station.id for station in self._some(command.station)], "maintenance": command.maintenance}

    def _resume(self, command: Resume) -> dict[str, Any]:
        for station in self._some(command.station):
            station.pause(False)
            self._event("station.resumed", station.id, {})
        return {"stations": [station.id for station in self._some(command.station)]}

    def _set_output(self, command: SetOutput) -> dict[str, Any]:
        station = self._station(command.station)
        if not station.maintenance:
            raise Problem("NOT_IN_MAINTENANCE", f"station {station.id}")
        station.driver.by_hand(station.id, command.output, command.active)
        return {"output": command.output, "active": command.active, "lines": station.driver.values(station.id)}

    def _resend(self, command: Resend) -> dict[str, Any]:
        station = self._station(command.station)
        seqs = (command.from_seq, command.to_seq) if command.from_seq and command.to_seq else None
        payloads = station.ledger.results(station.id, command.result_ids, command.trigger_ids, seqs)
        if not payloads:
            raise Problem("RESULT_NOT_FOUND", f"station {station.id}")
        self._outbox.resend(station.id, payloads)
        return {"count": len(payloads), "seqs": [json.loads(payload)["seq"] for payload in payloads]}

    def _reset_counters(self, command: ResetCounters) -> dict[str, Any]:
        for station in self._some(command.station):
            station.reset_counters()
        return {"stations": [station.id for station in self._some(command.station)], "at": utc()}
