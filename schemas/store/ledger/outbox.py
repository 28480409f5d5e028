"""The outbox: results that the broker has not confirmed, in the order of their commits."""

from collections.abc import Callable, Iterable

from schemas.store.ledger.engine import Engine
from schemas.store.ledger.shapes import OutboxRow

SHORTEN_ROWS = 5000  # of one commit
LEAVES = "DELETE FROM outbox WHERE result = (SELECT id FROM results WHERE result_id = ?)"


class OutboxRows(Engine):
    """See the head of this file."""

    unpublished = 0  # results that have been let go since the start

    def pending(self, after: int, limit: int, station: str | None = None) -> list[OutboxRow]:
        """Unconfirmed results (of one station) with an outbox id above `after`, oldest first."""
        rows = self.read(
            "SELECT o.id, r.result_id, r.station, r.payload FROM outbox o JOIN results r ON r.id ="
            " o.result WHERE o.id > ? AND (? IS NULL OR r.station = ?) ORDER BY o.id LIMIT ?",
            (after, station, station, limit),
        )
        return [OutboxRow(*row) for row in rows]

    def pending_stations(self) -> list[str]:
        """Stations that have unconfirmed results."""
        return [
            row[0]
            for row in self.read(
                "SELECT DISTINCT r.station FROM outbox o JOIN results r ON r.id = o.result"
            )
        ]

    def confirmed(self, result_ids: Iterable[str]) -> None:
        """The broker has them: they leave the outbox. Survives `kill -9`, not a power cut (see
        `attempt`)."""
        ids = [(result_id,) for result_id in result_ids]
        self.write(lambda db: db.executemany(LEAVES, ids), durable=False)

    def confirm_soon(self, result_id: str, settled: Callable[[], None]) -> None:
        """Like confirmed, with the next commit; settled() is called if that was made. If not, the
        row is still there."""
        self.post(
            lambda db: db.execute(LEAVES, (result_id,)),
            lambda _, error: settled() if error is None else None,
            durable=False,
        )

    def shorten_outbox(self, limit: int) -> None:
        """Let the oldest results beyond `limit` go unpublished: they stay in the ledger, and count
        in `unpublished`."""
        depth = self.outbox_depth()[0]
        if depth > limit:
            sql = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT ?)"
            rows = min(depth - limit, SHORTEN_ROWS)
            self.unpublished += self.write(
                lambda db: db.execute(sql, (rows,)).rowcount, durable=False
            )

    def outbox_depth(self) -> tuple[int, float]:
        """How many results wait for the broker, and the age of the oldest in seconds."""
        count, oldest = self.read(
            "SELECT (SELECT count(*) FROM outbox), (SELECT lived_s FROM outbox ORDER BY id LIMIT 1)"
        )[0]
        return count, max(0.0, self.lived() - oldest) if oldest is not None else 0.0

    def outbox_last(self) -> int:
        """The greatest outbox id ever given, 0 if none."""
        rows = self.read("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
        return int(rows[0][0]) if rows else 0
