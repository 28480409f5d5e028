"""A session without a node: triggers are accepted and answered at once, commands and notices are
kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from broker.lanes import Lanes
from broker.outbox import Outbox
from broker.reading import Backlog, Delivery
from broker.session import Session
from broker.topics import Names
from broker.wire import Incoming
from schemas import Problem, Result, ToolResult
from schemas.settings import BrokerSettings
from schemas.store.ledger import Ledger, TriggerStored
from tests.rooms.promise.ledgers import build, new


class Bench:
    """A session on a ledger of its own; triggers are accepted and answered at once."""

    def __init__(
        self,
        folder: Path,
        settings: BrokerSettings,
        stations: tuple[str, ...] = ("cam1", "cam2"),
        short: tuple[str, ...] = (),
        *,
        lanes: bool = False,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.short = frozenset(short)
        self.stations = stations
        self.backlogs: list[tuple[str, Backlog | None]] = []
        self.notices: list[tuple[str, str]] = []
        self.commands: list[tuple[str, Incoming]] = []
        self.batches: list[int] = []
        self.failing = False
        self.answering = True
        self.long = False  # results have 40 tools
        self.ages: list[Backlog | None] = []  # of the commands
        self.lanes = lanes  # commands have a connection of their own
        self.session: Any = self.make()

    def again(self) -> None:
        """The process ends and starts again."""
        self.close()
        self.session = self.make()

    def make(self) -> Session | Lanes:
        names = Names(self.settings.base, "node-01")
        outbox = self.outbox = Outbox(names, self.short, Outbox(names) if self.lanes else None)
        self.ledger = Ledger(self.folder / "ledger.db", outbox.committed, outbox.flush_soon)
        session = (Lanes if self.lanes else Session)(
            self.settings,
            outbox,
            self.ledger,
            self.take,
            self.command,
            lambda what, message: self.notices.append((what, message)),
            self.folder,
            self.stations,
            ("ping",),
        )
        session.start()
        return session

    def command(self, name: str, message: Incoming, backlog: Backlog | None) -> None:
        self.ages.append(backlog)
        self.commands.append((name, message))
        if name == "ping":
            self.outbox.post("reply", name, message.payload, apart=True)

    def take(self, deliveries: list[Delivery]) -> None:
        self.batches.append(len(deliveries))
        for delivery in deliveries:
            trigger_id = delivery.message.payload.decode()
            if self.failing:
                raise Problem("STORE_FAILED", "as asked")
            self.backlogs.append((trigger_id, delivery.backlog))
            if self.answering:
                self.result(trigger_id, delivery.station)

    def result(self, trigger_id: str, station: str = "cam1") -> None:
        """A trigger from any source, which is answered."""
        accepted = self.ledger.accept(new(trigger_id, station=station))
        if isinstance(accepted, TriggerStored):
            self.ledger.answer(accepted.id, station, self.build(trigger_id, station))

    def build(self, trigger_id: str, station: str) -> Callable[[int], Result]:
        plain = build(trigger_id, station)
        tool = ToolResult(
            name="t",
            kind="area",
            verdict="NG",
            value=1.0,
            unit="px",
            low=0.0,
            high=2.0,
            ms=1.0,
            error=None,
        )
        tools = tuple(tool.model_copy(update={"name": f"tool-{number}"}) for number in range(40))
        return (lambda seq: plain(seq).model_copy(update={"tools": tools})) if self.long else plain

    def close(self) -> None:
        self.session.stop(None, 3)
        self.ledger.close()

    @property
    def trouble(self) -> str:
        """What the alarm says now."""
        told = self.told("trouble")()
        return told[-1] if told else ""

    def told(self, what: str) -> Callable[[], list[str]]:
        return lambda: [message for heard, message in self.notices if heard == what]
