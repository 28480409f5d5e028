"""Removes pictures that are too old, and takes pictures that are gone out of the results."""

from node.exports.care import Exports
from node.metrics import NodeMetrics
from node.pictures.keeping import PictureKeeping
from schemas.store.ledger import Ledger

ORPHAN_BATCH = 500


class Retention:
    """See the head of this file."""

    def __init__(
        self, pictures: PictureKeeping, ledger: Ledger, exports: Exports, metrics: NodeMetrics
    ) -> None:
        self._pictures = pictures
        self._ledger = ledger
        self._exports = exports
        self._metrics = metrics
        self._looked_at = 0

    def sweep(self) -> None:
        """Remove what is too old, or too much."""
        swept = self._pictures.store.sweep(self._ledger.pictured)
        self._orphans()
        self._pictures.swept()
        self._metrics.pictures.set(swept.usage.files)
        self._metrics.picture_bytes.set(swept.usage.bytes)

    def _orphans(self) -> None:
        """Results that name pictures which are gone no longer name them; a batch each time, round
        and round."""
        rows = self._ledger.with_pictures(self._looked_at, ORPHAN_BATCH)
        self._looked_at = rows[-1][0] if len(rows) == ORPHAN_BATCH else 0
        names = {f"{result_id}.jpg": row for row, result_id in rows}
        gone = self._pictures.store.missing(names)
        if gone:
            ids = [names[name] for name in gone]
            self._exports.pictures.gone(ids)
            self._ledger.without_pictures(ids)
