"""Active conditions: retained on `alarm/{code}` while they last. A code has one owner, who alone
raises and clears it."""

import logging
import threading

from broker.outbox import Outbox
from schemas import Alarm, utc

log = logging.getLogger(__name__)

NODE_ALARMS = (
    "BROKER",
    "STORE",
    "DISK",
    "PROGRAMS",
    "LEDGER",
    "OUTBOX",
    "CLOCK",
    "HEARTBEAT",
    "CERTIFICATE",
    "AUDIT",
    "EXPORT",
    "BACKUP",
    "FAULT",
)
STATION_ALARMS = (
    "CAMERA",
    "OUTPUTS",
    "PROGRAM",
    "HUNG",
    "CRASHED",
    "REALTIME",
    "DUPLICATES",
    "FAULT",
)


class Alarms:
    """The alarms of a node; a code with a station is `CODE.station`."""

    def __init__(self, stations: tuple[str, ...], outbox: Outbox) -> None:
        self._codes = [
            *NODE_ALARMS,
            *(f"{code}.{station}" for code in STATION_ALARMS for station in stations),
        ]
        self._outbox = outbox
        self._active: dict[str, Alarm] = {}
        self._lock = threading.Lock()

    def set(self, code: str, message: str | None, station: str | None = None) -> None:
        """The condition holds, with a message for people, or (None) does not."""
        key = f"{code}.{station}" if station else code
        with self._lock:
            known = self._active.get(key)
            if message is None:
                if known is None:
                    return
                del self._active[key]
            else:
                if known is not None and known.message == message:
                    return
                since = known.since if known else utc()
                self._active[key] = Alarm(
                    code=key, message=message[:1000], since=since, station=station
                )
            alarm = self._active.get(key)
            # in the order of the changes
            self._outbox.retain("alarm", key, alarm.model_dump_json().encode() if alarm else b"")
        log.log(logging.WARNING if alarm else logging.INFO, "alarm %s: %s", key, message or "over")

    @property
    def active(self) -> dict[str, Alarm]:
        """The active alarms by code."""
        with self._lock:
            return dict(self._active)

    def all_out(self) -> None:
        """Publish every alarm, also those that are not active: the broker may still hold one of an
        earlier run."""
        with self._lock:
            for code in self._codes:
                alarm = self._active.get(code)
                self._outbox.retain(
                    "alarm", code, alarm.model_dump_json().encode() if alarm else b""
                )
