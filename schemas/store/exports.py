"""What exporting remembers: how far the pictures are, and how the last backup went.

Pictures wait nowhere but in the ledger: those of a result are copied once its row lies before every
trigger that has no result yet, so a cursor that only grows misses none, and survives any end.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Generic, NamedTuple, TypeVar

from pydantic import Field, ValidationError

from schemas.base import Float, Shape
from schemas.errors import Problem
from schemas.settings.exports import PictureExport
from schemas.store.disk import failed, replace
from schemas.store.ledger.queries import Queries

FOLDER = "exports"
Remembered = TypeVar("Remembered", bound=Shape)
# Results are committed in a different order from their triggers. What waits at a station that no
# longer exists will wait for ever, and holds up nothing.
FIRST_WAITING = (
    "coalesce((SELECT min(w.id) FROM waiting w JOIN triggers t ON t.id = w.id"
    " WHERE t.station IN ({stations})), 9223372036854775807)"
)
ROWS = (
    "FROM results WHERE id > ? AND pictures AND verdict IN ({verdicts}) AND id < " + FIRST_WAITING
)


class PictureProgress(Shape):
    """How far pictures are: of all results up to that row (the id of the ledger)."""

    row: Annotated[int, Field(ge=0)] = 0
    sent: Annotated[int, Field(ge=0)] = 0
    lost: dict[str, int] = Field(default_factory=dict)


class BackupSent(Shape):
    """How the last copy of a backup went.

    When one arrived (seconds since 1970), and what went wrong since.
    """

    arrived_at: Float | None = None
    file: str | None = None
    error: str | None = None


class QueueDepth(NamedTuple):
    """How many results wait, and when the oldest was finished (seconds since 1970)."""

    results: int
    oldest_at: float | None


class Queue:
    """The results whose pictures have to be copied, oldest first. Raises Problem STORE_FAILED."""

    def __init__(self, ledger: Queries, settings: PictureExport, stations: Collection[str]) -> None:
        self._ledger = ledger
        self._values = (*settings.verdicts, *stations)
        self._stations = tuple(stations)
        marks = ", ".join("?" * len(stations))
        self._rows = ROWS.format(verdicts=", ".join("?" * len(settings.verdicts)), stations=marks)
        self._settled = (
            "SELECT min(coalesce((SELECT max(id) FROM results), 0),"
            f" {FIRST_WAITING.format(stations=marks)} - 1)"
        )

    def newest(self) -> int:
        """The row of the newest result, 0 if there is no result."""
        return int(self._ledger.read("SELECT coalesce(max(id), 0) FROM results")[0][0])

    def after(self, row: int, limit: int) -> tuple[list[tuple[int, bytes]], int]:
        """Row and payload of the next ones, and up to which row there are no others.

        Who goes on from there looks at no result twice, also where hardly one is to be copied.
        """
        settled = int(self._ledger.read(self._settled, self._stations)[0][0])
        sql = f"SELECT id, payload {self._rows} ORDER BY id LIMIT ?"
        rows = self._ledger.read(sql, (row, *self._values, limit))
        last = rows[-1][0] if rows else row
        return rows, last if len(rows) == limit else max(last, settled)

    def waiting(self, row: int) -> QueueDepth:
        """What waits after a row."""
        sql = f"SELECT count(*), min(finished_at) {self._rows}"
        return QueueDepth(*self._ledger.read(sql, (row, *self._values))[0])

    def among(self, row: int, rows: list[int]) -> int:
        """How many of these wait after a row."""
        marks = ", ".join("?" * len(rows))
        sql = f"SELECT count(*) {self._rows} AND id IN ({marks})"
        return int(self._ledger.read(sql, (row, *self._values, *rows))[0][0])

    def skip(self, row: int, results: int) -> int:
        """The first row that is not among that many of the oldest."""
        sql = f"SELECT id {self._rows} ORDER BY id LIMIT 1 OFFSET ?"
        rows = self._ledger.read(sql, (row, *self._values, results - 1))
        return int(rows[0][0]) if rows else row


class Memory(Generic[Remembered]):
    """A small document in the state folder, replaced whole."""

    def __init__(self, state: Path, name: str, shape: type[Remembered]) -> None:
        self._path = state / FOLDER / name
        self._shape = shape

    def read(self) -> Remembered | None:
        """None if there is none. Raises Problem STORE_CORRUPT, STORE_FAILED."""
        try:
            return self._shape.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise Problem(
                "STORE_CORRUPT", f"{self._path.name}: it is not what was written"
            ) from error
        except OSError as error:
            raise failed(str(self._path), error) from error

    def write(self, value: Remembered) -> None:
        """Raises Problem STORE_FAILED."""
        try:
            self._path.parent.mkdir(exist_ok=True)
            replace(self._path, json.dumps(value.model_dump()).encode())
        except OSError as error:
            raise failed(str(self._path), error) from error


def pictures(state: Path) -> Memory[PictureProgress]:
    """How far pictures are."""
    return Memory(state, "pictures.json", PictureProgress)


def backups(state: Path) -> Memory[BackupSent]:
    """How the last backup went."""
    return Memory(state, "backups.json", BackupSent)
