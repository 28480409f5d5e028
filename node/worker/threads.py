"""The workers of a node that are threads of its own, and the workshop that they share. Loaded with
the first one: a node whose workers are all processes needs nothing that knows pixels."""

from collections.abc import Callable
from pathlib import Path

from node.commands.with_pixels import PixelCommands
from node.look import look
from node.pictures.keeping import PictureKeeping
from node.pictures.live_view import LiveView
from node.pictures.writer import PictureWriter
from node.shelf import Shelf
from node.worker.bench import Workshop, make_bench
from node.worker.in_thread import ThreadWorker
from schemas import Settings, StationSettings
from schemas.store.live_pictures import LivePictures
from schemas.store.programs import Programs


class StationThreads:
    """See the head of this file. preview: takes a station's picture that goes to the broker."""

    def __init__(
        self, settings: Settings, keeping: PictureKeeping, preview: Callable[[str, bytes], None]
    ) -> None:
        state = Path(settings.state_dir)
        quality = settings.pictures.jpeg_quality
        self.workshop = Workshop(
            settings.node_id,
            Shelf(Programs(state / "programs")),
            PictureWriter(keeping.store, quality, keeping.written, preview),
            LiveView(LivePictures(state / "shown")),
        )
        self._commands = PixelCommands(self.workshop)

    def worker(self, station: StationSettings, folder: Path) -> ThreadWorker:
        """Make one more. folder: relative paths are taken from there."""
        return ThreadWorker(make_bench(station, folder, self.workshop), look, self._commands)

    def start(self) -> None:
        """Begin writing and showing pictures."""
        self.workshop.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self.workshop.stop()
