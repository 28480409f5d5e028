"""What all stations of a node share, as one object that is handed to each."""

from collections.abc import Callable
from dataclasses import dataclass, field

from node.gpio.driver import LineDriver
from node.metrics import NodeMetrics
from node.pictures.keeping import PictureKeeping
from node.telemetry.tracing import Tracing
from schemas.store.ledger import Ledger
from schemas.store.programs import Programs


@dataclass(frozen=True)
class Shared:
    """Made once by the wiring. tracing: None if no trace is followed. busy: whether it has a part,
    of each station."""

    node_id: str
    driver: LineDriver
    ledger: Ledger
    programs: Programs
    pictures: PictureKeeping
    metrics: NodeMetrics
    tracing: Tracing | None = None
    busy: list[Callable[[], bool]] = field(default_factory=list)
