"""What the node is and which programs it has, told to the broker when it changes."""

import logging
import time
from collections.abc import Mapping

from broker.outbox import Outbox
from node.alarms import Alarms
from node.station import Station
from schemas import Info, Problem, ProgramInfo, Settings
from schemas.command import MAX_COMMAND_BYTES
from schemas.generate import schema_hashes
from schemas.inventory import software
from schemas.result import MAX_RESULT_BYTES
from schemas.settings.fingerprint import fingerprint
from schemas.store.programs import Head, Programs
from schemas.tools import OTHERS
from schemas.tools.others import stamped
from schemas.trigger import MAX_META_BYTES, MAX_TRIGGER_BYTES

log = logging.getLogger(__name__)

LOADED_S = 1.0  # a change is held back this long for its program to be loaded


class InfoTelling:
    """The retained message `info`, and events of programs that changed. Sets the alarm PROGRAMS."""

    def __init__(
        self,
        settings: Settings,
        stations: Mapping[str, Station],
        programs: Programs,
        alarms: Alarms,
        outbox: Outbox,
        version: str,
    ) -> None:
        self._settings = settings
        self._fingerprint = fingerprint(settings)
        self._stations = stations
        self._programs = programs
        self._heads: dict[str, Head] | None = None
        self._alarms = alarms
        self._outbox = outbox
        self._version = version
        self._told = b""
        self._hashes: dict[Head, str] = {}
        for other in OTHERS.values():
            if other.problem is not None:
                log.error("%s", other.problem)

    def again(self) -> None:
        """The broker is back: publish it whether or not it has changed."""
        self._told = b""

    def look(self) -> None:
        """Look for programs that changed, load them, and publish them."""
        heads = {head.id: head for head in self._programs.list()}
        before = heads if self._heads is None else self._heads
        self._heads = heads
        until = time.monotonic() + LOADED_S
        for station in self._stations.values():
            station.worker.refresh(max(0.0, until - time.monotonic()))
        for program_id in sorted({*before, *heads}):
            if before.get(program_id) != heads.get(program_id):
                head = heads.get(program_id)
                told = {"program": program_id, "version": head.version if head else None}
                self._outbox.event("program.changed", None, told)
        broken = self._programs.problem
        self._alarms.set("PROGRAMS", broken.message if broken else None)
        self._hashes = {head: self._hashes.get(head) or self._hash(head) for head in heads.values()}
        info = Info(
            node=self._settings.node_id,
            version=self._version,
            stations={
                station.id: {
                    "camera": station.settings.camera.kind,
                    "lines": station.settings.lines.kind,
                    "simulated": station.simulated,
                    "mqtt": station.settings.mqtt,
                    "gpio": station.settings.lines.trigger is not None,
                    "timer_ms": station.settings.timer_ms,
                    "queue_limit": station.settings.queue_limit,
                    "max_age_ms": station.settings.max_age_ms,
                    "plain": station.settings.plain,
                    "ack": station.settings.ack,
                    "short": station.settings.short,
                }
                for station in self._stations.values()
            },
            programs={
                head.id: ProgramInfo(version=head.version, hash=self._hashes[head], name=head.name)
                for head in heads.values()
            },
            schemas=schema_hashes(),
            limits={
                "trigger_bytes": MAX_TRIGGER_BYTES,
                "meta_bytes": MAX_META_BYTES,
                "result_bytes": MAX_RESULT_BYTES,
                "command_bytes": MAX_COMMAND_BYTES,
            },
            environment=self._settings.environment,
            settings=self._fingerprint,
            software=software(),
        )
        payload = info.model_dump_json().encode()
        if payload != self._told:
            self._told = payload
            self._outbox.retain("info", "", payload)

    def _hash(self, head: Head) -> str:
        """The hash as results with this program have it: with the packages of tools of others."""
        if not OTHERS:
            return head.hash
        try:
            tools = self._programs.get(head.id, head.version).program.tools
        except Problem:  # the part that asks for it is told
            return head.hash
        return stamped(head.hash, {tool.kind for tool in tools}, OTHERS)
