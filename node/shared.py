"""What all stations of a node share, as one object that is handed to each."""

from dataclasses import dataclass

from node.gpio.driver import LineDriver
from node.metrics import Metrics
from node.pictures.writer import PictureWriter
from node.shelf import Shelf
from node.telemetry.tracing import Tracing
from schemas.store.ledger import Ledger


@dataclass(frozen=True)
class Shared:
    """Made once by the wiring. tracing: None if no trace is followed."""

    node_id: str
    driver: LineDriver
    ledger: Ledger
    shelf: Shelf
    pictures: PictureWriter
    metrics: Metrics
    tracing: Tracing | None = None
