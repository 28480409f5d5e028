"""Show: somebody is looking at a station, so its newest part is drawn for a while."""

from typing import TYPE_CHECKING, Any

from schemas.command import Show

if TYPE_CHECKING:
    from node.worker.bench import Bench


def show(bench: "Bench", command: Show) -> dict[str, Any]:
    """Begin, or go on for some more seconds."""
    if bench.workshop.showing is not None:
        bench.workshop.showing.watch(bench.id)
    return {"station": command.station}
