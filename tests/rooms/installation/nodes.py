"""A node in this process that has been put together, but not started: what comes waits, and tests
look at what it would say."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from broker.reading import Backlog, Delivery
from broker.wire import Incoming
from node.service import Service
from schemas import Settings


class Still:
    """See the head of this file."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.names = service.outbox.names

    def deliver(
        self,
        *payloads: bytes | dict[str, Any],
        station: str = "cam1",
        outage_s: float | None = None,
        again: bool = False,
        same: bool = False,
        **more: Any,
    ) -> None:
        """Deliver these as one batch on the trigger topic; they may have come before (`again`), or
        be in the ledger (`same`)."""
        backlog = None if outage_s is None else Backlog(outage_s)
        raw = [
            payload if isinstance(payload, bytes) else json.dumps(payload).encode()
            for payload in payloads
        ]
        topic = self.names("trigger", station)
        self.service.intake.deliver(
            [
                Delivery(station, Incoming(topic, each, **more), backlog, again or same, same=same)
                for each in raw
            ]
        )

    def said(self, name: str, leaf: str = "") -> list[Any]:
        """What it has said on a topic since it was last asked."""
        topic = self.names(name, leaf)
        found = [message for message in self.service.outbox.misc if message.topic == topic]
        for message in found:
            self.service.outbox.misc.remove(message)
        return [json.loads(message.payload) for message in found]

    def command(
        self,
        name: str,
        payload: bytes | None = None,
        *,
        outage_s: float | None = None,
        topic: str | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """The reply to a command."""
        raw = json.dumps(fields).encode() if payload is None else payload
        message = Incoming(
            self.names("cmd", name), raw, response_topic=topic, correlation=b"c" if topic else None
        )
        self.service.commands.put(name, message, None if outage_s is None else Backlog(outage_s))
        self.service.commands.work(0.0)
        (reply,) = self.said("reply", name)
        return dict(reply)

    def results(self, station: str = "cam1") -> list[dict[str, Any]]:
        """Every stored result of a station."""
        return [
            json.loads(payload)
            for payload in self.service.ledger.results(station, seqs=(1, 10_000))
        ]

    @property
    def paused(self) -> set[str]:
        """The stations that are."""
        return {station.id for station in self.service.stations.values() if station.paused}

    def inspect(self, station: str = "cam1") -> None:
        """Inspect what waits at a station."""
        thread = self.service.stations[station].thread
        while thread.waiting:
            thread._room.release()
            thread._inspect(thread._queue.get_nowait())
            self.service.ledger.flush()


@contextmanager
def still(
    folder: Path, *, commands: dict[str, Any] | None = None, **station: Any
) -> Iterator[Still]:
    """A node with the stations cam1 and cam2, both simulated and without a program: what is
    inspected there is an ERROR. Nothing in it is started, and so no process either."""
    stations = [
        {"id": name, "camera": {"kind": "synthetic"}, "worker": "thread", **station}
        for name in ("cam1", "cam2")
    ]
    values = {
        "environment": "testing",
        "state_dir": str(folder / "state"),
        "station": stations,
        "commands": commands or {},
    }
    service = Service(Settings.model_validate(values), folder)
    try:
        yield Still(service)
    finally:
        service.ledger.close()
        os.close(service._lock_file)
