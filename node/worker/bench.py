"""What knows pixels: the bench of a station (its camera, and the parts it has just seen), in the
workshop that the benches of one process share (loaded programs, pictures)."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from node.cameras import Camera, make_camera
from node.cameras.one_at_a_time import OneAtATime
from node.gate import Gate
from node.pictures.live_view import LiveView
from node.pictures.sandbox import Decoder
from node.pictures.writer import PictureWriter
from node.seen import Inspection
from node.shelf import Shelf
from node.worker import manners
from node.worker.seam import Settle
from schemas import StationSettings

# within limits.APART_S
PICTURES_STOP_S = 1.0
SHOWING_STOP_S = 0.5
SEEN = 8  # parts whose frame is kept until somebody says what becomes of it


def _nothing(_: str) -> None:
    """Nobody needs to know."""


class Workshop:
    """Made once for each process."""

    def __init__(
        self, node_id: str, shelf: Shelf, pictures: PictureWriter, showing: LiveView | None = None
    ) -> None:
        self.node_id = node_id
        self.shelf = shelf
        self.pictures = pictures
        self.showing = showing
        self.decoder = Decoder()

    def start(self) -> None:
        """Begin writing and showing pictures."""
        self.pictures.start()
        if self.showing is not None:
            self.showing.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self.decoder.close()
        if self.showing is not None:
            self.showing.stop(SHOWING_STOP_S)
        self.pictures.stop(PICTURES_STOP_S)


class Bench:
    """What one station looks at its parts with. program_id: its active program. doing: is told
    what begins, "" for nothing, so that somebody knows should it never end."""

    def __init__(
        self,
        settings: StationSettings,
        camera: Camera,
        workshop: Workshop,
        doing: Callable[[str], None] = _nothing,
    ) -> None:
        self.id = settings.id
        self.settings = settings
        self.camera = OneAtATime(camera)
        # as the thread that waits for it; what the system does not allow is told of that one
        self.gate = Gate(lambda: list(manners.hurry(settings)))
        self.workshop = workshop
        self.node_id = workshop.node_id
        self.shelf = workshop.shelf
        self.pictures = workshop.pictures
        self.program_id: str | None = None
        self.simulated = camera.simulated or settings.lines.kind == "memory"
        self.doing = doing
        self._seen: OrderedDict[int, Inspection] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the camera, even if somebody waits for it, and end what is beside the parts."""
        self.camera.close()
        self.gate.close()

    def hold(self, program_id: str | None) -> None:
        """The active program: it is never let go."""
        self.program_id = program_id
        self.shelf.hold(self.id, program_id)

    def saw(self, row: int, inspection: Inspection) -> None:
        """A part was looked at: its frame stays until settle() says what becomes of it."""
        with self._lock:
            self._seen[row] = inspection
            while len(self._seen) > SEEN:
                self._seen.popitem(last=False)

    @property
    def fault(self) -> str | None:
        """See Worker.fault."""
        showing = self.workshop.showing
        return None if showing is None else showing.fault(self.id)

    def settle(self, settle: Settle) -> None:
        """See Worker.settle."""
        with self._lock:
            inspection = self._seen.pop(settle.row, None)
        if settle.seq == 0:
            return
        if inspection is not None and settle.fault is not None:
            inspection.verdict, inspection.fault = "ERROR", settle.fault
        if self.workshop.showing is not None:
            self.workshop.showing.offer(self.id, inspection, settle)
        if settle.images.raw is not None or settle.preview:
            self.pictures.write(self.id, inspection, settle)


def make_bench(
    settings: StationSettings,
    folder: Path,
    workshop: Workshop,
    doing: Callable[[str], None] = _nothing,
) -> Bench:
    """A bench with the camera of the settings, not yet opened."""
    return Bench(settings, make_camera(settings.camera, folder), workshop, doing)
